// A misspelt key is an error with its place, and says what was meant: passed over in silence, it
// would leave a sandbox looser than its user thinks.

import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  defineHook,
  Images,
  pool,
  readOnlyHost,
  Sandbox,
  sandbox,
  type SandboxSpec,
  scratch,
  SpecError,
  workspace,
} from "../../mod.ts";
import { bandwidth } from "../../hooks/bandwidth.ts";
import { bridge } from "../../hooks/bridge.ts";
import { egress } from "../../hooks/egress.ts";
import { hosts } from "../../hooks/hosts.ts";
import { macvlan } from "../../hooks/macvlan.ts";
import { pasta } from "../../hooks/pasta.ts";
import { vxlan } from "../../hooks/vxlan.ts";
import { workspace as folder } from "../../hooks/workspace.ts";

// What TypeScript would not let pass.
// deno-lint-ignore no-explicit-any
const wrong = (value: unknown): any => value;

/** What is done, the field that must be named, and the word that was meant. */
const BUILDER: [build: () => unknown, field: string, meant?: string][] = [
  [() => sandbox().root("/", wrong({ ephemeralx: true })), "root.ephemeralx", "ephemeral"],
  [() => sandbox().root("host", wrong({ writable: true })), "root.writable"],
  [() => sandbox().root({ path: "/", ...wrong({ wriatble: true }) }), "root.wriatble", "writable"],
  [
    () => sandbox().root({ overlay: { lower: ["/"], ...wrong({ uper: "/x" }) } }),
    "root.overlay.uper",
    "upper",
  ],
  [() => sandbox().root({ overlay: { lower: ["/"] }, ...wrong({ size: 1 }) }), "root.size"],
  [() => sandbox().root({ image: "x", ...wrong({ readonyl: true }) }), "root.readonyl", "readonly"],
  [
    () => sandbox().root("/", { idMap: { uids: [range({ cuont: 2 })], gids: [range()] } }),
    "root.idMap.uids[0].cuont",
    "count",
  ],
  [() => sandbox().bind("/a", "/a", wrong({ wirtable: true })), "bind.wirtable", "writable"],
  [() => sandbox().bind("/a", "/a", wrong({ target: "/b" })), "bind.target"],
  [() => sandbox().bind("/a", "/a", wrong({ kind: "tmpfs" })), "bind.kind"],
  [
    () => sandbox().bind({ fd: 3, ...wrong({ path: "/" }) }, "/a"),
    "mounts[4].source.path",
  ],
  [() => sandbox().tmpfs("/a", wrong({ sise: "1M" })), "tmpfs.sise", "size"],
  [() => sandbox().proc("/a", wrong({ subste: "pid" })), "proc.subste", "subset"],
  [() => sandbox().devpts("/a", wrong({ maxx: 1 })), "devpts.maxx", "max"],
  [() => sandbox().cgroupfs("/a", wrong({ writeable: true })), "cgroupfs.writeable", "writable"],
  [() => sandbox().dir("/a", wrong({ mod: "0700" })), "dir.mod", "mode"],
  [() => sandbox().file("/a", "", wrong({ mdoe: "0700" })), "file.mdoe", "mode"],
  [() => sandbox().file("/a", "", wrong({ contents: "b" })), "file.contents"],
  [
    () => sandbox().overlay("/a", { lower: ["/"], ...wrong({ wrok: "/" }) }),
    "overlay.wrok",
    "work",
  ],
  [
    () => sandbox().mount({ kind: "mask", target: "/a", ...wrong({ optoinal: true }) }),
    "mounts[4].optoinal",
    "optional",
  ],
  [
    () => sandbox().mount({ type: "ext4", target: "/a", ...wrong({ opitons: {} }) }),
    "mounts[4].opitons",
    "options",
  ],
  [() => sandbox().capabilities([], wrong({ ambeint: false })), "capabilities.ambeint", "ambient"],
  [() => sandbox().seccomp("default", wrong({ lgo: true })), "seccomp.lgo", "log"],
  [
    () => sandbox().seccomp({ bpf: new Uint8Array(8), ...wrong({ log: true }) }),
    "seccomp.profile.log",
  ],
  [
    () => sandbox().seccomp({ rules: [], otherwise: "allow", ...wrong({ architecture: [] }) }),
    "seccomp.profile.architecture",
    "architectures",
  ],
  [
    () => sandbox().landlock("from-mounts", wrong({ optinal: true })),
    "landlock.optinal",
    "optional",
  ],
  [() => sandbox().landlock(wrong({ path: [] })), "landlock.path", "paths"],
  [() => sandbox().landlock({ tcp: wrong({ conect: [] }) }), "landlock.tcp.conect", "connect"],
  [() => sandbox().limits(wrong({ memroy: "1M" })), "limits.memroy", "memory"],
  [
    () => sandbox().limits({ io: [{ device: "8:0", ...wrong({ rpbs: 1 }) }] }),
    "limits.io[0].rpbs",
    "rbps",
  ],
  [
    () => sandbox().rlimit("nofile", { soft: 1, hard: 1, ...wrong({ hrad: 2 }) }),
    "rlimits.nofile.hrad",
    "hard",
  ],
  [
    () => sandbox().scheduler("other", wrong({ resetOnFrok: true })),
    "scheduler.resetOnFrok",
    "resetOnFork",
  ],
  [() => sandbox().network(wrong({ denyDomian: [] })), "network.denyDomian", "denyDomains"],
  [
    () => sandbox().network({ allowDomains: [{ name: "a.b", ...wrong({ port: [1] }) }] }),
    "network.allowDomains[0].port",
    "ports",
  ],
  [
    () => sandbox().network("bridge", { bandwidth: { up: 1, ...wrong({ donw: 1 }) } }),
    "network.bandwidth.donw",
    "down",
  ],
  [
    () => sandbox().network("join", { target: { pid: 1, ...wrong({ pdi: 1 }) } }),
    "network.target.pdi",
    "pid",
  ],
  [() => sandbox().tty({ columns: 1, rows: 1, ...wrong({ row: 1 }) }), "tty.row", "rows"],
  [() => sandbox().timeOffset(wrong({ monotnoic: "1h" })), "timeOffsets.monotnoic", "monotonic"],
  [
    () => sandbox().join("net", { pid: 1, ...wrong({ fdd: 1 }) }),
    "namespaces.net.join.fdd",
    "fd",
  ],
  [
    () => sandbox().idMap({ uids: [range({ outisde: 1 })], gids: [range()] }),
    "idMap.uids[0].outisde",
    "outside",
  ],
  [() => sandbox().with(readOnlyHost(wrong({ hid: [] }))), "readOnlyHost.hid", "hide"],
  [() => sandbox().with(scratch(wrong({ szie: 1 }))), "scratch.szie", "size"],
  [() => sandbox().with(workspace("/tmp", wrong({ protcet: [] }))), "workspace.protcet", "protect"],
  [() => folder("/tmp", wrong({ protcet: [] })), "workspace.protcet", "protect"],
  [() => hosts({}, wrong({ nameserver: [] })), "hosts.nameserver", "nameservers"],
  [() => egress(wrong({ denyDomian: [] })), "egress.denyDomian", "denyDomains"],
  [() => bridge(wrong({ hostAcces: true })), "bridge.hostAcces", "hostAccess"],
  [
    () => vxlan({ id: 1, remote: "", bridge: "b", subnet: "", pool: "", ...wrong({ prot: 1 }) }),
    "vxlan.prot",
    "port",
  ],
  [
    () => macvlan({ parent: "a", addresses: [], ...wrong({ gatewys: [] }) }),
    "macvlan.gatewys",
    "gateways",
  ],
  [() => pasta(wrong({ nameserver: [] })), "pasta.nameserver", "nameservers"],
  [() => bandwidth(wrong({ upp: 1 })), "bandwidth.upp", "up"],
  [
    () => defineHook({ name: "a", ...wrong({ preMout() {} }) }),
    'plugin "a".preMout',
    "preMount",
  ],
  [
    () => defineHook({ name: "a", preMount: { handler() {}, ...wrong({ timeuot: 1 }) } }),
    'plugin "a".preMount.timeuot',
    "timeout",
  ],
  [() => pool(sandbox(), wrong({ szie: 2 })), "pool.szie", "size"],
];

