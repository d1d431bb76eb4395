/**
 * Whatever is killed, and whenever: nothing that runs is lost, nothing that is somebody else's gets a
 * signal, and `paddock prune` names and removes what is left. `deno task test:crash` does many more
 * rounds.
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { StateDirectory } from "../../lib/state/directory.ts";
import { identityOf, isAlive } from "../../lib/state/identity.ts";
import { killAll, signalProcess } from "../../lib/run/detached/processes.ts";
import { start, text } from "../cli/run.ts";
import { processesWith, ROOT, testIf, until, wait } from "../integration/support.ts";
import { sampleRecord } from "../state/support.ts";
import { inPlace, lives, type Place } from "./support.ts";

const ROUNDS = Number(Deno.env.get("PADDOCK_CRASH_ROUNDS") ?? 10);
const TAG = `9753.${Deno.pid}`;

/** All that is written down of sandboxes, and every name. */
function left(place: Place): string[] {
  const names = [...Deno.readDirSync(`${place.path}/names`)].map(({ name }) => name);
  return [...place.ids(), ...names];
}

/** Removes what does not run: what it named. */
async function pruned(place: Place): Promise<string[]> {
  const lines = (await place.out("prune")).split("\n").filter((line) => line !== "");
  return lines.map((line) => line.replace("removed ", ""));
}

Deno.test(`a start that is killed at ${ROUNDS} moments leaves a sandbox that is known, or nothing`, async () => {
  await inPlace(async (place) => {
    await place.process("run", "-d", "true");
    const begin = performance.now();
    await place.process("run", "-d", "true");
    const whole = performance.now() - begin;
    await until(() => place.ids().every((id) => !lives(place.record(id))));
    await pruned(place);
    let ran = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const child = start(["run", "-d", "--name", "x", "--", "sleep", TAG], { env: place.env });
      await wait(whole * (0.3 + 0.9 * (round + Math.random()) / ROUNDS));
      try {
        child.kill("SIGKILL");
      } catch { /* it was quicker */ }
      const { stdout } = await child.output();
      const state = StateDirectory.open(place.path);
      const runs = (state?.entries() ?? []).filter(({ record }) => record && lives(record));
      // What has told its id is there, and runs.
      if (text(stdout) !== "") assertEquals(runs.map(({ id }) => `${id}\n`), [text(stdout)]);
      // Whoever was in the middle of it ends with the one who was killed, or is known by its record.
      const known = () =>
        (StateDirectory.open(place.path)?.entries() ?? []).filter(({ record }) =>
          record?.processes !== undefined && isAlive(record.processes.keeper)
        ).length;
      assert(
        await until(() => processesWith(TAG).length === known()),
        "a process that nobody knows",
      );
      ran += known();
      for (const { record } of state?.entries() ?? []) if (record) await killAll(record);
      await pruned(place);
      assertEquals(left(place), []);
      assert(await until(() => processesWith(TAG).length === 0));
    }
    console.log(`${ran} of ${ROUNDS} had been handed over`);
  });
});

Deno.test("a keeper that is killed takes all with it; prune names what is left", async () => {
  await inPlace(async (place) => {
    for (let round = 0; round < Math.ceil(ROUNDS / 3); round++) {
      const record = await place.start("--name", "k", "sh", "-c", `sleep ${TAG} & yes | cat`);
      await wait(Math.random() * 50);
      Deno.kill(record.processes!.keeper.pid, "SIGKILL");
      assert(await until(() => !lives(record) && processesWith(TAG).length === 0));
      assertEquals(await pruned(place), [`the sandbox ${record.id} "k": its keeper was killed`]);
      assertEquals(left(place), []);
    }
  });
});

Deno.test("of many that want one name, one gets it", async () => {
  await inPlace(async (place) => {
    for (let round = 0; round < Math.ceil(ROUNDS / 5); round++) {
      const racers = await Promise.all(
        Array.from({ length: 4 }, () => place.process("run", "-d", "--name", "one", "sleep", TAG)),
      );
      const winners = racers.filter(({ code }) => code === 0);
      assertEquals(winners.length, 1, racers.map(({ stderr }) => stderr).join(""));
      for (const { code, stderr } of racers) {
        if (code !== 0) assertMatch(stderr, /^paddock: name: "one" is the name of [^\n]+\n$/);
      }
      assertEquals(left(place), [winners[0]!.stdout.trim(), "one"]);
      await place.out("rm", "-f", "one");
      assertEquals(left(place), []);
    }
  });
});

