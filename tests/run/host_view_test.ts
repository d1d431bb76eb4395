/** What the default root shows of the host is what is there. */
import { assert, assertEquals } from "@std/assert";
import { hostView } from "../../lib/run/host_view.ts";

Deno.test("the view names what is there, as links, contents, or to be bound", () => {
  const entries = hostView();
  for (const entry of entries) {
    const { kind, path } = entry;
    if (kind === "symlink") assertEquals(Deno.readLinkSync(path), entry.to);
    else if (kind === "copy") assertEquals(Deno.readFileSync(path), entry.contents);
    else assertEquals(Deno.statSync(path).isDirectory, kind === "bind-dir", path);
  }
  const named = entries.map(({ path }) => path);
  assertEquals(new Set(named).size, named.length);
  assert(named.includes("/usr") && named.includes("/etc/passwd"));
  // Nothing of it is secret.
  for (const path of named) assert(!/shadow|sudoers|private/.test(path), path);
});
