/** What a handle of a running sandbox does besides running further commands in it. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { defineHook, Sandbox, sandbox, SandboxError, UnsupportedError } from "../../mod.ts";
import { CAN_LIMIT, WHY_NOT } from "../cgroup/support.ts";
import { inPlace } from "../lifecycle/support.ts";
import { testIf, text, until } from "./support.ts";

const SLEEP = ["sleep", "60"];

Deno.test("its processes are told with both numbers, as the host sees them", async () => {
  await using box = await sandbox().start(["sh", "-c", "sleep 61 & exec sleep 60"]);
  await using child = await box.exec(["sleep", "62"], { stdin: "null" });
  const expected = [["paddock"], ["sleep", "60"], ["sleep", "61"], ["sleep", "62"]];
  const commands = () => box.pids().map(({ command }) => command.join(" ")).sort();
  const wanted = expected.map((words) => words.join(" ")).sort();
  await until(() => commands().join() === wanted.join());
  const members = box.pids();
  assertEquals(commands(), wanted);
  assertEquals(members.map(({ inside }) => inside).slice(0, 2), [1, 2]);
  assertEquals(members[1]!.pid, box.pid);
  assert(members.some(({ pid }) => pid === child.pid));
});

Deno.test("what it uses is counted without a cgroup too", async () => {
  await using box = await sandbox().start(["sh", "-c", "while :; do :; done"]);
  assert(await until(() => box.stats().cpu.total >= 30));
  const stats = box.stats();
  assertEquals([stats.source, stats.processes, stats.cgroup], ["proc", 2, undefined]);
  assert(stats.memory > 0);
  let count = 0;
  for await (const { at } of box.statsStream(10)) {
    assert(at >= stats.at);
    if (++count === 3) box.signal("SIGKILL");
  }
  assert(count >= 3);
});

Deno.test("it is asked to end, and killed if it does not", async () => {
  const script = (
    code: string,
  ) => ["sh", "-c", `trap '${code}' TERM; echo on; while :; do sleep 0.05; done`];
  for (const [code, grace, expected] of [["exit 7", "30s", 7], ["", 100, 137]] as const) {
    await using box = await sandbox().start(script(code), { stdout: "piped", stdin: "null" });
    await box.stdout.getReader().read();
    assertEquals((await box.stop(grace)).code, expected);
    assertThrows(() => box.signal("SIGTERM"), TypeError);
    assertThrows(() => box.pids(), SandboxError);
  }
  await using box = await sandbox().start(SLEEP);
  await box.kill();
  assertEquals((await box.wait()).signal, "SIGKILL");
});

testIf(CAN_LIMIT, WHY_NOT, "it stands still and goes on, and its limits change", async () => {
  await using box = await sandbox().limits({ pids: 20, memory: "64M" }).start(SLEEP);
  await box.pause();
  await assertRejects(() => box.exec(["true"]), SandboxError, "paused");
  await box.resume();
  assert((await box.execOutput(["true"])).success);
  box.update({ pids: 3 });
  const { code } = await box.execOutput(["sh", "-c", "true & true & true & true & wait"]);
  assert(code !== 0);
  assertEquals(box.stats().source, "cgroup");
  await box.pause();
  // What stands still dies all the same.
  await box.kill();
});

Deno.test("without limits it says what is missing", async () => {
  await using box = await sandbox().start(SLEEP);
  await assertRejects(() => box.pause(), UnsupportedError, "limits()");
  assertThrows(() => box.update({ pids: 3 }), UnsupportedError, "limits()");
});

Deno.test("a hook that sees the start enters, and sees what is used", async () => {
  let seen = "";
  const plugin = defineHook({
    name: "enters",
    async postStart(context) {
      const { stdout } = await context.exec(["hostname"]);
      seen = `${text(stdout).trim()} ${(await context.stats()).processes > 1}`;
      context.kill("SIGTERM");
    },
  });
  const { signal } = await sandbox().hostname("fern").use(plugin).output(SLEEP);
  assertEquals([seen, signal], ["fern true", "SIGTERM"]);
});

Deno.test("a detached sandbox gives the same handle in another program", async () => {
  await inPlace(async (place) => {
    const record = await place.start("--name", "web", "--hostname", "fern", "-e", "A=1", ...SLEEP);
    const before = Deno.env.get("PADDOCK_STATE");
    Deno.env.set("PADDOCK_STATE", place.path);
    try {
      {
        await using box = await Sandbox.attach("web");
        assertEquals([box.id, box.name, box.pid], [
          record.id,
          "web",
          record.processes!.command.pid,
        ]);
        const { stdout } = await box.execOutput(["sh", "-c", "hostname; echo $A$B; id -u"], {
          env: { B: "2" },
        });
        assertEquals(text(stdout), `fern\n12\n${Deno.uid()}\n`);
        assertEquals(box.pids()[1]!.pid, box.pid);
        assertThrows(() => box.status, TypeError, "wait()");
      }
      await using box = await Sandbox.attach(record.id.slice(0, 8));
      assertEquals((await box.stop()).signal, "SIGTERM");
      await assertRejects(() => box.exec(["true"]), SandboxError, "ended");
      await assertRejects(() => Sandbox.attach("web"), SandboxError, '"web" has ended');
      await assertRejects(() => Sandbox.attach("none"), SandboxError, "there is no sandbox");
    } finally {
      if (before === undefined) Deno.env.delete("PADDOCK_STATE");
      else Deno.env.set("PADDOCK_STATE", before);
    }
  });
});
