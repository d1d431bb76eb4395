import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { SpecError, UnsupportedError } from "../../lib/errors.ts";
import { describeNetwork } from "../../lib/plan/describe_network.ts";
import type { CgroupLayout } from "../../lib/plan/cgroup_layout.ts";
import type { HostFacts } from "../../lib/plan/facts.ts";
import { UNPRIVILEGED_ID } from "../../lib/plan/identity.ts";
import type { PlannedLaunch } from "../../lib/plan/launch_choices.ts";
import { executeStep } from "../../lib/plan/plan.ts";
import { PHASES, type Step } from "../../lib/plan/step.ts";
import { commandLine } from "../../lib/run/resolve.ts";
import { Sandbox, sandbox } from "../../lib/sandbox.ts";
import {
  type LimitsSpec,
  NAMESPACE_KINDS,
  type NamespaceKind,
  type SandboxSpec,
} from "../../lib/spec.ts";
import {
  CLONE_INTO_CGROUP,
  CLONE_NEWCGROUP,
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWTIME,
  CLONE_NEWUSER,
  CLONE_NEWUTS,
} from "../../lib/sys/abi/clone.ts";
import { TIOCSCTTY, TIOCSWINSZ } from "../../lib/sys/abi/ioctl.ts";
import { MOUNT_ATTR_NODEV, MOUNT_ATTR_NOSUID, MOUNT_ATTR_RDONLY } from "../../lib/sys/abi/mount.ts";
import { RLIMITS } from "../../lib/sys/abi/resource.ts";
import { calls, JANE, machine, named, names, only, planOf, ROOT } from "./planning.ts";

function pure(name: string, fn: () => void): void {
  Deno.test({ name, permissions: "none", fn });
}

const FLAGS: Record<NamespaceKind, number> = {
  cgroup: CLONE_NEWCGROUP,
  ipc: CLONE_NEWIPC,
  mount: CLONE_NEWNS,
  net: CLONE_NEWNET,
  pid: CLONE_NEWPID,
  time: CLONE_NEWTIME,
  user: CLONE_NEWUSER,
  uts: CLONE_NEWUTS,
};

function sentences(plan: PlannedLaunch): string[] {
  return plan.steps.map(({ sentence }) => sentence);
}

function word(bytes: Uint8Array, offset: number): number {
  return Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(offset, true));
}

/** The sentences that one plan has and the other has not. */
function difference(from: PlannedLaunch, to: PlannedLaunch): { gone: string[]; come: string[] } {
  const before = sentences(from), after = sentences(to);
  return {
    gone: before.filter((sentence) => !after.includes(sentence)),
    come: after.filter((sentence) => !before.includes(sentence)),
  };
}

/** What an option changes in the plan of the default sandbox of an ordinary user. */
function assertChange(
  change: (box: Sandbox) => Sandbox,
  expected: { gone?: string[]; come?: string[] },
  facts = JANE,
): PlannedLaunch {
  const after = planOf(change(sandbox()), facts);
  assertEquals(difference(planOf(sandbox(), facts), after), { gone: [], come: [], ...expected });
  return after;
}

// Snapshots.

const GOLDEN: [string, Sandbox, HostFacts][] = [
  ["default_root", sandbox(), ROOT],
  ["default_user", sandbox(), JANE],
];

for (const [name, box, facts] of GOLDEN) {
  const file = new URL(`golden/${name}.txt`, import.meta.url);
  Deno.test(`the plan of ${name} is as in ${name}.txt; UPDATE=1 writes it anew`, () => {
    const { spec } = box;
    const plan = planOf(box, facts);
    const steps: Step[] = [...plan.steps, executeStep(plan, commandLine(spec, facts, ["true"]))];
    const text = steps.map(({ number, phase, name, sentence }) =>
      `${number} ${phase}, ${name}: ${sentence}\n`
    ).join("");
    if (Deno.env.get("UPDATE") === "1") Deno.writeTextFileSync(file, text);
    assertEquals(text.split("\n"), Deno.readTextFileSync(file).split("\n"));
  });
}

// What every plan has in common.

const BOXES: [string, Sandbox][] = [
  ["the default", sandbox()],
  ["nothing at all", Sandbox.empty()],
  ["shared net", sandbox().share("net")],
  ["shared pid", sandbox().share("pid")],
  ["shared user", sandbox().share("user")],
  ["a root directory", sandbox().root("/srv/root", { writable: true })],
  ["an empty root", sandbox().root("empty")],
  ["every mount", everyMount(sandbox())],
  ["a terminal", sandbox().tty({ columns: 80, rows: 24 })],
  ["pid 1", sandbox().asPid1()],
  ["an id map", sandbox().idMap("auto")],
  [
    "everything",
    everyMount(sandbox()).domainname("moss").timeOffset({ boottime: "1h" }).umask(0)
      .rlimit("core", 0).rlimit("cpu", { soft: 1, hard: 2 }).user(0).cwd("/work").tty(),
  ],
];

function everyMount(box: Sandbox): Sandbox {
  return box.bind("/srv", "/work").tmpfs("/work/t").proc("/proc2").dev("/dev2").symlink("a", "/l")
    .dir("/d").file("/f", "text");
}

