import { assert, assertEquals } from "@std/assert";
import { sandbox, type SandboxProcess } from "../../mod.ts";
import { childrenOf, openDescriptors, ownChildren, until } from "../integration/support.ts";

const quiet = { stdin: "null", stdout: "null", stderr: "null" } as const;
const box = sandbox();

/** Runs `task` so many times, at most eight at a time. */
async function eightAtATime(count: number, task: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  await Promise.all(Array.from({ length: 8 }, async () => {
    while (next < count) await task(next++);
  }));
}

function threads(): number {
  return [...Deno.readDirSync("/proc/self/task")].length;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

/** The folders of the control groups that name this library. */
function cgroups(folder = "/sys/fs/cgroup", depth = 0): string[] {
  if (depth > 4) return [];
  try {
    return [...Deno.readDirSync(folder)].filter(({ isDirectory }) => isDirectory)
      .flatMap(({ name }) => [
        ...(name.includes("paddock") ? [`${folder}/${name}`] : []),
        ...cgroups(`${folder}/${name}`, depth + 1),
      ]);
  } catch {
    return [];
  }
}

/** What of this program there is. */
function state() {
  const [agent, ...others] = ownChildren();
  return {
    others,
    ofAgent: agent === undefined ? [] : childrenOf(agent),
    descriptors: openDescriptors(),
    mounts: Deno.readTextFileSync("/proc/self/mountinfo"),
    cgroups: cgroups(),
  };
}

async function settled(): Promise<ReturnType<typeof state>> {
  await until(() => state().ofAgent.length === 0, 20_000);
  return state();
}

/** Fewer descriptors are no trace: what other test files held may be closed late. */
function assertNothingLeft(now: ReturnType<typeof state>, before: ReturnType<typeof state>): void {
  const descriptors = Math.min(now.descriptors, before.descriptors);
  assertEquals(now, { ...before, descriptors: now.descriptors });
  assertEquals(now.descriptors, descriptors);
}

/** Starts 500, looks at them, ends them: how much longer the last 50 took to start than the first. */
async function crowd(): Promise<number> {
  const before = await settled();
  const threadsBefore = threads();
  const alive: SandboxProcess[] = [];
  const times: number[] = [];
  try {
    for (let turn = 0; turn < 500; turn++) {
      const at = performance.now();
      alive.push(await box.spawn(["sleep", "600"], quiet));
      times.push(performance.now() - at);
    }
    const [agent] = ownChildren();
    // And no spare, once it has ended.
    await until(() => childrenOf(agent!).length === 500);
    assertEquals(childrenOf(agent!).length, 500);
    assertEquals(new Set(alive.map(({ pid }) => pid)).size, 500);
    const grown = threads() - threadsBefore;
    assert(grown <= 4, `${grown} threads more with 500 sandboxes`);
    // Every one of them is alive and its own.
    assertEquals((await box.output(["true"])).code, 0);
  } finally {
    await Promise.all(alive.map((child) => child[Symbol.asyncDispose]()));
  }
  const statuses = await Promise.all(alive.map(({ status }) => status));
  assert(statuses.every(({ signal }) => signal === "SIGKILL"));
  assertNothingLeft(await settled(), before);
  return median(times.slice(-50)) / median(times.slice(0, 50));
}

Deno.test("500 sandboxes alive at once: no thread each, and the last start as fast as the first", async () => {
  for (let turn = 0; turn < 50; turn++) await box.output(["true"]);
  const ratios: number[] = [];
  // Whoever else uses the machine can disturb a measurement; what grows does so each time.
  for (let turn = 0; turn < 4 && !ratios.some((ratio) => ratio <= 1.5); turn++) {
    ratios.push(await crowd());
  }
  assert(ratios.some((ratio) => ratio <= 1.5), `the last took so much longer: ${ratios}`);
});

Deno.test("1,000 sandboxes, eight at a time, leave nothing", async () => {
  await eightAtATime(8, async () => void await box.output(["true"]));
  const before = await settled();
  await eightAtATime(1000, async (index) => {
    if (index % 2 === 0) {
      const { code } = await box.output(["sh", "-c", `exit ${index % 100}`]);
      assertEquals(code, index % 100);
    } else {
      await using child = await box.spawn(["true"], { ...quiet, stdout: "piped" });
      assertEquals((await child.status).code, 0);
    }
  });
  assertNothingLeft(await settled(), before);
});

Deno.test("1,000 failing launches, eight at a time, leave nothing", async () => {
  const failing = [
    () => box.output(["no-such-program"]),
    () => box.cwd("/no/such/place").spawn(["true"], { ...quiet, stdout: "piped" }),
    () => box.bind("/no/such/source").output(["true"]),
    () => box.tmpfs("/usr/no/such/place").output(["true"]),
  ];
  const before = await settled();
  let failed = 0;
  await eightAtATime(1000, async (index) => {
    await failing[index % failing.length]!().then(() => {}, () => failed++);
  });
  assertEquals(failed, 1000);
  assertNothingLeft(await settled(), before);
});
