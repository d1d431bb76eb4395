import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import {
  defineHook,
  type Operation,
  type Plan,
  type Plugin,
  Sandbox,
  sandbox,
  StepError,
  SyscallError,
} from "../../mod.ts";
import { output, spawn } from "../../lib/run/run.ts";
import {
  childrenOf,
  inFolder,
  openDescriptors,
  ownChildren,
  ROOT,
  testIf,
  until,
} from "../integration/support.ts";
import { CAN_LIMIT, cgroupsOfTests, WHY_NOT } from "../cgroup/support.ts";

const EIO = 5;

/**
 * Whether an operation is not on every path through its step: some branch before it leads past it.
 * Of a clone both ways are taken, each by one of the two processes.
 */
function mayBeSkipped(operations: readonly Operation[], index: number): boolean {
  return operations.slice(0, index).some(({ goto, call, onError }) => {
    if (call === "clone3") return false;
    const targets = [
      goto,
      typeof onError === "object" && "goto" in onError ? onError.goto : undefined,
    ];
    return targets.some((target) => {
      const place = operations.findIndex(({ label }) => label !== undefined && label === target);
      // Out of the step, or further down.
      return target !== undefined && (place > index || place === -1);
    });
  });
}

interface Point {
  step: number;
  name: string;
  operation: number;
  call: string;
  sure: boolean;
}

/** Every system call of a plan whose error ends the launch. */
function points(plan: Plan): Point[] {
  return plan.steps.flatMap(({ number, name, operations }) =>
    operations.flatMap(({ call, onError = "stop" }, index): Point[] =>
      onError === "stop" && call === call.toLowerCase()
        ? [{ step: number, name, operation: index, call, sure: !mayBeSkipped(operations, index) }]
        : []
    )
  );
}

/** What of this program could be left over. */
function traces(folder: string) {
  const [agent, ...others] = ownChildren();
  return {
    others,
    ofAgent: agent === undefined ? [] : childrenOf(agent),
    descriptors: openDescriptors(),
    mounts: Deno.readTextFileSync("/proc/self/mountinfo"),
    files: [...Deno.readDirSync(folder)].map(({ name }) => name).sort(),
  };
}

/** Lets every point fail, one after the other. */
async function failEverywhere(box: Sandbox, plugins: readonly Plugin[], folder: string) {
  let whole = box;
  for (const plugin of plugins) whole = whole.use(plugin);
  const plan = whole.plan(["true"]);
  const all = points(plan);
  assert(all.length > 20, `only ${all.length} points`);
  await output(box.spec, plugins, ["true"]);
  const [agent] = ownChildren();
  assert(await until(() => childrenOf(agent!).length === 0));
  const before = traces(folder);
  assertEquals([before.others, before.ofAgent], [[], []]);
  const seen = new Set<number>();
  for (const [index, point] of all.entries()) {
    const { step, operation, name, call, sure } = point;
    const where = `step ${step} "${name}", operation ${operation}, ${call}`;
    const fault = { step, operation, errno: EIO };
    // Most by `output`, some by `spawn`, which hears of the start by another way.
    const launch = index % 4 === 3
      ? async () => {
        await using child = await spawn(box.spec, plugins, ["true"], {
          stdin: "null",
          stdout: "piped",
          stderr: "piped",
          fault,
        });
        await child.status;
      }
      : () => output(box.spec, plugins, ["true"], { fault });
    const error = await launch().then(() => undefined, (error) => error);
    if (error === undefined) {
      assert(!sure, `${where}: its failure was not noticed`);
    } else {
      assertInstanceOf(error, StepError, `${where}: ${error}`);
      assertInstanceOf(error.cause, SyscallError);
      assertEquals([error.number, error.step, error.cause.errno], [step, name, EIO], where);
      seen.add(step);
    }
    const same = () =>
      Deno.readTextFileSync("/proc/self/mountinfo") === before.mounts &&
      // Fewer is no trace: what other test files held may be closed late.
      openDescriptors() <= before.descriptors;
    const clean = await until(() => {
      const now = traces(folder);
      return same() && now.others.length === 0 && now.ofAgent.length === 0;
    }, 2000);
    if (!clean) assertEquals(traces(folder), before, where);
    assertEquals(traces(folder).files, before.files, where);
  }
  // Each step that does anything real has failed at least once.
  for (const step of new Set(all.filter(({ sure }) => sure).map(({ step }) => step))) {
    assert(seen.has(step), `step ${step} never failed`);
  }
  // And all is well when nothing fails.
  assertEquals((await output(box.spec, plugins, ["true"])).code, 0);
}