function range(more: object = {}) {
  return { inside: 0, outside: 0, ...more };
}

function check(error: SpecError, field: string, meant?: string): void {
  assertEquals(error.field, field, String(error));
  if (meant !== undefined) assertStringIncludes(error.message, `did you mean "${meant}"?`);
}

Deno.test("every method that takes options says which of them it does not know", () => {
  for (const [build, field, meant] of BUILDER) {
    // At once, or else before anything is started.
    const error = assertThrows(
      () => {
        const built = build();
        if (built instanceof Sandbox) built.plan();
      },
      SpecError,
      undefined,
      field,
    );
    check(error as SpecError, field, meant);
  }
});

Deno.test("so do the verbs", async () => {
  const verbs: [run: () => Promise<unknown>, field: string, meant?: string][] = [
    [() => sandbox().spawn(["true"], wrong({ stdotu: "null" })), "spawn.stdotu", "stdout"],
    [
      () => sandbox().spawn(["true"], { stdout: { file: "/dev/null", ...wrong({ apend: true }) } }),
      "stdout.apend",
      "append",
    ],
    [() => sandbox().start(["true"], wrong({ nmae: "a" })), "start.nmae", "name"],
    [() => sandbox().output(["true"], wrong({ signall: null })), "output.signall", "signal"],
    [() => new Images("/nowhere").import("x", wrong({ owner: "keep" })), "import.owner", "owners"],
  ];
  for (const [run, field, meant] of verbs) {
    check(await assertRejects(run, SpecError), field, meant);
  }
  await using warm = pool(sandbox());
  check(
    await assertRejects(() => warm.run(["true"], wrong({ evn: {} })), SpecError),
    "run.evn",
    "env",
  );
});

