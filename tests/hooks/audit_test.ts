import { assert, assertEquals, assertRejects } from "@std/assert";
import { audit, type AuditRecord } from "../../hooks/audit.ts";
import { HookError, sandbox } from "../../mod.ts";
import { inFolder } from "../integration/support.ts";

Deno.test("audit: a line when it starts and one when it ends, for the owner alone", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/log`;
    const box = sandbox().env("TOKEN", "hush").file("/etc/note", "hush hush").use(audit(path));
    const codes = await Promise.all(
      ["3", "4"].map(async (code) => (await box.output(["sh", "-c", `exit ${code}`])).code),
    );
    assertEquals(codes, [3, 4]);
    const text = await Deno.readTextFile(path);
    assert(!text.includes("hush"), "a secret is written down");
    assertEquals((await Deno.stat(path)).mode! & 0o777, 0o600);
    const records: AuditRecord[] = text.trim().split("\n").map((line) => JSON.parse(line));
    assertEquals(records.length, 4);
    for (const launch of new Set(records.map(({ launch }) => launch))) {
      const [start, end] = records.filter((record) => record.launch === launch);
      assert(start?.event === "start" && end?.event === "end");
      assert((start.pid === null || start.pid > 1) && start.uid === Deno.uid());
      assert(start.spec.env.includes("TOKEN"));
      assert([3, 4].includes(end.code) && end.usage.wall > 0);
      assert(Date.parse(start.time) <= Date.parse(end.time));
    }
  });
});

Deno.test("audit: what cannot be written down does not run on", async () => {
  await inFolder(async (folder) => {
    const box = sandbox().use(audit(`${folder}/no/such/place`));
    const error = await assertRejects(() => box.output(["sleep", "60"]), HookError);
    assert(error.message.includes("audit"), error.message);
  });
});