for (const [what, box] of BOXES) {
  pure(`${what}: steps are numbered, in order, never empty, and the same every time`, () => {
    for (const facts of [ROOT, JANE]) {
      for (const hooks of [{}, { preMount: true }, { networkSetup: true, reportStart: false }]) {
        const plan = planOf(box, facts, hooks);
        assertEquals(
          plan.steps.map(({ number }) => number),
          plan.steps.map((_, index) => index + 1),
        );
        const phases = plan.steps.map(({ phase }) => PHASES.indexOf(phase));
        assertEquals(phases, phases.toSorted((a, b) => a - b));
        for (const step of plan.steps) {
          assert(step.name !== "" && step.sentence !== "");
          assert(!/undefined|NaN|\[object|\n/.test(step.sentence), step.sentence);
          assertEquals(step.operations.length === 0, step.name === "newuidmap", step.sentence);
        }
        assertEquals(planOf(box, facts, hooks), plan);
        const targets = new Set(
          plan.steps.flatMap(({ operations }) => operations.flatMap(({ label }) => label ?? [])),
        );
        const labels = plan.steps.flatMap(({ operations }) =>
          operations.flatMap(({ label }) => label ?? [])
        );
        assertEquals(labels.length, targets.size, "no label twice");
      }
    }
  });
}

pure("planning changes neither the description nor the facts", () => {
  const { spec } = everyMount(sandbox());
  const before = structuredClone(spec);
  planOf(Sandbox.from(spec), ROOT);
  assertEquals(spec, before);
});

pure("the order of the last steps is the one that the kernel's rules ask for", () => {
  for (const facts of [ROOT, JANE]) {
    const order = names(planOf(sandbox().rlimit("core", 0), facts)).slice(-9);
    assertEquals(order, [
      "session",
      "open files",
      "rlimit",
      "identity",
      "cwd",
      "umask",
      "no_new_privs",
      "close",
      "seccomp",
    ]);
  }
});

pure("capabilities go, after the ids have changed", () => {
  const { operations } = only(planOf(sandbox()), "identity");
  const order = operations.map(({ call }) => call);
  assert(order.indexOf("setresgid") < order.indexOf("setresuid"));
  assertEquals(order.at(-1), "capset");
  const sets = operations.at(-1)!.args![1] as Uint8Array;
  assertEquals(sets, new Uint8Array(24));
});

pure("kept capabilities survive the change of ids, and are ambient for another user than 0", () => {
  const box = sandbox().capabilities(["CAP_CHOWN", "CAP_PERFMON"]);
  const { operations, sentence } = only(planOf(box), "identity");
  assert(sentence.endsWith("with CAP_CHOWN CAP_PERFMON and no other capability"), sentence);
  const order = operations.map(({ call, args }) => call === "prctl" ? `prctl ${args![0]}` : call);
  const keeping = order.indexOf("prctl 8"), changing = order.indexOf("setresgid");
  assert(keeping >= 0 && keeping < changing);
  const set = operations[order.indexOf("capset")]!.args![1] as Uint8Array<ArrayBuffer>;
  // Effective, permitted, inheritable: the low halves, then the high ones.
  assertEquals([...new Uint32Array(set.buffer)], [1, 1, 1, 1 << 6, 1 << 6, 1 << 6]);
  assertEquals(order.slice(-2), ["prctl 47", "prctl 47"]);
  const root = only(planOf(box.user(0), ROOT), "identity").operations;
  assertEquals(root.at(-1)!.call, "capset");
  const rootSet = root.at(-1)!.args![1] as Uint8Array<ArrayBuffer>;
  assertEquals([...new Uint32Array(rootSet.buffer)], [1, 1, 0, 1 << 6, 1 << 6, 0]);
});

pure("root's sandbox is not uid 0 of the host", () => {
  for (const step of ["uid_map", "gid_map"]) {
    const [write] = calls(only(planOf(sandbox(), ROOT), step), "write");
    assertEquals(
      new TextDecoder().decode(write!.args![1] as Uint8Array),
      `0 ${UNPRIVILEGED_ID} 1\n`,
    );
  }
});

// One test an option.

pure("hostname and domainname", () => {
  assertChange((box) => box.hostname("fern"), {
    gone: ['set the hostname to "paddock"'],
    come: ['set the hostname to "fern"'],
  });
  const plan = assertChange((box) => box.domainname("möss"), {
    come: ['set the domain name to "möss"'],
  });
  assertEquals(calls(only(plan, "domain name"), "setdomainname")[0]!.args, ["möss", 5]);
});

pure("bind is read-only without devices unless it says otherwise", () => {
  const cases: [Parameters<Sandbox["bind"]>[2], string, number][] = [
    [{}, "read-only", MOUNT_ATTR_NOSUID | MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV],
    [{ writable: true }, "writable", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV],
    [{ devices: true }, "read-only", MOUNT_ATTR_NOSUID | MOUNT_ATTR_RDONLY],
  ];
  for (const [options, mode, attributes] of cases) {
    const plan = assertChange((box) => box.bind("src", "/work", options), {
      come: [`bind "/home/jane/src" ${mode} on "/work"`],
    });
    const step = only(plan, "bind");
    assertEquals(step.paths, { path: "/home/jane/src", dest: "/work" });
    const [set] = calls(step, "mount_setattr");
    assertEquals(word(set!.args![3] as Uint8Array, 0), attributes);
    const order = step.operations.map(({ call }) => call);
    assert(order.indexOf("mount_setattr") < order.indexOf("move_mount"), "never there without");
  }
});

pure("run by root, a bind's source is opened outside and id-mapped", () => {
  const plan = assertChange((box) => box.bind("/srv").bind("/opt", "/opt", { writable: true }), {
    come: [
      'open "/srv" on the host',
      'open "/opt" on the host',
      "let files of the caller appear as the sandbox's user's",
      'bind "/srv" read-only on "/srv"',
      'bind "/opt" writable on "/opt"',
    ],
  }, ROOT);
  const maps = calls(only(plan, "idmap"), "mount_setattr");
  // With all that is mounted below, and if that cannot be, by itself.
  const [AT_EMPTY_PATH, AT_RECURSIVE] = [0x1000, 0x8000];
  assertEquals(maps.map(({ args, onError }) => [args![2], onError]), [
    [AT_EMPTY_PATH | AT_RECURSIVE, { goto: "tree 0 alone" }],
    [AT_EMPTY_PATH, "ignore"],
    [AT_EMPTY_PATH | AT_RECURSIVE, { goto: "tree 1 alone" }],
    // What is to be written must be mapped.
    [AT_EMPTY_PATH, "stop"],
  ]);
  assertEquals(named(planOf(sandbox().share("user").bind("/srv"), ROOT), "open"), []);
});

pure("a bind that was opened already is taken from its descriptor", () => {
  const box = sandbox().bind("/srv");
  const adoptedFds = new Map([[box.spec.mounts.length - 1, 17]]);
  const plan = planOf(box, ROOT, { adoptedFds });
  assertEquals(named(plan, "open"), []);
  assertEquals(only(plan, "bind").operations[0], { call: "SET", args: [17], store: "tree" });
});

pure("tmpfs", () => {
  const plan = assertChange((box) => box.tmpfs("/t", { size: "64M", mode: "0700" }), {
    come: ['mount an empty tmpfs of 64M on "/t"'],
  });
  const settings = calls(named(plan, "tmpfs").at(-1)!, "fsconfig").map(({ args }) =>
    args!.slice(2, 4)
  );
  assertEquals(settings, [["mode", "700"], ["size", String(64 * 2 ** 20)], [0, 0]]);
});

pure("proc is fresh, or that of the shared pid namespace", () => {
  assertChange((box) => box.proc("/p"), { come: ['mount a proc of the sandbox\'s own on "/p"'] });
  const shared = planOf(sandbox().share("pid"));
  assertEquals(
    only(shared, "proc").sentence,
    'bind the proc of the shared pid namespace on "/proc"',
  );
  assertEquals(calls(only(shared, "proc"), "fsopen"), []);
  // The host's would show processes of another namespace than the sandbox's.
  const joined = planOf(sandbox().join("pid", { pid: 7 }));
  assertEquals(only(joined, "proc").sentence, 'mount a proc of the sandbox\'s own on "/proc"');
});

pure("root has an id in a user namespace that it joins before it makes anything there", () => {
  const stepsOf = (box: Sandbox, facts: HostFacts) =>
    planOf(box, facts).steps.map(({ name }) => name);
  const joining = sandbox().join("user", { pid: 7 });
  assertEquals(stepsOf(joining, ROOT).includes("set-up user"), true);
  assertEquals(stepsOf(joining, JANE).includes("set-up user"), false);
});

pure("dev", () => {
  const plan = assertChange((box) => box.dev("/d"), {
    come: ['make a minimal set of devices, with terminals of its own, in "/d"'],
  });
  const sources = calls(named(plan, "dev").at(-1)!, "open_tree").map(({ args }) => args![1]);
  assertEquals(sources, [
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
    "/dev/tty",
  ]);
});

pure("symlink", () => {
  const plan = assertChange((box) => box.symlink("to/there", "/link"), {
    come: ['make the link "/link" to "to/there"'],
  });
  assertEquals(calls(only(plan, "symlink"), "symlinkat")[0]!.args, [
    "to/there",
    { load32: "root" },
    "link",
  ]);
});

pure("dir", () => {
  const plan = assertChange((box) => box.dir("/d", { mode: "1700" }), {
    come: ['make the directory "/d"'],
  });
  assertEquals(calls(only(plan, "dir"), "fchmodat")[0]!.args!.at(-1), 0o1700);
});

pure("file", () => {
  const plan = assertChange((box) => box.file("/f", "hällo", { mode: 0o600 }), {
    come: ['write 6 bytes to the file "/f"'],
  });
  assertEquals(calls(only(plan, "file"), "openat")[0]!.args!.at(-1), 0o600);
  const empty = planOf(sandbox().file("/f", ""));
  assertEquals(calls(only(empty, "file"), "write"), []);
});

pure("mounts come in the caller's order", () => {
  const box = sandbox().tmpfs("/z").dir("/a").bind("/srv", "/m").dir("/b");
  const places = sentences(planOf(box));
  const at = ["/z", "/a", "/m", "/b"].map((path) =>
    places.findIndex((sentence) => sentence.endsWith(`"${path}"`))
  );
  assertEquals(at, at.toSorted((a, b) => a - b));
});

pure("user", () => {
  const plan = assertChange((box) => box.user(5, 6), {
    gone: [
      "map user ids: inside 1000 is 1000 outside",
      "map group ids: inside 1000 is 1000 outside",
      "become user 1000 and group 1000 of the sandbox for the set-up",
      "become user 1000 and group 1000, without any capability",
    ],
    come: [
      "map user ids: inside 5 is 1000 outside",
      "map group ids: inside 6 is 1000 outside",
      "become user 5 and group 6 of the sandbox for the set-up",
      "become user 5 and group 6, without any capability",
    ],
  });
  assertEquals(plan.identity.user, { uid: 5, gid: 6, groups: [] });
  assertEquals(planOf(sandbox().user(5)).identity.user.gid, 5);
  assertEquals(calls(only(plan, "identity"), "setgroups"), [], "denied to an ordinary user");
});

pure("user: root may have groups, if they are mapped", () => {
  const map = [{ inside: 0, outside: 100_000, count: 1000 }];
  const box = sandbox().idMap({ uids: map, gids: map }).user(5, 6, [7, 8]);
  const [set] = calls(only(planOf(box, ROOT), "identity"), "setgroups");
  assertEquals(set!.args, [2, new Uint8Array(Uint32Array.of(7, 8).buffer)]);
});

pure("idMap: an ordinary user gets no ids but his own and his subordinate ones", () => {
  const map = (outside: number, count: number, gids = 1000) => () =>
    planOf(
      sandbox().user(0).idMap({
        uids: [{ inside: 0, outside: 1000 }, { inside: 1, outside, count }],
        gids: [{ inside: 0, outside: gids }],
      }),
      JANE,
    );
  map(100_000, 65_536)();
  map(165_535, 1)();
  for (
    const [outside, count] of [[99_999, 2], [165_535, 2], [0, 1], [1001, 1], [100_000, 65_537]]
  ) {
    const error = assertThrows(map(outside!, count!), SpecError);
    assertEquals(error.field, "idMap.uids[1].outside");
    assert(error.message.includes("/etc/subuid gives this user (100000-165535)"), error.message);
  }
  assertEquals(assertThrows(map(100_000, 1, 0), SpecError).field, "idMap.gids[0].outside");
  // Whoever is in no file may be known to another service; newuidmap decides.
  const none = { subordinate: () => ({ uids: [], gids: [] }) };
  planOf(
    sandbox().user(0).idMap({
      uids: [{ inside: 0, outside: 7 }],
      gids: [{ inside: 0, outside: 7 }],
    }),
    machine(1000, none),
  );
});

pure("idMap: what the caller may write himself is written, the rest by newuidmap", () => {
  const one = [{ inside: 0, outside: 1000 }];
  const own = planOf(sandbox().user(0).idMap({ uids: one, gids: one }));
  assertEquals([own.mapsByHost, own.identity.denySetgroups], [false, true]);
  assertEquals(only(own, "uid_map").sentence, "map user ids: inside 0 is 1000 outside");
  const auto = planOf(sandbox().user(0).idMap("auto"));
  assertEquals([auto.mapsByHost, auto.identity.denySetgroups], [true, false]);
  assertEquals(only(auto, "newuidmap").phase, "maps");
  assertEquals(named(auto, "uid_map"), []);
  assertEquals(auto.identity.maps, {
    uids: [{ inside: 0, outside: 1000, count: 1 }, { inside: 1, outside: 100_000, count: 65_536 }],
    gids: [{ inside: 0, outside: 1000, count: 1 }, { inside: 1, outside: 200_000, count: 65_536 }],
  });
  const root = planOf(sandbox().idMap("auto"), ROOT);
  assertEquals(root.mapsByHost, false);
  assertEquals(
    only(root, "gid_map").sentence,
    "map group ids: inside 0-65535 are 200000-265535 outside",
  );
  const none = machine(0, { subordinate: () => ({ uids: [], gids: [] }) });
  assertEquals(
    planOf(sandbox().idMap("auto"), none).identity.maps!.uids[0]!.outside,
    UNPRIVILEGED_ID,
  );
});

pure("idMap: the set-up is done as 0 where that is mapped", () => {
  assertEquals(planOf(sandbox()).identity.setup, { uid: 1000, gid: 1000 });
  const box = sandbox().idMap("auto").user(3, 4);
  assertEquals(planOf(box).identity.setup, { uid: 0, gid: 0 });
});

const V2: CgroupLayout = [{
  version: 2,
  directory: "/cg",
  controllers: ["memory", "cpu", "pids", "io", "cpuset"],
}];
const V1: CgroupLayout = [
  { version: 1, directory: "/cg/memory", controllers: ["memory"], memsw: true },
  { version: 1, directory: "/cg/cpu", controllers: ["cpu", "cpuacct"] },
  { version: 1, directory: "/cg/pids", controllers: ["pids"] },
];

/** The values that are written, as `file value`. */
function written(plan: PlannedLaunch): string[] {
  return named(plan, "limit").map((step) => {
    const value = calls(step, "write")[0]!.args![1] as Uint8Array;
    return `${step.paths!.path!.replace(/.*\//, "")} ${new TextDecoder().decode(value)}`;
  });
}

pure("limits: in version 2 the process is cloned into its cgroup", () => {
  const box = sandbox().limits({ memory: "64M", pids: 20, cpus: 0.5 });
  const plan = planOf(box, JANE, { cgroup: V2 });
  assertEquals(written(plan), [
    "memory.max 67108864",
    "memory.swap.max 0",
    "cpu.max 50000 100000",
    "pids.max 21",
  ]);
  const clone = only(plan, "clone");
  const order = names(plan);
  assert(order.indexOf("limit") < order.indexOf("clone"));
  const flags = (clone.operations[0]!.args![0] as { words: number[] }).words[0]!;
  assert(flags > CLONE_INTO_CGROUP && (flags & CLONE_NEWCGROUP) === 0);
  assertEquals(order.filter((name) => name === "attach" || name === "attached"), []);
  // Its root is the sandbox's cgroup, so it is made by the process when that is in it.
  assertEquals(only(plan, "cgroup namespace").phase, "namespaces");
  assertEquals(written(planOf(box.asPid1(), JANE, { cgroup: V2 })).at(-1), "pids.max 20");
  assertEquals(named(planOf(box.share("cgroup"), JANE, { cgroup: V2 }), "cgroup namespace"), []);
});

pure("limits: in version 1 the keeper attaches beside the set-up, which waits at its end", () => {
  const box = sandbox().limits({ memory: "64M", swap: "16M", cpuWeight: 100 });
  const plan = planOf(box, ROOT, { cgroup: V1 });
  assertEquals(written(plan), [
    "memory.limit_in_bytes 67108864",
    "memory.memsw.limit_in_bytes 83886080",
    "cpu.shares 1024",
  ]);
  assertEquals(only(plan, "attach").phase, "attach");
  assertEquals(calls(only(plan, "attach"), "write").length, 3);
  const order = names(plan);
  assert(order.indexOf("pivot") < order.indexOf("attached"));
  assert(order.indexOf("attached") < order.indexOf("cgroup namespace"));
  assert(order.indexOf("cgroup namespace") < order.indexOf("stdio"));
  // Hooks before the mounts are promised all namespaces.
  const hooked = planOf(box, ROOT, { cgroup: V1, preMount: true });
  assertEquals(only(hooked, "attached").phase, "namespaces");
});

pure("limits: what nothing here can enforce is an error that says so", () => {
  const refusal = (limits: LimitsSpec, layout: CgroupLayout) =>
    assertThrows(
      () => planOf(sandbox().limits(limits), JANE, { cgroup: layout }),
      UnsupportedError,
    ).message;
  assertEquals(
    refusal({ memory: "64M" }, V1.slice(1)),
    "limits.memory: there is no memory controller here; see /proc/cgroups, and the kernel's options cgroup_disable and cgroup_no_v1",
  );
  assert(refusal({ memoryHigh: "1M" }, V1).includes("only cgroup v2 has it"));
  assert(refusal({ oomGroup: true }, V1).includes("only cgroup v2 has it"));
  assert(refusal({ swap: "1M" }, V1).includes("limit memory too"));
  assert(refusal({ ioWeight: 2000 }, [{ ...V1[0]!, controllers: ["io"] }]).includes("1000"));
  assert(
    refusal({ memory: "64M", swap: "1M" }, [{ ...V1[0]!, memsw: false }]).includes("swapaccount"),
  );
});

pure("without limits a plan knows nothing of cgroups", () => {
  const plan = planOf(sandbox(), JANE, { cgroup: V2 });
  assertEquals([named(plan, "cgroup"), plan.cgroup], [[], undefined]);
});

pure("priorities: what only root may is done from outside, and the rest by the command", () => {
  const box = sandbox().nice(-3).scheduler("fifo", { priority: 2 }).ioPriority("realtime")
    .oomScoreAdj(-5).cpuAffinity("0-2,64").personality("linux32", "addr_no_randomize");
  const phases = (facts: HostFacts, changed = box) =>
    Object.fromEntries(
      ["nice", "scheduler", "io priority", "oom score", "affinity", "personality"].map((
        name,
      ) => [name, only(planOf(changed, facts), name).phase as string]),
    );
  const own = {
    nice: "command",
    scheduler: "command",
    "io priority": "command",
    "oom score": "namespaces",
    affinity: "command",
    personality: "command",
  };
  assertEquals(phases(JANE), own);
  // Without a user namespace of its own, root's command still has its rights.
  assertEquals(phases(ROOT, box.share("user")), own);
  assertEquals(phases(ROOT), {
    ...own,
    nice: "maps",
    scheduler: "maps",
    "io priority": "maps",
    "oom score": "maps",
  });
  const all = names(planOf(box, JANE));
  assert(all.indexOf("oom score") < all.indexOf("set-up user"));
  assert(all.indexOf("nice") < all.indexOf("identity"));
  const [, size, mask] = only(planOf(box, JANE), "affinity").operations[0]!.args!;
  assertEquals([size, [...mask as Uint8Array]], [16, [
    7,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    1,
    ...Array(7).fill(0),
  ]]);
});

pure("a hard limit above the caller's is raised from outside, where root has the right to", () => {
  const box = sandbox().rlimit("nofile", 64).rlimit("memlock", "unlimited").rlimit("nproc", {
    soft: 1,
    hard: 101,
  });
  const facts = { hardLimit: () => 100 };
  const raised = named(planOf(box, machine(0, facts)), "raise");
  assertEquals(raised.map(({ sentence }) => sentence), [
    "raise the hard limit of memlock from 100 to unlimited",
    "raise the hard limit of nproc from 100 to 101",
  ]);
  assertEquals(named(planOf(box, machine(1000, facts)), "raise"), []);
  assertEquals(named(planOf(box.share("user"), machine(0, facts)), "raise"), []);
});

pure("rlimit", () => {
  const plan = assertChange(
    (box) =>
      box.rlimit("core", 0).rlimit("cpu", { soft: 1, hard: "unlimited" }).rlimit("nofile", 64),
    {
      gone: ["put the soft limit of open files back to 1024, as it was before Deno raised it"],
      come: ["limit core to 0", "limit cpu to 1 (hard unlimited)", "limit nofile to 64"],
    },
  );
  const [, cpu] = named(plan, "rlimit");
  const [pid, resource, pair] = cpu!.operations[0]!.args!;
  assertEquals([pid, resource], [0, RLIMITS.RLIMIT_CPU]);
  assertEquals(
    new BigUint64Array((pair as Uint8Array<ArrayBuffer>).buffer),
    BigUint64Array.of(1n, 2n ** 64n - 1n),
  );
  assertEquals(
    named(planOf(sandbox(), machine(1000, { softNofile: undefined })), "open files"),
    [],
  );
});

pure("umask and cwd", () => {
  assertChange((box) => box.umask("077"), {
    gone: ["set the umask to 0022"],
    come: ["set the umask to 0077"],
  });
  assertChange((box) => box.cwd("/tmp//x/./"), {
    gone: ['go to the directory "/"'],
    come: ['go to the directory "/tmp/x"'],
  });
});

pure("timeOffset: the clone has no flag for it, the offsets are exact", () => {
  const plan = assertChange((box) => box.timeOffset({ monotonic: "-1500ms", boottime: "2d" }), {
    come: ["make a time namespace with the offsets monotonic -2 500000000, boottime 172800 0"],
  });
  assertEquals(plan.cloneFlags & CLONE_NEWTIME, 0);
  const step = only(plan, "time");
  assertEquals(step.operations[0], { call: "unshare", args: [CLONE_NEWTIME] });
  assertEquals(
    new TextDecoder().decode(calls(step, "write")[0]!.args![1] as Uint8Array),
    "monotonic -2 500000000\nboottime 172800 0\n",
  );
  assertChange((box) => box.unshare("time"), { come: ["make a time namespace"] });
});

pure("tty", () => {
  const plan = assertChange((box) => box.tty({ columns: 80, rows: 24 }), {
    gone: ["start a session of its own"],
    come: [
      "open a terminal of the sandbox's own and hand its other end out",
      "start a session with the terminal as its own",
    ],
  });
  const size = calls(only(plan, "terminal"), "ioctl").find(({ args }) => args![1] === TIOCSWINSZ);
  assertEquals(size!.args![2], new Uint8Array(Uint16Array.of(24, 80, 0, 0).buffer));
  assertEquals(calls(only(plan, "session"), "ioctl")[0]!.args, [0, TIOCSCTTY, 0]);
  const stdio = only(plan, "stdio").operations.map(({ args }) => args);
  assertEquals(stdio, [0, 1, 2].map((fd) => [{ load32: "slave" }, fd, 0]));
  const unknown = planOf(sandbox().tty());
  assert(calls(only(unknown, "terminal"), "ioctl").every(({ args }) => args![1] !== TIOCSWINSZ));
  assertEquals(names(planOf(sandbox().tty().newSession(false))).includes("session"), true);
});

pure("newSession(false)", () => {
  assertChange((box) => box.newSession(false), { gone: ["start a session of its own"] });
});

pure("asPid1 and reportStart change the shape, not the steps", () => {
  const plan = assertChange((box) => box.asPid1(), {});
  assertEquals([plan.asPid1, planOf(sandbox()).asPid1], [true, false]);
  assertEquals(planOf(sandbox(), JANE, { reportStart: false }).reportStart, false);
});

pure("hooks before the mounts find the network namespace made", () => {
  const plan = planOf(sandbox(), JANE, { preMount: true });
  assert((plan.cloneFlags & CLONE_NEWNET) !== 0);
  assertEquals(only(plan, "loopback").phase, "namespaces");
  // And the mount namespace, but no mount.
  const order = PHASES.indexOf(only(plan, "mount namespace").phase);
  assert(order < PHASES.indexOf(only(plan, "root").phase));
});

pure("what is made ahead of time depends on nothing that a launch could change", () => {
  const plan = planOf(sandbox().bind("/srv", "/work"), JANE);
  assert(plan.ahead);
  // A mount namespace made early would keep the host's mounts busy, and miss later ones.
  assertEquals(plan.cloneFlags & CLONE_NEWNS, 0);
  const early = plan.steps.filter(({ phase }) => ["maps", "namespaces"].includes(phase));
  assert(early.every(({ operations }) => calls({ operations } as Step, "open_tree").length === 0));
  // Somebody outside has something to do for these, or they become the command itself.
  assert(!planOf(sandbox().bind("/srv", "/work"), ROOT).ahead);
  assert(!planOf(sandbox().join("net", "/n")).ahead);
  assert(!planOf(sandbox().asPid1()).ahead);
});

pure("the old root is gone before anything of the user's is resolved", () => {
  // "/.." leads into it until then.
  for (const hooks of [{}, { preMount: true }, { networkSetup: true }]) {
    const { operations, phase } = only(planOf(sandbox(), ROOT, hooks), "pivot");
    const order = operations.map(({ call }) => call);
    assertEquals(order.slice(-3), ["pivot_root", "umount2", "chdir"]);
    assertEquals(phase, "mounts");
  }
});

pure("root directory", () => {
  const plan = assertChange((box) => box.root("root"), {
    gone: [
      "make an empty tmpfs the new root",
      "show a minimal view of the host, read-only: /usr /bin /etc/ld.so.cache and what programs need of /etc",
      "make the root read-only",
    ],
    come: ['make the directory "/home/jane/root" the new root, read-only'],
  });
  const [set] = calls(only(plan, "root"), "mount_setattr");
  assertEquals(
    word(set!.args![3] as Uint8Array, 0),
    MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_RDONLY,
  );
  const writable = planOf(sandbox().root("/r", { writable: true }));
  assertEquals(only(writable, "root").sentence, 'make the directory "/r" the new root, writable');
  const byRoot = planOf(sandbox().root("/r", { writable: true }), ROOT);
  assertEquals(only(byRoot, "open").sentence, 'open "/r" on the host');
  assertEquals(calls(only(byRoot, "idmap"), "mount_setattr").at(-1)!.onError, "stop");
});

pure("empty root", () => {
  assertChange((box) => box.root("empty"), {
    gone: [
      "show a minimal view of the host, read-only: /usr /bin /etc/ld.so.cache and what programs need of /etc",
      "make the root read-only",
    ],
  });
});

pure("name servers are shown where there is a network to ask them over", () => {
  const copies = (box: Sandbox) =>
    only(planOf(box), "host view").operations.flatMap(({ call, args = [] }) =>
      call === "openat" && typeof args[1] === "string" ? [args[1]] : []
    );
  assertEquals(copies(sandbox()), ["etc/passwd"]);
  assertEquals(copies(sandbox().network("host")), ["etc/passwd", "etc/resolv.conf"]);
});

// Namespaces.

/** All kinds of namespaces that a plan makes, wherever it does. */
function made(plan: PlannedLaunch): NamespaceKind[] {
  let flags = plan.cloneFlags;
  for (const step of plan.steps) {
    for (const { args } of calls(step, "unshare")) flags |= args![0] as number;
  }
  return NAMESPACE_KINDS.filter((kind) => (flags & FLAGS[kind]) !== 0);
}

pure("by default every namespace but time is new", () => {
  const all = NAMESPACE_KINDS.filter((kind) => kind !== "time");
  for (const facts of [ROOT, JANE]) {
    assertEquals(made(planOf(sandbox(), facts)), all);
    assertEquals(made(planOf(sandbox(), facts, { preMount: true })), all);
    assertEquals(made(planOf(Sandbox.empty(), facts)), []);
  }
});

for (const kind of NAMESPACE_KINDS) {
  const others = NAMESPACE_KINDS.filter((other) => other !== "time" && other !== kind);

  pure(`share("${kind}") makes all namespaces but that`, () => {
    for (const facts of [ROOT, JANE]) {
      assertEquals(made(planOf(sandbox().share(kind), facts)), others);
    }
  });

  pure(`unshare("${kind}") alone makes that and nothing else`, () => {
    assertEquals(made(planOf(Sandbox.empty().unshare(kind), ROOT)), [kind]);
  });

  pure(`join("${kind}") enters it by its descriptor, before the clone`, () => {
    const targets = [["/run/ns/x", '"/run/ns/x"'], [{ pid: 7 }, "of process 7"], [
      { fd: 9 },
      "of descriptor 9",
    ]] as const;
    for (const [target, words] of targets) {
      const plan = planOf(sandbox().join(kind, target), ROOT);
      assertEquals(made(plan), others);
      const step = only(plan, `join ${kind}`);
      assertEquals(step.phase, "join");
      assertEquals(step.sentence, `join the ${kind} namespace ${words}`);
      assertEquals(step.operations, [
        { call: "setns", args: [{ load32: 1001 }, FLAGS[kind]] },
      ]);
      assert(step.number < only(plan, "clone").number);
      assertEquals([plan.staged, planOf(sandbox()).staged], [true, false]);
    }
  });
}

pure("joins come in the kernel's order: user first, mount last", () => {
  const box = sandbox().join("mount", "/m").join("net", "/n").join("user", "/u").join("ipc", "/i");
  const joins = planOf(box, ROOT).steps.filter(({ phase }) => phase === "join");
  assertEquals(joins.map(({ name }) => name), [
    "drop groups",
    "join user",
    "join ipc",
    "join net",
    "join mount",
  ]);
  const places = joins.slice(1).map(({ operations }) => operations[0]!.args![0]);
  assertEquals(places, [1001, 1002, 1003, 1004].map((place) => ({ load32: place })));
});

pure("what a shared or joined namespace leaves out", () => {
  assertEquals(named(planOf(sandbox().share("uts")), "hostname"), []);
  assert(planOf(sandbox().share("mount")).steps.every(({ phase }) => phase !== "mounts"));
  const user = planOf(sandbox().share("user"));
  assertEquals([user.hasMaps, user.identity.maps], [false, undefined]);
  for (const name of ["uid_map", "no nesting", "set-up user", "identity"]) {
    assertEquals(named(user, name), [], name);
  }
  assertEquals(named(planOf(sandbox().share("user"), ROOT), "identity").length, 1);
  assertEquals(named(planOf(sandbox().share("pid")), "subreaper").length, 1);
  assertEquals([planOf(sandbox().share("pid")).ownsPids, planOf(sandbox()).ownsPids], [
    false,
    true,
  ]);
  assertEquals(named(planOf(sandbox().share("net")), "net"), []);
  assertEquals(named(planOf(sandbox().share("net")), "loopback"), []);
});

// Contradictions.

/** A value that TypeScript would not let through. */
function wrong(spec: Record<string, unknown>): () => unknown {
  return () => planOf(Sandbox.from(spec as Partial<SandboxSpec>));
}

function built(change: (box: Sandbox) => Sandbox, facts = JANE): () => unknown {
  return () => planOf(change(sandbox()), facts);
}

const range = (inside: number, outside: number, count?: number) => ({ inside, outside, count });
const map = (uids: unknown[], gids: unknown[] = [range(1000, 1000)]) => ({ idMap: { uids, gids } });

const CONTRADICTIONS: [string, () => unknown][] = [
  // contradictions.ts
  ["hostname", built((box) => box.hostname("x").share("uts"))],
  ["hostname", built((box) => box.join("uts", "/u").hostname("x"))],
  ["domainname", built((box) => box.domainname("x").share("uts"))],
  ["timeOffsets", built((box) => box.timeOffset({ boottime: 1 }).share("time"))],
  ["asPid1", built((box) => box.asPid1().share("pid"))],
  ["asPid1", built((box) => box.asPid1().unshare("time"))],
  ["mounts", built((box) => box.share("mount").dir("/d"))],
  ["mounts", built((box) => box.join("mount", "/m").dir("/d"))],
  ["root", built((box) => box.share("mount").root("/srv"))],
  ["root", built((box) => box.share("mount").root("empty"))],
  ["network.mode", built((box) => box.network("host").unshare("net"))],
  ["network.mode", built((box) => box.network("host").join("net", "/n"))],
  ["network.mode", built((box) => box.network("none").share("net"))],
  ["tty", built((box) => box.share("mount").tty())],
  ["tty", () => planOf(Sandbox.empty().unshare("mount", "user").tty())],
  // identity.ts
  ["user.uid", built((box) => box.user(-1))],
  ["user.uid", built((box) => box.user(1.5, 1))],
  ["user.gid", built((box) => box.user(1, 2 ** 32))],
  ["user.groups[1]", built((box) => box.user(1, 1, [1, NaN]))],
  ["user.groups", built((box) => box.user(1, 1, [1]))],
  ["user.groups[0]", built((box) => box.user(0, 0, [70_000]).idMap("auto"))],
  ["user.uid", built((box) => box.idMap({ uids: [range(0, 1000)], gids: [range(1000, 1000)] }))],
  ["user.gid", built((box) => box.idMap({ uids: [range(1000, 1000)], gids: [range(0, 1000)] }))],
  ["user", built((box) => box.share("user").user(5))],
  ["idMap", built((box) => box.share("user").idMap("auto"))],
  ["idMap", built((box) => box.join("user", "/u").idMap("auto"))],
  ["idMap.uids", wrong(map([]))],
  ["idMap.gids", wrong(map([range(1000, 1000)], []))],
  ["idMap.uids[0].inside", wrong(map([range(-1, 0)]))],
  ["idMap.uids[0].inside", wrong(map([{ outside: 0 }]))],
  ["idMap.uids[0].outside", wrong(map([{ inside: 0 }]))],
  ["idMap.uids[0].count", wrong(map([range(0, 0, 0)]))],
  ["idMap.uids[1].inside", wrong(map([range(0, 0, 5), range(4, 10)]))],
  ["idMap.uids[1].outside", wrong(map([range(0, 0, 5), range(5, 4)]))],
  // check_spec.ts
  ["root", wrong({ root: "hots" })],
  ["root.path", wrong({ root: { path: "" } })],
  ["root", wrong({ root: null })],
  ["mounts", wrong({ mounts: {} })],
  ["mounts[0].kind", wrong({ mounts: [{ kind: "bnd", target: "/x" }] })],
  ["mounts[1]", wrong({ mounts: [{ kind: "dir", target: "/x" }, null] })],
  ["mounts[0].source", wrong({ mounts: [{ kind: "bind", target: "/x" }] })],
  ["mounts[0].source", wrong({ mounts: [{ kind: "symlink", target: "/x", source: 1 }] })],
  [
    "mounts[0].writable",
    wrong({ mounts: [{ kind: "bind", source: "/s", target: "/x", writable: "no" }] }),
  ],
  [
    "mounts[0].optional",
    wrong({ mounts: [{ kind: "bind", source: "/s", target: "/x", optional: 1 }] }),
  ],
  ["mounts[0].contents", wrong({ mounts: [{ kind: "file", target: "/x", contents: 5 }] })],
  ["namespaces.net", wrong({ namespaces: { net: "of" } })],
  ["namespaces.net.join.pid", wrong({ namespaces: { net: { join: { pid: -1 } } } })],
  ["namespaces.net.join.pid", wrong({ namespaces: { net: { join: {} } } })],
  ["namespaces.pids", wrong({ namespaces: { pids: "new" } })],
  ["rlimits.files", wrong({ rlimits: { files: 1 } })],
  ["rlimits.core", wrong({ rlimits: { core: -1 } })],
  ["rlimits.core", wrong({ rlimits: { core: "infinite" } })],
  ["rlimits.core", wrong({ rlimits: { core: { soft: 2, hard: 1 } } })],
  ["rlimits.core", wrong({ rlimits: { core: { soft: "unlimited", hard: 1 } } })],
  ["limits", wrong({ limits: 5 })],
  ["limits.mem", wrong({ limits: { mem: "64M" } })],
  ["limits.memory", wrong({ limits: { memory: "much" } })],
  ["limits.memory", wrong({ limits: { memory: 0 } })],
  ["limits.pids", wrong({ limits: { pids: 0 } })],
  ["limits.pids", wrong({ limits: { pids: "many" } })],
  ["limits.cpus", wrong({ limits: { cpus: 0.001 } })],
  ["limits.cpus", wrong({ limits: { cpus: "1" } })],
  ["limits.cpuWeight", wrong({ limits: { cpuWeight: 10_001 } })],
  ["limits.cpuset", wrong({ limits: { cpuset: "0-" } })],
  ["limits.oomGroup", wrong({ limits: { oomGroup: 1 } })],
  ["limits.io[0].device", wrong({ limits: { io: [{ device: "sda", rbps: 1 }] } })],
  ["limits.io[0]", wrong({ limits: { io: [{ device: "8:0" }] } })],
  ["limits.io[0].bps", wrong({ limits: { io: [{ device: "8:0", bps: 5 }] } })],
  ["limits.io[0].riops", wrong({ limits: { io: [{ device: "8:0", riops: 0 }] } })],
  ["limits.hugetlb", wrong({ limits: { hugetlb: { "1B": 0 } } })],
  ["limits.parent", wrong({ limits: { parent: "relative" } })],
  ["limits.parent", wrong({ limits: { parent: "/a/../b" } })],
  ["nice", wrong({ nice: 20 })],
  ["nice", wrong({ nice: 1.5 })],
  ["oomScoreAdj", wrong({ oomScoreAdj: -1001 })],
  ["scheduler.policy", wrong({ scheduler: { policy: "realtime" } })],
  ["scheduler", wrong({ scheduler: "idle" })],
  ["scheduler.priority", wrong({ scheduler: { policy: "fifo" } })],
  ["scheduler.priority", wrong({ scheduler: { policy: "rr", priority: 100 } })],
  ["scheduler.priority", wrong({ scheduler: { policy: "batch", priority: 1 } })],
  ["scheduler.resetOnFork", wrong({ scheduler: { policy: "idle", resetOnFork: 1 } })],
  ["ioPriority.class", wrong({ ioPriority: { class: "rt" } })],
  ["ioPriority.level", wrong({ ioPriority: { class: "best-effort", level: 8 } })],
  ["ioPriority.level", wrong({ ioPriority: { class: "idle", level: 0 } })],
  ["cpuAffinity", wrong({ cpuAffinity: "3-1" })],
  ["cpuAffinity", wrong({ cpuAffinity: "0,,1" })],
  ["personality[0]", wrong({ personality: ["linux"] })],
  ["personality", wrong({ personality: "linux32" })],
  ["idMap", wrong({ idMap: "automatic" })],
  ["idMap.gids", wrong({ idMap: { uids: [] } })],
  ["env.set.A", wrong({ env: { set: { A: 5 }, inherit: [] } })],
  ["env.set", wrong({ env: { set: 5, inherit: [] } })],
  ["env.inherit", wrong({ env: { set: {}, inherit: "none" } })],
  ["network.mode", wrong({ network: { mode: "brigde" } })],
  ["timeout", wrong({ timeout: -5 })],
  ["timeout", wrong({ timeout: "soon" })],
  ["newSession", wrong({ newSession: "off" })],
  ["asPid1", wrong({ asPid1: 1 })],
  ["tty", wrong({ tty: "yes" })],
  ["hostname", wrong({ hostname: 5 })],
  ["domainname", wrong({ domainname: null })],
  ["hostName", wrong({ hostName: "x" })],
  // resolve.ts, and what only planning reads
  ["mounts[4].target", built((box) => box.dir("relative"))],
  ["mounts[4].target", built((box) => box.dir("/a/../b"))],
  ["mounts[4].target", built((box) => box.dir("/a\0b"))],
  ["mounts[4].target", built((box) => box.tmpfs("/"))],
  ["mounts[4].target", built((box) => box.bind("/srv", "//."))],
  ["mounts[4].source", built((box) => box.bind("", "/x"))],
  ["mounts[4].mode", built((box) => box.dir("/d", { mode: "rwx" }))],
  ["mounts[4].mode", built((box) => box.file("/f", "", { mode: 0o10000 }))],
  ["mounts[0].size", wrong({ mounts: [{ kind: "tmpfs", target: "/t", size: "x" }] })],
  ["umask", wrong({ umask: "9" })],
  ["cwd", built((box) => box.cwd("work"))],
  ["timeOffsets.boottime", wrong({ namespaces: { time: "new" }, timeOffsets: { boottime: "x" } })],
];

for (const [index, [field, plan]] of CONTRADICTIONS.entries()) {
  pure(`contradiction ${index + 1} is blamed on ${field}`, () => {
    const error = assertThrows(plan, SpecError);
    assertEquals(error.field, field, error.message);
    assert(error.message.startsWith(`${field}: `));
    assert(!error.message.endsWith("."), "no final period");
  });
}

pure("an automatic map without subordinate ids says how to get some", () => {
  const facts = machine(1000, { subordinate: () => ({ uids: [], gids: [] }) });
  const error = assertThrows(
    () => planOf(sandbox().user(0).idMap("auto"), facts),
    UnsupportedError,
    "usermod --add-subuids",
  );
  assertEquals(error.feature, "an automatic subuid map");
});

pure("what looks like a contradiction and is none", () => {
  for (
    const box of [
      sandbox().join("user", "/u").user(5, 6),
      sandbox().root("empty").dir("/d"),
      sandbox().network("none"),
      sandbox().network("host"),
      sandbox().asPid1().tty(),
      Sandbox.empty().root("host"),
    ]
  ) planOf(box);
  planOf(sandbox().share("user").user(5, 6, [7]), ROOT);
  assertNotEquals(planOf(sandbox()), planOf(sandbox(), ROOT));
});

pure("what a network's plugins will do is told after the steps", () => {
  const box = sandbox().network("bridge", { bridge: "blue", bandwidth: { up: "10mbit" } })
    .publish("8080:80", "[::1]:53:53/udp");
  assertEquals(describeNetwork(box.spec.network), [
    'make it a port of the bridge "blue", with NAT and a resolver',
    "limit what it sends to 10mbit",
    "open tcp port 8080 of 127.0.0.1 on the host for its port 80",
    "open udp port 53 of ::1 on the host for its port 53",
  ]);
  assertEquals(describeNetwork(sandbox().spec.network), []);
  assertEquals(describeNetwork({ mode: "host" }), []);
});
