/** Sandboxes that outlive the program that started them. */
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { Sandbox, sandbox, SpecError } from "../../mod.ts";
import { isAlive } from "../../lib/state/identity.ts";
import { paddock, withFolder } from "../cli/run.ts";
import { CAN_LIMIT, WHY_NOT } from "../cgroup/support.ts";
import { inPlace, lives } from "../lifecycle/support.ts";
import { inFolder, ROOT, testIf, until } from "./support.ts";

/** PSS of a process in KiB; of pid 1, root alone may know it. proc_pid_smaps(5). */
function memoryOf(pid: number): number {
  try {
    const rollup = Deno.readTextFileSync(`/proc/${pid}/smaps_rollup`);
    return Number(/^Pss:\s+(\d+) kB/m.exec(rollup)![1]);
  } catch (error) {
    if (ROOT) throw error;
    return 0;
  }
}

Deno.test("a detached sandbox runs on, is listed, tells what it wrote and how it ended", async () => {
  await inPlace(async (place) => {
    const started = await place.process(
      "run",
      "-d",
      "--name",
      "web",
      "sh",
      "-c",
      "trap 'echo late; exit 7' TERM; echo out; echo err >&2; while :; do sleep 0.1; done",
    );
    assertEquals([started.code, started.stderr], [0, ""]);
    const record = place.record(started.stdout.trim());
    const { keeper, first, command } = record.processes!;
    assert(isAlive(keeper) && isAlive(first) && isAlive(command));
    const [line] = JSON.parse(await place.out("ps", "--json"));
    assertEquals(line, {
      id: record.id,
      name: "web",
      state: "running",
      created: new Date(record.created).toISOString(),
      pid: command.pid,
      command: [...record.argv],
      outcome: null,
    });
    assertMatch(await place.out("ps"), /^ID .*\n[0-9a-f]{12} +web +running .* sh -c trap/);
    // No process of ours but the keeper and pid 1; the keeper is nobody's child that runs Deno.
    const stat = Deno.readTextFileSync(`/proc/${keeper.pid}/stat`);
    const [, parent, , session] = stat.slice(stat.lastIndexOf(")") + 2).split(" ").map(Number);
    assert(parent !== Deno.pid);
    assertEquals(session, keeper.pid);
    assertEquals(Deno.readLinkSync(`/proc/${keeper.pid}/cwd`), "/");
    const memory = memoryOf(keeper.pid) + memoryOf(first.pid);
    assert(memory > 0 && memory <= 48, `${memory} KiB for all but the command`);
    // What was written last is there when the end is told.
    await until(async () => (await place.paddock("logs", "web")).stdout === "out\n");
    await place.out("kill", "-s", "TERM", "web");
    const ended = await place.paddock("wait", "--json", "web");
    assertEquals(ended.code, 7);
    const outcome = JSON.parse(ended.stdout);
    assertEquals([outcome.code, outcome.signal, outcome.timedOut], [7, null, false]);
    assert(outcome.usage.wall > 0 && outcome.usage.maxRss > 0);
    assert(!lives(record));
    assertEquals(await place.paddock("logs", "web"), {
      code: 0,
      stdout: "out\nlate\n",
      stderr: "err\n",
    });
    assertEquals(await place.out("ps"), "ID  NAME  STATE  CREATED  PID  COMMAND\n");
    assertStringIncludes(await place.out("ps", "-a"), " ended 7 ");
    await place.out("rm", "web");
    assertEquals(place.ids(), []);
    assertEquals([...Deno.readDirSync(`${place.path}/names`)], []);
  });
});

Deno.test("with its keeper a sandbox dies, and the next command says so and clears up", async () => {
  await inPlace(async (place) => {
    const records = [
      await place.start("--name", "whole", "sh", "-c", "sleep 77 & sleep 77"),
      await place.start("--share", "pid", "sh", "-c", "sleep 77 & setsid sleep 77"),
      await place.start("--as-pid-1", "sleep", "77"),
    ];
    for (const { processes } of records) Deno.kill(processes!.keeper.pid, "SIGKILL");
    assert(await until(() => !records.some(lives)));
    const states = JSON.parse(await place.out("ps", "-a", "--json"));
    assertEquals(states.map(({ state }: { state: string }) => state), ["lost", "lost", "lost"]);
    assertEquals(await place.paddock("wait", "whole"), {
      code: 125,
      stdout: "",
      stderr:
        'paddock: the keeper of the sandbox "whole" was killed, and everything in it with it\n',
    });
    await place.out("rm", ...records.map(({ id }) => id.slice(0, 12)));
    assertEquals(place.ids(), []);
  });
});

Deno.test("the time limit holds without paddock", async () => {
  await inPlace(async (place) => {
    await place.start("--name", "late", "--timeout", "300ms", "sh", "-c", "trap '' TERM; sleep 77");
    const { code, stdout } = await place.paddock("wait", "--json", "late");
    assertEquals([code, JSON.parse(stdout).timedOut], [124, true]);
    assertStringIncludes(await place.out("ps", "-a"), " timed out ");
  });
});

