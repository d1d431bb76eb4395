/** A launch's number is written into records, and into nothing else that a program has. */
import { assert } from "@std/assert";
import { RECORDS } from "../../lib/plan/program_parts.ts";
import { sandbox } from "../../mod.ts";
import { planOf } from "./planning.ts";

Deno.test("no step keeps anything under the name of a record", () => {
  const box = sandbox().file("/a", "text").tmpfs("/b", { size: "1M" }).bind("/usr", "/c")
    .overlay("/d", { lower: ["/usr", "/etc"], upper: "ephemeral" }).symlink("a", "/e").dir("/f")
    .mask("/c/bin").readonly("/c/lib").mqueue("/g").devpts("/h").tty()
    .root({ overlay: { lower: ["/"], upper: "ephemeral" } });
  let stored = 0;
  for (const { steps } of [planOf(box), planOf(sandbox()), planOf(sandbox().share("pid"))]) {
    for (const { operations } of steps) {
      for (const { store } of operations) {
        const name = typeof store === "object" ? store.name : store;
        if (typeof name !== "string") continue;
        stored++;
        assert(!RECORDS.includes(name), `"${name}" is a record's`);
      }
    }
  }
  assert(stored > 50);
});