/** A sandbox with something of everything. */
function full(folder: string): Sandbox {
  return sandbox()
    .bind(folder, "/data", { writable: true })
    .bind(`${folder}/note`, "/opt/note")
    .tmpfs("/data/sub", { size: "1M" })
    .file("/data/note", "over the host's")
    .file("/opt/deep/file", "contents", { mode: "0600" })
    .file("/data/sub/own", "x")
    .dir("/opt/dir", { mode: "0700" })
    .symlink("/opt/dir", "/opt/link")
    .tmpfs("/scratch", { size: "1M", mode: "0700" })
    .hostname("fault").domainname("forest")
    .timeOffset({ monotonic: "1h", boottime: "2h" })
    .user(1234, 1235).capabilities(["CAP_KILL"])
    .umask("077").cwd("/opt").rlimit("nofile", 128).rlimit("core", 0)
    .nice(3).scheduler("batch").cpuAffinity("0").ioPriority("idle").oomScoreAdj(5)
    .personality("addr_no_randomize");
}

async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/note`, "note");
    await Deno.mkdir(`${folder}/sub`);
    await use(folder);
  });
}

Deno.test("every step of a full sandbox", () =>
  withFolder((folder) => failEverywhere(full(folder), [], folder)));

testIf(CAN_LIMIT, WHY_NOT, "every step with limits", () =>
  withFolder(async (folder) => {
    const limits = { memory: "64M", pids: 20, cpus: 1 };
    await failEverywhere(sandbox().limits(limits), [], folder);
    assert(await until(() => cgroupsOfTests().length === 0), cgroupsOfTests().join());
  }));

Deno.test("every step with a terminal", () =>
  withFolder((folder) => failEverywhere(sandbox().tty(), [], folder)));

Deno.test("every step with the command as pid 1", () =>
  withFolder((folder) => failEverywhere(sandbox().asPid1().hostname("one"), [], folder)));

Deno.test("every step with a filter that asks the host program", () =>
  withFolder((folder) => failEverywhere(sandbox().seccomp("default", { log: true }), [], folder)));

Deno.test("every step with hooks at both barriers", () =>
  withFolder((folder) =>
    failEverywhere(full(folder), [defineHook({
      name: "barriers",
      preMount: () => {},
      networkSetup: () => {},
    })], folder)
  ));

Deno.test("every step with a directory as the root", () =>
  withFolder(async (folder) => {
    await Deno.mkdir(`${folder}/root`);
    for (const name of ["usr", "proc", "dev", "tmp", "run", "etc"]) {
      await Deno.mkdir(`${folder}/root/${name}`);
    }
    for (const name of ["bin", "lib", "lib64"]) {
      await Deno.symlink(`usr/${name}`, `${folder}/root/${name}`);
    }
    const box = sandbox().root(`${folder}/root`, { writable: true }).bind("/usr", "/usr")
      .file("/tmp/file", "x").dir("/run/dir").symlink("x", "/tmp/link");
    await failEverywhere(box, [], `${folder}/root`);
  }));

Deno.test("every step with shared pid and network namespaces", () =>
  withFolder((folder) =>
    failEverywhere(sandbox().share("pid", "net").bind(folder, "/data"), [], folder)
  ));

Deno.test("every step with joined namespaces", () =>
  withFolder(async (folder) => {
    await using target = await sandbox().spawn(["sleep", "600"], { stdin: "null" });
    const pid = target.pid;
    let box = Sandbox.empty().env("PATH", "/usr/bin:/bin");
    for (const kind of ["user", "uts", "net", "ipc"] as const) box = box.join(kind, { pid });
    const all = points(box.plan(["true"]));
    for (const { step, operation, name, sure } of all) {
      const fault = { step, operation, errno: EIO };
      const error = await output(box.spec, [], ["true"], { fault })
        .then(() => undefined, (error) => error);
      const where = `step ${step} "${name}", operation ${operation}`;
      if (error === undefined) assert(!sure, `${where}: its failure was not noticed`);
      else {
        assertInstanceOf(error, StepError, `${where}: ${error}`);
        assertEquals([error.number, (error.cause as SyscallError).errno], [step, EIO], where);
      }
    }
    assertEquals((await output(box.spec, [], ["true"])).code, 0);
    const [agent] = ownChildren();
    assert(
      await until(() => childrenOf(agent!).length === 1, 1000),
      "more than the target is left",
    );
    assertEquals([...Deno.readDirSync(folder)].length, 2);
  }));

testIf(
  ROOT,
  "only root maps any ids and shares its user namespace",
  "every step as root, with ranges of ids, and without a user namespace",
  () =>
    withFolder(async (folder) => {
      const ranges = [{ inside: 0, outside: 300_000, count: 1000 }];
      await failEverywhere(
        sandbox().idMap({ uids: ranges, gids: ranges }).user(5, 6, [7, 8]).bind(folder, "/data"),
        [],
        folder,
      );
      await failEverywhere(
        sandbox().share("user").bind(folder, "/data", { writable: true }),
        [],
        folder,
      );
    }),
);

Deno.test("an unnoticed failure would be noticed: the points are not empty words", () => {
  const plan = sandbox().plan(["true"]);
  const calls = new Set(points(plan).map(({ call }) => call));
  for (
    const call of [
      "clone3",
      "open_tree",
      "mount_setattr",
      "move_mount",
      "fsopen",
      "pivot_root",
      "setresuid",
      "capset",
      "dup3",
    ]
  ) {
    assert(calls.has(call as string), `${call} is not among the points`);
  }
});