Deno.test("stop asks, waits and kills; kill sends a signal", async () => {
  await inPlace(async (place) => {
    const deaf = await place.start(
      "--name",
      "deaf",
      "sh",
      "-c",
      "trap '' TERM; echo up; while :; do sleep 1; done",
    );
    // It must have said that it wants no signal before it gets one.
    const log = `${place.path}/sandboxes/${deaf.id}/stdout.log`;
    await until(() => Deno.readTextFileSync(log) === "up\n");
    const tame = await place.start("--name", "tame", "sleep", "77");
    await place.out("stop", "tame");
    assertEquals((await place.paddock("wait", "tame")).code, 128 + 15);
    await place.out("stop", "-t", "100ms", "deaf");
    assertEquals((await place.paddock("wait", "deaf")).code, 128 + 9);
    assert(!lives(deaf) && !lives(tame));
    assertEquals(await place.paddock("stop", "tame"), {
      code: 125,
      stdout: "",
      stderr: 'paddock: the sandbox "tame" has ended\n',
    });
    const asPid1 = await place.start("--as-pid-1", "--name", "one", "sleep", "77");
    await place.out("kill", "one");
    assertEquals((await place.paddock("wait", "one")).code, 128 + 9);
    assert(!lives(asPid1));
    await place.start("--name", "still", "sleep", "77");
    assertEquals(
      (await place.paddock("rm", "still")).stderr,
      'paddock: the sandbox "still" runs; stop it first, or give --force\n',
    );
    await place.out("rm", "-f", "still");
  });
});

Deno.test("logs are capped and rotated, and read as one", async () => {
  await inPlace(async (place) => {
    const options = ["--log-size", "16K", "--log-files", "3"];
    await place.start("--name", "much", ...options, "sh", "-c", "seq 20000; seq 30 >&2");
    assertEquals((await place.paddock("wait", "much")).code, 0);
    const all = Array.from({ length: 20000 }, (_, index) => `${index + 1}\n`).join("");
    const { stdout, stderr } = await place.paddock("logs", "much");
    // Two whole files, and what is in the newest.
    assertEquals(stdout.length, 2 * 16384 + all.length % 16384);
    assert(all.endsWith(stdout));
    assertEquals(stderr.length, 21 + 60);
    const [id] = place.ids();
    const files = [...Deno.readDirSync(`${place.path}/sandboxes/${id}`)].map(({ name }) => name);
    assertEquals(files.filter((name) => name.startsWith("stdout")).sort(), [
      "stdout.log",
      "stdout.log.1",
      "stdout.log.2",
    ]);
    // Across files, too.
    const tail = await place.paddock("logs", "-n", "4000", "much");
    assertEquals(tail.stdout, all.split("\n").slice(-4001).join("\n"));
    assertEquals((await place.paddock("logs", "-n", "0", "much")).stdout, "");
    assertEquals((await place.paddock("logs", "-n", "1", "much")).stderr, "30\n");
  });
});

Deno.test("logs -f goes on until the end, over rotations", async () => {
  await inPlace(async (place) => {
    const script = "for i in $(seq 40); do echo $i; sleep 0.02; done; seq 41 3000";
    await place.start("--name", "slow", "--log-size", "8K", "sh", "-c", script);
    const ended = await place.paddock("logs", "-f", "slow");
    assertEquals(ended.stderr, "");
    const lines = ended.stdout.trimEnd().split("\n");
    assertEquals([lines[0], lines.at(-1)], ["1", "3000"]);
  });
});

testIf(CAN_LIMIT, WHY_NOT, "the cgroup is counted and removed by the keeper", async () => {
  await inPlace(async (place) => {
    const script = "head -c 8M /dev/zero | tail -c 8M >/dev/null; sleep 0.1";
    const record = await place.start("--name", "fed", "--memory", "64M", "sh", "-c", script);
    assert(record.cgroups.length > 0);
    const { code, stdout } = await place.paddock("wait", "--json", "fed");
    assertEquals(code, 0);
    const { usage, oomKilled } = JSON.parse(stdout);
    assertEquals(oomKilled, false);
    assert(usage.user + usage.system > 0);
    // Linux 5.19 is the first that tells the peak of version 2.
    if (usage.memoryPeak !== undefined) {
      assert(usage.memoryPeak > 6 * 2 ** 20, `${usage.memoryPeak}`);
    }
    for (const path of record.cgroups) assert(!exists(path), path);
    await place.start(
      "--name",
      "fat",
      "--memory",
      "8M",
      "sh",
      "-c",
      "head -c 64M /dev/zero | tail -c 64M",
    );
    const fat = JSON.parse((await place.paddock("wait", "--json", "fat")).stdout);
    assertEquals(fat.oomKilled, true);
    // Killed with its keeper.
    const lost = await place.start("--name", "lost", "--memory", "64M", "sleep", "77");
    Deno.kill(lost.processes!.keeper.pid, "SIGKILL");
    await place.out("ps");
    assert(await until(() => !lost.cgroups.some(exists)));
  });
});

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

