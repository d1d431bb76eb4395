import { assert, assertEquals, assertInstanceOf, assertMatch, assertRejects } from "@std/assert";
import {
  type Cgroup,
  defineHook,
  Sandbox,
  sandbox,
  type SandboxProcess,
  StepError,
  UnsupportedError,
} from "../../mod.ts";
import { readHierarchies } from "../../lib/cgroup/hierarchies.ts";
import { CAN_LIMIT, cgroupsOfTests, WHY_NOT } from "../cgroup/support.ts";
import {
  installed,
  openDescriptors,
  ownChildren,
  processesWith,
  program,
  ROOT,
  run,
  sh,
  testIf,
  text,
  until,
  wait,
} from "./support.ts";

const limited = (name: string, fn: () => Promise<void>) => testIf(CAN_LIMIT, WHY_NOT, name, fn);

/** No cgroup of this program's is left, in a moment. */
async function assertNoneLeft(): Promise<void> {
  assert(await until(() => cgroupsOfTests().length === 0), cgroupsOfTests().join("\n"));
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Starts a command that has a cgroup. */
async function start(box: Sandbox, command: string[]): Promise<[SandboxProcess, Cgroup]> {
  const child = await box.spawn(command, { stdin: "null", stdout: "piped" });
  return [child, child.cgroup!];
}

if (WHY_NOT !== "") {
  Deno.test("where there can be no limits, the error says what to do", () => {
    assertMatch(WHY_NOT, /run as root|limits\.parent|Delegate|move them|mount it writable/);
  });
}

limited("a hook sees the cgroup that the process has", async () => {
  let path = "";
  const hook = defineHook({ name: "look", postStart: (ctx) => path = ctx.cgroup!.path });
  await using child = await sandbox().limits({}).use(hook).spawn(["sleep", "600"], {
    stdin: "null",
  });
  assert(await until(() => path !== ""));
  assertEquals(path, child.cgroup!.path);
});

Deno.test("without limits there is no cgroup", async () => {
  let cgroup: unknown = "none";
  const hook = defineHook({ name: "look", postStart: (ctx) => cgroup = ctx.cgroup });
  const { usage, oomKilled } = await sandbox().use(hook).output(["sleep", "0.05"]);
  assertEquals([cgroup, usage.memoryPeak, oomKilled], [undefined, undefined, false]);
  assertEquals(cgroupsOfTests(), []);
});

limited("the command is in a cgroup of its own, which is the root of its namespace", async () => {
  const [child, cgroup] = await start(sandbox().limits({ memory: "64M" }), [
    "sh",
    "-c",
    "cat /proc/self/cgroup; sleep 600",
  ]);
  await using _ = child;
  const pids = cgroup.processes();
  assert(pids.includes(child.pid), `${pids} without ${child.pid}`);
  for (const path of cgroup.paths) {
    assert(Deno.readTextFileSync(`${path}/cgroup.procs`).includes(`${child.pid}\n`), path);
  }
  const first = await child.stdout.getReader().read();
  const shown = text(first.value!);
  assert(shown.trim().split("\n").every((line) => line.endsWith(":/")), shown);
});

for (
  const [name, change] of Object.entries<(box: Sandbox) => Sandbox>({
    "the command as pid 1": (box) => box.asPid1(),
    "a terminal": (box) => box.tty(),
    "a shared pid namespace": (box) => box.share("pid"),
    "a shared cgroup namespace": (box) => box.share("cgroup"),
    "hooks at both barriers": (box) =>
      box.use(defineHook({ name: "both", preMount: () => {}, networkSetup: () => {} })),
    ...(ROOT ? { "root's own user namespace": (box: Sandbox) => box.share("user") } : {}),
  })
) {
  limited(`limits hold with ${name}`, async () => {
    const box = change(sandbox()).limits({ memory: "32M", pids: 30 });
    const { oomKilled, usage } = await box.output([
      "sh",
      "-c",
      "head -c 100000000 /dev/zero | tail -c 100000000 > /dev/null; true",
    ]);
    assertEquals(oomKilled, true);
    assert(usage.memoryPeak === undefined || usage.memoryPeak <= 33 * 2 ** 20);
    await assertNoneLeft();
  });
}

limited("limits hold with joined namespaces", async () => {
  await using target = await sandbox().spawn(["sleep", "600"], { stdin: "null" });
  let box = Sandbox.empty().env("PATH", "/usr/bin:/bin");
  for (const kind of ["user", "uts", "net", "ipc", "pid", "mount"] as const) {
    box = box.join(kind, { pid: target.pid });
  }
  const { oomKilled } = await box.limits({ memory: "32M" }).output([
    "sh",
    "-c",
    "head -c 100000000 /dev/zero | tail -c 100000000 > /dev/null; true",
  ]);
  assertEquals(oomKilled, true);
  await assertNoneLeft();
});

limited("statistics tell of memory, time, processes", async () => {
  const [child, cgroup] = await start(sandbox().limits({ memory: "64M", pids: 10, cpus: 2 }), [
    "sh",
    "-c",
    "head -c 20000000 /dev/zero > /tmp/f; i=0; while [ $i -lt 50000 ]; do i=$((i+1)); done; sleep 600",
  ]);
  await using _ = child;
  assert(await until(() => (cgroup.statistics().memory?.file ?? 0) > 19e6, 60_000));
  const { cpu, memory, pids } = cgroup.statistics();
  assert(memory!.current < 64 * 2 ** 20 && memory!.file! > 19e6, JSON.stringify(memory));
  assertEquals(memory!.oomKills, 0);
  assert(cpu!.total > 5 && cpu!.total < 20_000, JSON.stringify(cpu));
  assert(pids!.current >= 2 && pids!.current <= 4, JSON.stringify(pids));
});

limited("the usage is of all processes, also of those nobody waited for", async () => {
  const { usage } = await sandbox().limits({}).output([
    "sh",
    "-c",
    // Twice removed: its parent is gone, and pid 1 gets it.
    `( (i=0; while [ $i -lt 400000 ]; do i=$((i+1)); done; echo > /tmp/done) & )
     while [ ! -e /tmp/done ]; do sleep 0.02; done`,
  ]);
  assert(usage.user + usage.system > 100, JSON.stringify(usage));
});

limited("a frozen sandbox stands still, and goes on when it is thawed", async () => {
  const [child, cgroup] = await start(sandbox().limits({}), [
    "sh",
    "-c",
    "while :; do :; done",
  ]);
  await using _ = child;
  const time = () => cgroup.statistics().cpu!.total;
  await cgroup.freeze();
  const before = time();
  await wait(100);
  assert(time() - before < 5, `${time() - before} ms while frozen`);
  await cgroup.thaw();
  assert(await until(() => time() - before > 20), "it stands still");
});

limited("a frozen sandbox can be killed", async () => {
  const [child, cgroup] = await start(sandbox().limits({}), ["sleep", "600"]);
  await cgroup.freeze();
  cgroup.kill();
  assertEquals((await child.status).signal, "SIGKILL");
  await assertNoneLeft();
});

limited("limits are changed while it runs, up and down", async () => {
  const [child, cgroup] = await start(sandbox().limits({ memory: "64M", pids: 10 }), [
    "sleep",
    "600",
  ]);
  await using _ = child;
  const read = (...files: string[]) =>
    cgroup.paths.flatMap((path) =>
      files.flatMap((file) => {
        try {
          return [Deno.readTextFileSync(`${path}/${file}`).trim()];
        } catch {
          return [];
        }
      })
    );
  const memory = () => read("memory.max", "memory.limit_in_bytes");
  for (const size of [128, 32, 256]) {
    cgroup.update({ memory: `${size}M`, pids: size });
    assertEquals(memory(), [String(size * 2 ** 20)]);
    assertEquals(read("pids.max"), [String(size + 1)]);
  }
});

limited("the end of memory is told at once", async () => {
  const [child, cgroup] = await start(sandbox().limits({ memory: "32M" }), [
    "sh",
    "-c",
    "sleep 0.2; head -c 100000000 /dev/zero | tail -c 100000000 > /dev/null; sleep 600",
  ]);
  await using _ = child;
  const { promise, resolve } = Promise.withResolvers<number>();
  using _watch = cgroup.onOom(resolve);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<number>((resolve) => timer = setTimeout(resolve, 30_000, -1));
  assertEquals(await Promise.race([promise, late]), 1);
  clearTimeout(timer);
});

limited("pressure is told where the kernel does", async () => {
  const [child, cgroup] = await start(sandbox().limits({ cpus: 0.1 }), [
    "sh",
    "-c",
    "while :; do :; done",
  ]);
  await using _ = child;
  await wait(300);
  const pressure = cgroup.pressure("cpu");
  if (pressure === undefined) return console.warn("skipped: this kernel tells of no pressure");
  assert(pressure.some.total > 0, JSON.stringify(pressure));
});

limited("a value that the kernel does not take is a StepError that names the file", async () => {
  const error = await assertRejects(() => sandbox().limits({ cpuset: "4000" }).output(["true"]));
  if (error instanceof UnsupportedError) {
    assertMatch(error.message, /cpuset/);
    return console.warn(`skipped: ${error.message}`);
  }
  assertInstanceOf(error, StepError);
  assertMatch(error.message, /run on the processors 4000 only: .*cpuset\.cpus": E\w+ .*; /);
  await assertNoneLeft();
});

limited("a limit that is too small to start is an error, not a hang", async () => {
  const result = await sandbox().limits({ memory: "64K" }).timeout("10s").output(["true"])
    .catch((error) => error);
  const told = result instanceof Error ? result.message : `${result.oomKilled}`;
  assertMatch(told, /memory|true/);
  await assertNoneLeft();
});

testIf(
  CAN_LIMIT && navigator.hardwareConcurrency > 1,
  WHY_NOT || "there is only one processor",
  "cpuset keeps it on its processors",
  async () => {
    const box = sandbox().limits({ cpuset: "1" });
    const status = await run(box, ["cat", "/proc/self/status"]).catch((error) => {
      if (error instanceof UnsupportedError) return "Cpus_allowed_list:\t1\n";
      throw error;
    });
    assertMatch(status, /^Cpus_allowed_list:\s*1$/m);
  },
);

limited("every other limit reaches the kernel, or is refused with what is missing", async () => {
  const disk = Deno.readTextFileSync("/proc/partitions").split("\n").slice(2)
    .map((line) => line.trim().split(/\s+/)).find(([_, minor]) => minor === "0");
  const cases: [Parameters<Sandbox["limits"]>[0], Record<string, RegExp>][] = [
    [{ memory: "64M", swap: "16M" }, {
      "memory.swap.max": /^16777216$/,
      "memory.memsw.limit_in_bytes": /^83886080$/,
    }],
    [{ memory: "64M" }, { "memory.swap.max": /^0$/, "memory.memsw.limit_in_bytes": /^67108864$/ }],
    [{ memoryHigh: "32M" }, { "memory.high": /^33554432$/ }],
    [{ oomGroup: true }, { "memory.oom.group": /^1$/ }],
    [{ cpuWeight: 50 }, { "cpu.weight": /^50$/, "cpu.shares": /^512$/ }],
    [{ cpus: 1.5 }, { "cpu.max": /^150000 100000$/, "cpu.cfs_quota_us": /^150000$/ }],
    [{ memoryNodes: "0" }, { "cpuset.mems": /^0$/ }],
    [{ ioWeight: 200 }, { "io.weight": /^default 200$/, "blkio.bfq.weight": /^200$/ }],
    [{ hugetlb: { "2M": "4M" } }, {
      "hugetlb.2MB.max": /^4194304$/,
      "hugetlb.2MB.limit_in_bytes": /^4194304$/,
    }],
    ...(disk === undefined ? [] : [
      [{ io: [{ device: `${disk[0]}:0`, rbps: "1M", wiops: 100 }] }, {
        "io.max": /rbps=1048576 wbps=max riops=max wiops=100/,
        "blkio.throttle.read_bps_device": / 1048576$/,
        "blkio.throttle.write_iops_device": / 100$/,
      }] as [Parameters<Sandbox["limits"]>[0], Record<string, RegExp>],
    ]),
  ];
  for (const [limits, files] of cases) {
    const seen: string[] = [];
    const hook = defineHook({
      name: "look",
      postStart({ cgroup }) {
        for (const path of cgroup!.paths) {
          for (const [file, expected] of Object.entries(files)) {
            try {
              assertMatch(Deno.readTextFileSync(`${path}/${file}`).trim(), expected, file);
              seen.push(file);
            } catch (error) {
              if (!(error instanceof Deno.errors.NotFound)) throw error;
            }
          }
        }
      },
    });
    const error = await sandbox().limits(limits).use(hook).output(["sleep", "0.1"])
      .then(() => undefined, (error) => error);
    if (error === undefined) assert(seen.length > 0, `${JSON.stringify(limits)} is nowhere`);
    else {
      assert(error instanceof UnsupportedError || error instanceof StepError, String(error));
      assertMatch(error.message, /cgroup|kernel|machine|disk/, JSON.stringify(limits));
      console.warn(`not here: ${error.message}`);
    }
  }
  await assertNoneLeft();
});

testIf(
  CAN_LIMIT && ROOT,
  WHY_NOT || "only root makes a cgroup anywhere",
  "limits.parent says where the cgroup is made",
  async () => {
    const name = `paddock-test-${crypto.randomUUID()}`;
    const made: string[] = [];
    try {
      for (const { mountPoint, controllers, version } of readHierarchies()) {
        const used = controllers.some((it) => ["memory", "cpu", "cpuacct", "pids"].includes(it));
        if (version === 1 && !used) continue;
        made.push(`${mountPoint}/${name}`);
        Deno.mkdirSync(`${mountPoint}/${name}`);
      }
      const [child, cgroup] = await start(
        sandbox().limits({ memory: "64M", parent: `/${name}` }),
        ["sleep", "600"],
      );
      for (const path of cgroup.paths) assertMatch(path, new RegExp(`/${name}/paddock\\.`));
      await child[Symbol.asyncDispose]();
      await assertNoneLeft();
    } finally {
      for (const path of made) Deno.removeSync(path);
    }
    const error = await assertRejects(() =>
      sandbox().limits({ memory: "64M", parent: `/${name}` }).output(["true"])
    );
    assertInstanceOf(error, UnsupportedError);
    assertMatch(error.message, new RegExp(`no cgroup can be made in ".*/${name}"`));
  },
);

limited("a hundred at once, and none is left", async () => {
  const box = sandbox().limits({ memory: "64M", pids: 10 });
  await box.output(["true"]);
  const descriptors = openDescriptors();
  await Promise.all(Array.from({ length: 100 }, () => box.output(["true"])));
  await assertNoneLeft();
  assertEquals(openDescriptors(), descriptors);
  assert(await until(() => ownChildren().length <= 1));
});

limited("kill -9 of the host program leaves no cgroup", async () => {
  const tag = `host-${crypto.randomUUID()}`;
  await using host = program(`
    await sandbox().limits({ memory: "64M" }).spawn(["sleep", "600", "${tag}"], { stdin: "null" })
      .catch(() => {});
    await sandbox().share("pid").limits({}).spawn(["sh", "-c", "sleep 601 & exec sleep 602"], {
      stdin: "null",
    });
    console.log("ready");
    await new Promise(() => setInterval(() => {}, 1000));
  `).spawn();
  const reader = host.stdout.getReader();
  assertEquals(text((await reader.read()).value!), "ready\n");
  assert(await until(() => cgroupsOfTests(host.pid).length > 0));
  host.kill("SIGKILL");
  await host.status;
  assert(await until(() => cgroupsOfTests(host.pid).length === 0), cgroupsOfTests(host.pid).join());
  assertEquals(processesWith(tag), []);
});

limited("what is left when the keeper is killed too is removed by the next use", async () => {
  const host = program(`
    await sandbox().share("pid").limits({ memory: "64M" }).spawn(
      ["sh", "-c", "sleep 600 & exec sleep 600"], { stdin: "null" });
    console.log(Deno.pid);
    await new Promise(() => setInterval(() => {}, 1000));
  `).spawn();
  const reader = host.stdout.getReader();
  await reader.read();
  const left = cgroupsOfTests(host.pid);
  assert(left.length > 0);
  // Everything that has to do with it, at the same moment, but for what the command has started.
  const family = (pid: number): number[] => {
    const all = [...Deno.readDirSync("/proc")].map(({ name }) => Number(name)).filter(Boolean);
    const parent = (of: number) => {
      try {
        return Number(/\) \S (\d+)/.exec(Deno.readTextFileSync(`/proc/${of}/stat`))?.[1]);
      } catch {
        return 0;
      }
    };
    return [pid, ...all.filter((other) => parent(other) === pid).flatMap(family)];
  };
  const [_, ...others] = family(host.pid);
  const signal = (pid: number, name: Deno.Signal) => {
    try {
      Deno.kill(pid, name);
    } catch { /* it has ended with another one */ }
  };
  for (const pid of others) signal(pid, "SIGSTOP");
  host.kill("SIGKILL");
  await host.status;
  for (const pid of others) signal(pid, "SIGKILL");
  await reader.cancel();
  await host.stderr.cancel();
  await wait(100);
  // The keeper was killed, so they are still there; another program removes them at its first use.
  const remaining = left.filter((path) => {
    try {
      return Deno.statSync(path).isDirectory;
    } catch {
      return false;
    }
  });
  assert(remaining.length > 0, "somebody else removed them");
  const next = await program(
    `await sandbox().limits({ memory: "64M" }).output(["true"]); console.log("done")`,
  ).output();
  assertEquals(text(next.stdout), "done\n", text(next.stderr));
  for (const path of left) {
    assert(
      await until(() => {
        try {
          return !Deno.statSync(path).isDirectory;
        } catch {
          return true;
        }
      }),
      path,
    );
  }
});

limited("a command that kills its supervisor leaves nothing behind in its cgroup", async () => {
  const tag = `orphan-${crypto.randomUUID()}`;
  const { promise, resolve } = Promise.withResolvers<Cgroup>();
  const hook = defineHook({ name: "take", postStart: (ctx) => resolve(ctx.cgroup!) });
  const output = sandbox().share("pid").limits({}).use(hook).output([
    "sh",
    "-c",
    `(exec sh -c 'while :; do sleep 1; done' ${tag}) & sleep 0.2; kill -9 $PPID; sleep 600`,
  ]).catch(() => {});
  const cgroup = await promise;
  const unified = cgroup.paths.some((path) => exists(`${path}/cgroup.kill`));
  await output;
  if (!unified) return console.warn("skipped: only cgroup v2 kills whoever is in a cgroup");
  assert(await until(() => processesWith(tag).length === 0), processesWith(tag).join());
  await assertNoneLeft();
});

limited("paddock run has the options, and its JSON the record", async () => {
  if (!installed("perl")) return console.warn("skipped: perl is not installed");
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      new URL("../../cli.ts", import.meta.url).pathname,
      "run",
      "--memory=32M",
      "--pids=20",
      "--cpus=0.5",
      "--json",
      "--",
      "perl",
      "-e",
      'my $x = "a" x 100000000',
    ],
  }).output();
  assertEquals(code, 137);
  const record = JSON.parse(text(stderr).trim().split("\n").at(-1)!);
  assertEquals([record.oomKilled, record.timedOut, record.signal], [true, false, "SIGKILL"]);
});

limited("the file system of the sandbox is none the wiser", async () => {
  assertEquals(
    await sh(sandbox().limits({ memory: "64M" }), "ls /sys 2>&1 || :; id -u"),
    [
      "ls: cannot access '/sys': No such file or directory",
      `${Deno.uid()}`,
      "",
    ].join("\n"),
  );
});