Deno.test("a pid that was used again gets no signal, and hides no end", async () => {
  await inPlace(async (place) => {
    const other = new Deno.Command("sleep", { args: ["60"] }).spawn();
    // As it would be written had this pid been a sandbox's a little earlier.
    const { inode: _, ...now } = identityOf(other.pid);
    const earlier = { ...now, start: `${Number(now.start) - 1}` };
    const processes = { keeper: earlier, first: earlier, command: earlier };
    const state = StateDirectory.make(place.path);
    const record = sampleRecord({
      name: "old",
      processes,
      status: state.file("0123456789abcdef", "status"),
    });
    state.claim(record);
    assertEquals(signalProcess(record, "command", 9), false);
    await killAll(record);
    for (const command of [["kill", "old"], ["stop", "old"]]) {
      const { code, stderr } = await place.paddock(...command);
      assertEquals([code, stderr], [125, 'paddock: the sandbox "old" has ended\n']);
    }
    assertStringIncludes(await place.out("ps", "-a"), " lost ");
    assertEquals((await place.paddock("rm", "-f", "old")).code, 0);
    assertEquals(left(place), []);
    assert(isAlive(now));
    other.kill();
    await other.status;
  });
});

Deno.test("a sandbox whose state is gone runs on until prune, which names it", async () => {
  await inPlace(async (place) => {
    const record = await place.start("sh", "-c", `while echo x; do sleep 0.01; done; sleep ${TAG}`);
    await Deno.remove(`${place.path}/sandboxes/${record.id}`, { recursive: true });
    await wait(50);
    assert(lives(record));
    assertStringIncludes((await place.paddock("ps", record.id)).stderr, "there is no sandbox");
    const { keeper } = record.processes!;
    assertEquals(await pruned(place), [
      `the sandbox of the keeper ${keeper.pid}, whose state ` +
      `"${place.path}/sandboxes/${record.id}" is gone`,
    ]);
    assert(await until(() => !lives(record)));
    // The same with a record that cannot be read.
    const damaged = await place.start("sleep", TAG);
    Deno.truncateSync(`${place.path}/sandboxes/${damaged.id}/record.json`, 100);
    assertStringIncludes(await place.out("ps", "-a"), " damaged ");
    assertMatch((await place.paddock("stop", damaged.id)).stderr, /it is cut off, or not JSON/);
    assertStringIncludes(
      (await pruned(place)).join(),
      `${damaged.id}, which has no record that can be`,
    );
    assert(await until(() => !lives(damaged)));
    assertEquals(left(place), []);
  });
});

/** Runs with a small filesystem of its own. mount(8). */
async function onSmallDisk(size: string, use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "paddock-disk-" });
  const run = async (program: string, ...args: string[]) => {
    const { success, stderr } = await new Deno.Command(program, { args }).output();
    assert(success, text(stderr));
  };
  await run("mount", "-t", "tmpfs", "-o", `size=${size},mode=755`, "tmpfs", folder);
  try {
    await use(folder);
  } finally {
    await run("umount", folder);
    await Deno.remove(folder);
  }
}

testIf(
  ROOT,
  "only root can mount a disk",
  "a full disk loses output and nothing else",
  async () => {
    await onSmallDisk("256K", async (folder) => {
      await inPlace(async (place) => {
        const script = "head -c 2M /dev/zero | tr '\\\\0' 'a'; echo done >&2; exit 5";
        await place.start("--name", "full", "sh", "-c", script);
        const { code, stdout } = await place.paddock("wait", "--json", "full");
        assertEquals(code, 5);
        const { lostOutput } = JSON.parse(stdout);
        const kept = Deno.statSync(place.record(place.ids()[0]!).logs.stdout).size;
        assertEquals(kept + lostOutput.stdout, 2 * 2 ** 20);
        // The disk is full, and every command works.
        assertStringIncludes(await place.out("ps", "-a"), " ended 5 ");
        const next = await place.paddock("run", "-d", "--name", "next", "true");
        assertEquals([next.code, next.stdout], [125, ""]);
        assertMatch(next.stderr, /^paddock: [^\n]*ENOSPC[^\n]*\n$/);
        assertEquals(place.ids().length, 1);
        await place.out("rm", "full");
        await place.start("--name", "next", "true");
        assertEquals((await place.paddock("wait", "next")).code, 0);
      }, folder);
    });
  },
);

Deno.test("a reader that has enough ends logs and ps without a word", async () => {
  await inPlace(async (place) => {
    await place.start("--name", "much", "seq", "100000");
    assertEquals((await place.paddock("wait", "much")).code, 0);
    const child = start(["logs", "much"], { env: place.env });
    const reader = child.stdout.getReader();
    await reader.read();
    await reader.cancel();
    const [{ code }, errors] = await Promise.all([child.status, new Response(child.stderr).text()]);
    assertEquals([code, errors], [0, ""]);
  });
});
