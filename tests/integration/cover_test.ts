import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { sandbox, StepError } from "../../mod.ts";
import { attempt, inFolder, lines, sh } from "./support.ts";

Deno.test("masked files read as nothing and masked directories are empty, both read-only", async () => {
  await inFolder(async (folder) => {
    await Deno.mkdir(`${folder}/keys`);
    await Deno.writeTextFile(`${folder}/keys/id`, "secret");
    await Deno.writeTextFile(`${folder}/token`, "secret");
    const box = sandbox().bind(folder, "/d", { writable: true }).mask("/d/keys", "/d/token");
    assertEquals(await sh(box, "ls -A /d/keys"), "");
    assertEquals(lines(await sh(box, "ls /d; cat /d/token 2> /dev/null || true")), [
      "keys",
      "token",
    ]);
    for (const path of ["/d/keys/new", "/d/token"]) {
      assertMatch((await attempt(box, `echo > ${path}`)).stderr, /Read-only|Permission denied/);
    }
    for (const script of ["rm -r /d/keys", "rm /d/token", "mv /d/keys /d/x", "ln /d/token /d/y"]) {
      assertMatch((await attempt(box, script)).stderr, /busy|cross-device|Permission|Read-only/);
    }
    assertEquals(await Deno.readTextFile(`${folder}/keys/id`), "secret");
  });
});

Deno.test("what is to be covered must be there, unless that is optional", async () => {
  for (const kind of ["mask", "readonly"] as const) {
    const error = await assertRejects(() => sandbox()[kind]("/none").output(["true"]), StepError);
    assertMatch(error.message, /"\/none".*ENOENT.*optional: true/);
    for (const target of ["/none", "/none/below", "/usr/bin/true/below"]) {
      const box = sandbox().mount({ kind, target, optional: true });
      assertEquals((await box.output(["true"])).code, 0);
    }
  }
});

Deno.test("what was to be covered and was not there is named in the result", async () => {
  const optional = true;
  const box = sandbox().tmpfs("/w").dir("/w/there")
    .mount({ kind: "mask", target: "/w/key", optional })
    .mount({ kind: "mask", target: "/w/there", optional })
    .mount({ kind: "readonly", target: "/w/none", optional })
    .mount({ kind: "bind", source: "/no/such/source", target: "/w/x", optional });
  const expected = ["/no/such/source", "/w/key", "/w/none"];
  for (const _ of [1, 2]) assertEquals((await box.output(["true"])).skipped, expected);
  await using child = await box.spawn(["true"]);
  assertEquals((await child.status).skipped, expected);
  await using first = await box.asPid1().spawn(["true"]);
  assertEquals((await first.status).skipped, expected);
});

Deno.test("so is what a hook added, and what guards /proc is not", async () => {
  const box = sandbox().capabilities(["CAP_SYS_ADMIN"]).use({
    name: "adds",
    preMount(ctx) {
      ctx.addMount({ kind: "mask", target: "/none", optional: true });
      ctx.addMount({ kind: "bind", source: "/no/such/source", target: "/x", optional: true });
    },
  });
  assertEquals((await box.output(["true"])).skipped, ["/no/such/source", "/none"]);
});

Deno.test("readonly holds for all that is mounted below, and for files", async () => {
  const box = sandbox().tmpfs("/w").tmpfs("/w/a/b").file("/w/f", "f").dir("/w/c")
    .readonly("/w/a", "/w/f");
  assertEquals(await sh(box, "touch /w/ok /w/c/ok; cat /w/f"), "f");
  for (const path of ["/w/a/x", "/w/a/b/x", "/w/f"]) {
    assertMatch((await attempt(box, `echo > ${path}`)).stderr, /Read-only file system/);
  }
});

Deno.test("a mask follows links inside of the root", async () => {
  await inFolder(async (folder) => {
    await Deno.mkdir(`${folder}/real`);
    await Deno.writeTextFile(`${folder}/real/key`, "secret");
    await Deno.symlink("/d/real", `${folder}/link`);
    const box = sandbox().bind(folder, "/d").mask("/d/link/key");
    assertMatch((await attempt(box, "cat /d/real/key; cat /d/link/key")).stdout, /^$/);
  });
});
