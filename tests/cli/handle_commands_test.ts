/** The commands that enter a detached sandbox, look into it, and change it. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { CAN_LIMIT, WHY_NOT } from "../cgroup/support.ts";
import { inFolder, testIf } from "../integration/support.ts";
import { inPlace } from "../lifecycle/support.ts";

Deno.test("exec ends as its command does, and says what is wrong in one line", async () => {
  await inPlace(async (place) => {
    await place.start("--name", "web", "--hostname", "fern", "--tmpfs", "/work", "sleep", "60");
    const script = "hostname; pwd; echo $A; echo no >&2; exit 3";
    // As a process of its own, for the command writes to its standard streams itself.
    const ended = await place.process(
      ...["exec", "-e", "A=1", "-w", "/work", "web", "sh", "-c", script],
    );
    assertEquals(ended, { code: 3, stdout: "fern\n/work\n1\n", stderr: "no\n" });
    const codes = await Promise.all([
      ["web", "--", "sh", "-c", "kill -9 $$"],
      ["--timeout", "100ms", "web", "sleep", "60"],
      ["web", "/etc/passwd"],
      ["web", "no-such"],
      ["nobody", "true"],
      ["-u", "name", "web", "true"],
      ["web"],
    ].map((args) => place.paddock("exec", ...args)));
    assertEquals(codes.map(({ code }) => code), [137, 124, 126, 127, 125, 125, 125]);
    for (const { stderr } of codes.slice(2)) assertMatch(stderr, /^paddock: [^\n]+\n$/);
    await place.out("kill", "web");
    await place.paddock("wait", "web");
    const late = await place.paddock("exec", "web", "true");
    assertEquals([late.code, late.stderr], [125, 'paddock: the sandbox "web" has ended\n']);
  });
});

Deno.test("inspect and stats tell of it, for a reader and for a program", async () => {
  await inPlace(async (place) => {
    const record = await place.start("--name", "web", "sleep", "60");
    const details = JSON.parse(await place.out("inspect", "--json", "web"));
    assertEquals([details.id, details.name, details.state], [record.id, "web", "running"]);
    assertEquals(details.namespaces.net, Number(record.namespaces.net!.inode));
    assertEquals(details.processes.map(({ inside }: { inside: number }) => inside), [1, 2]);
    assertEquals(details.processes[1].pid, record.processes!.command.pid);
    assert(details.plan.length > 10 && details.idMaps.uids.length === 1);
    const text = await place.out("inspect", "web");
    for (const part of ["Namespaces:", "Processes:", "sleep 60", "Plan:"]) {
      assertStringIncludes(text, part);
    }
    const [line, ...more] = (await place.out("stats", "--json", "web")).trim().split("\n");
    const used = JSON.parse(line!);
    assertEquals([used.id, used.processes, used.source, more.length], [record.id, 2, "proc", 0]);
    assertMatch(await place.out("stats"), /^ID .*\n[0-9a-f]{12} +web .*\n$/);
    const nobody = await place.paddock("inspect", "nobody");
    assertEquals([nobody.code, nobody.stdout], [125, ""]);
    const still = await place.paddock("pause", "web");
    assertEquals(still.code, 125);
    assertStringIncludes(still.stderr, "limits()");
  });
});

Deno.test("cp copies in and out, and says what is wrong in one line", async () => {
  await inPlace(async (place) => {
    await inFolder(async (folder) => {
      await place.start("--name", "web", "sleep", "60");
      await Deno.writeTextFile(`${folder}/a:b`, "there and back");
      await place.out("cp", `${folder}/a:b`, "web:/tmp");
      await place.out("cp", "web:/tmp/a:b", `${folder}/back`);
      assertEquals(await Deno.readTextFile(`${folder}/back`), "there and back");
      for (
        const words of [["a", "b"], ["web:/a", "web:/b"], ["web:/none", folder], ["web:tmp", "."]]
      ) {
        const { code, stderr } = await place.paddock("cp", ...words);
        assertEquals(code, 125);
        assertMatch(stderr, /^paddock: [^\n]+\n$/);
      }
    });
  });
});

testIf(CAN_LIMIT, WHY_NOT, "one with limits stands still, goes on, and is given more", async () => {
  await inPlace(async (place) => {
    await place.start("--name", "web", "--pids", "5", "sleep", "60");
    await place.out("pause", "web");
    const refused = await place.paddock("exec", "web", "true");
    assertEquals(refused.code, 125);
    assertStringIncludes(refused.stderr, "paused");
    await place.out("resume", "web");
    await place.out("update", "--pids", "50", "web");
    const script = "for n in 1 2 3 4 5 6; do sleep 0.1 & done; wait";
    assertEquals((await place.paddock("exec", "web", "sh", "-c", script)).code, 0);
    assertEquals((await place.paddock("update", "web")).code, 125);
  });
});