Deno.test("postStart runs before the command returns, postStop once, in the next one", async () => {
  const module = `
    const note = (text) => Deno.writeTextFileSync(new URL("./notes", import.meta.url), text + "\\n", { append: true });
    export default {
      name: "notes",
      postStart({ pid }) { note("start " + (pid > 0)); },
      postStop({ status, usage }) { note("stop " + status.code + " " + (usage.wall > 0)); },
    };`;
  await withFolder({ "notes.ts": module }, async (folder) => {
    await inPlace(async (place) => {
      const notes = () => Deno.readTextFileSync(`${folder}/notes`);
      await place.start("--name", "a", "--hook", `${folder}/notes.ts`, "sleep", "77");
      assertEquals(notes(), "start true\n");
      await place.out("kill", "-s", "TERM", "a");
      assertEquals((await place.paddock("wait", "a")).code, 143);
      await place.out("ps", "-a");
      await place.out("rm", "a");
      assertEquals(notes(), "start true\nstop 143 true\n");
      // Also when many see it.
      const { id, processes } = await place.start("--hook", `${folder}/notes.ts`, "true");
      await until(() => !isAlive(processes!.keeper));
      await Promise.all(["ps", "ps", "ps"].map((command) => place.out(command)));
      await place.out("rm", id);
      assertEquals(notes().split("\n").length, 5);
    });
  });
});

Deno.test("what fails at the start leaves nothing, and the name is free", async () => {
  await inPlace(async (place) => {
    const failed = async (code: number, ...args: string[]) => {
      const ended = await place.paddock("run", "-d", "--name", "a", ...args);
      assertEquals([ended.code, ended.stdout], [code, ""]);
      assertMatch(ended.stderr, /^paddock: [^\n]+\n$/);
      assertEquals(place.ids(), []);
      return ended.stderr;
    };
    await failed(127, "paddock-not-there");
    await failed(125, "-b", "/paddock/not/there", "true");
    const module = (hooks: string) =>
      `data:application/typescript,export default { name: "bad", ${hooks} }`;
    const slow = module("preMount: () => new Promise((go) => setTimeout(go, 9000))");
    await failed(124, "--timeout", "300ms", "--hook", slow, "true");
    const hook = module('postStart() { throw new Error("no") }');
    assertStringIncludes(await failed(125, "--hook", hook, "sleep", "77"), "postStart");
    const { id } = await place.start("--name", "a", "sleep", "77");
    const again = await place.paddock("run", "-d", "--name", "a", "true");
    assertEquals(again.code, 125);
    assertStringIncludes(again.stderr, `"a" is the name of the sandbox ${id} already`);
    assertEquals(place.ids(), [id]);
  });
});

Deno.test("the state of another user, and what is no state, is an error of one line", async () => {
  await inFolder(async (folder) => {
    await Deno.chmod(folder, 0o755);
    for (
      const command of [["ps"], ["logs", "x"], ["wait", "x"], ["rm", "x"], ["prune"], [
        "run",
        "-d",
        "true",
      ]]
    ) {
      const ended = await paddock(command, { env: { PADDOCK_STATE: folder } });
      assertEquals([ended.code, ended.stdout], [125, ""]);
      assertMatch(
        ended.stderr,
        /^paddock: the state directory "[^"]+" is open to others; [^\n]+\n$/,
      );
    }
    const env = { PADDOCK_STATE: "relative" };
    assertStringIncludes((await paddock(["ps"], { env })).stderr, "is no absolute path");
  });
});

Deno.test("a program starts one by start(), and another one finds it by its name", async () => {
  await inPlace(async (place) => {
    Deno.env.set("PADDOCK_STATE", place.path);
    try {
      const box = sandbox();
      await using started = await box.start(["sleep", "77"], { name: "lib", detach: true });
      assertEquals([started.id, started.name], [place.ids()[0], "lib"]);
      await using found = await Sandbox.attach("lib");
      assertEquals(found.pid, started.pid);
      assertEquals((await found.execOutput(["hostname"])).code, 0);
      found.signal("SIGTERM");
      const { signal } = await started.wait();
      assertEquals(signal, "SIGTERM");
      // One that has ended by the time the handle is there.
      await using short = await box.start(["sh", "-c", "exit 4"], { detach: true });
      assertEquals((await short.wait()).code, 4);
      for (const wrong of [{ detach: true, stdout: "piped" }, { logs: { size: "1M" } }] as const) {
        await assertRejects(() => box.start(["true"], wrong), SpecError);
      }
      assertEquals(place.ids().length, 2);
    } finally {
      Deno.env.delete("PADDOCK_STATE");
    }
  });
});