/** A description with something at every place that has keys. */
const FULL: SandboxSpec = {
  ...sandbox().spec,
  root: { path: "/", idMap: { uids: [range()], gids: [range()] } },
  mounts: [
    { kind: "bind", source: { fd: 3 }, target: "/a" },
    { kind: "overlay", lower: ["/"], target: "/b" },
    { kind: "tmpfs", target: "/c" },
    { kind: "mask", target: "/d" },
  ],
  namespaces: { ...sandbox().spec.namespaces, ipc: { join: { pid: 1 } }, time: "new" },
  user: { uid: 0 },
  idMap: { uids: [range()], gids: [range()] },
  capabilities: { keep: [] },
  landlock: { paths: [{ path: "/", allow: "read" }], tcp: { bind: [] } },
  seccomp: {
    profile: {
      rules: [{
        calls: ["read"],
        action: "allow",
        when: [{ argument: 0, is: "equal", value: 0, bits: 32 }],
      }],
      otherwise: "allow",
    },
  },
  rlimits: { nofile: { soft: 1, hard: 1 } },
  limits: { io: [{ device: "8:0", rbps: 1 }] },
  scheduler: { policy: "other" },
  ioPriority: { class: "idle" },
  network: { mode: "none", allowDomains: [{ name: "a.b" }], bandwidth: { up: 1 } },
  tty: { columns: 80, rows: 25 },
  timeOffsets: { monotonic: "1h" },
};

/** Names of anything, chosen by the user. */
const FREE = ["env.set", "limits.hugetlb"];

function* places(value: unknown, path: string): Generator<[path: string, object: object]> {
  if (typeof value !== "object" || value === null) return;
  if (!Array.isArray(value) && !FREE.includes(path)) yield [path, value];
  for (const [key, entry] of Object.entries(value)) {
    const at = Array.isArray(value) ? `${path}[${key}]` : path === "" ? key : `${path}.${key}`;
    yield* places(entry, at);
  }
}

Deno.test("no object of a description takes a key that it does not know", () => {
  const plan = (spec: SandboxSpec) => Sandbox.from(spec);
  plan(FULL);
  let count = 0;
  for (const [path] of places(FULL, "")) {
    const spec = structuredClone(FULL);
    const place = [...places(spec, "")].find(([at]) => at === path)![1];
    Object.assign(place, { zzz: 1 });
    const field = path === "" ? "zzz" : `${path}.zzz`;
    const error = assertThrows(
      () => plan(spec).plan(),
      SpecError,
      undefined,
      `${field} was passed over`,
    );
    assertEquals((error as SpecError).field, field, String(error));
    count++;
  }
  assert(count > 30, `${count} places`);
});
