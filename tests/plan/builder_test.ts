import { assert, assertEquals, assertMatch, assertNotEquals, assertThrows } from "@std/assert";
import {
  defineHook,
  type Plugin,
  Sandbox,
  sandbox,
  type SandboxSpec,
  SpecError,
} from "../../mod.ts";

function pure(name: string, fn: () => void | Promise<void>): void {
  Deno.test({ name, permissions: "none", fn });
}

/** Every method of the builder, called so that it changes something. */
const METHODS: Record<string, (box: Sandbox) => Sandbox> = {
  unshare: (box) => box.unshare("time"),
  share: (box) => box.share("network"),
  join: (box) => box.join("ipc", { pid: 7 }),
  user: (box) => box.user(5, 6, [7]),
  idMap: (box) => box.idMap("auto"),
  hostname: (box) => box.hostname("fern"),
  domainname: (box) => box.domainname("moss"),
  root: (box) => box.root("/srv", { writable: true }),
  bind: (box) => box.bind("/srv"),
  overlay: (box) => box.overlay("/o", { lower: ["/srv"], upper: "ephemeral" }),
  tmpfs: (box) => box.tmpfs("/work", { size: "16M" }),
  proc: (box) => box.proc("/proc2"),
  dev: (box) => box.dev("/dev2"),
  devpts: (box) => box.devpts("/pts", { max: 4 }),
  mqueue: (box) => box.mqueue(),
  sysfs: (box) => box.sysfs(),
  cgroupfs: (box) => box.cgroupfs("/cgroup", { writable: true }),
  mask: (box) => box.mask("/etc/passwd", "/tmp"),
  readonly: (box) => box.readonly("/tmp"),
  symlink: (box) => box.symlink("a", "/b"),
  dir: (box) => box.dir("/d", { mode: "0700" }),
  file: (box) => box.file("/f", "text"),
  mount: (box) => box.mount({ kind: "dir", target: "/m" }),
  env: (box) => box.env("A", "1").env({ B: "2" }),
  clearEnv: (box) => box.clearEnv(),
  inheritEnv: (box) => box.inheritEnv("USER").inheritEnv(),
  cwd: (box) => box.cwd("/work"),
  umask: (box) => box.umask("077"),
  seccomp: (box) => box.seccomp("none"),
  capabilities: (box) => box.capabilities(["CAP_CHOWN"]),
  landlock: (box) => box.landlock("from-mounts", { optional: true }),
  rlimit: (box) => box.rlimit("nofile", { soft: 1, hard: 2 }),
  limits: (box) => box.limits({ memory: "64M" }).limits({ pids: 5 }),
  nice: (box) => box.nice(5),
  scheduler: (box) => box.scheduler("batch", { resetOnFork: true }),
  cpuAffinity: (box) => box.cpuAffinity([0, 1]),
  ioPriority: (box) => box.ioPriority("best-effort", 2),
  oomScoreAdj: (box) => box.oomScoreAdj(100),
  personality: (box) => box.personality("linux32"),
  network: (box) => box.network("none"),
  publish: (box) => box.publish("8080:80"),
  timeout: (box) => box.timeout("30s"),
  tty: (box) => box.tty({ columns: 80, rows: 24 }),
  newSession: (box) => box.newSession(false),
  asPid1: (box) => box.asPid1(),
  timeOffset: (box) => box.timeOffset({ boottime: "1h" }),
  with: (box) => box.with((inner) => inner.cwd("/with")),
};

const VERBS = ["plan", "spawn", "start", "output", "use", "spec", "constructor"];

pure("every method of the builder is tried here", () => {
  const methods = Object.getOwnPropertyNames(Sandbox.prototype);
  assertEquals(methods.filter((name) => !VERBS.includes(name)).sort(), Object.keys(METHODS).sort());
});

for (const [name, change] of Object.entries(METHODS)) {
  pure(`${name}() returns a new sandbox and leaves the old one as it was`, () => {
    const box = sandbox().env("Z", "1").rlimit("core", 0);
    const before = box.spec;
    const after = change(box);
    assert(after instanceof Sandbox);
    assert(after !== box);
    assertEquals(box.spec, before);
    assertNotEquals(after.spec, before);
    assertEquals(change(box).spec, after.spec, "the same again");
    const bare = Sandbox.empty().spec;
    change(Sandbox.empty());
    assertEquals(Sandbox.empty().spec, bare);
    assertEquals(sandbox().spec, Sandbox.from({}).spec);
  });
}

pure("use() returns a new sandbox and leaves the old one without the plugin", () => {
  const plugin = defineHook({ name: "one" });
  const box = sandbox();
  const used = box.use(plugin);
  assert(used !== box);
  assertEquals(used.spec, box.spec);
  box.use(plugin);
  assertThrows(() => used.use(plugin), SpecError);
});

pure("with() is the preset's own result", () => {
  const other = sandbox();
  assert(Sandbox.empty().with(() => other) === other);
});

pure("a sandbox is no thenable", async () => {
  const box = sandbox();
  assert(!("then" in box));
  assert(await box === box);
});

pure("spec is a copy: what is done to it changes nothing", () => {
  const box = sandbox().env("A", "1").file("/f", Uint8Array.of(1)).tty({ columns: 1, rows: 2 });
  const before = box.spec;
  const taken = box.spec;
  taken.mounts.length = 0;
  taken.namespaces.net = "shared";
  taken.env.set.A = "2";
  taken.rlimits.core = 0;
  taken.hostname = "other";
  assertEquals(box.spec, before);
  assertNotEquals(taken, before);
  const mount = box.spec.mounts.at(-1)!;
  assert(mount.kind === "file" && mount.contents instanceof Uint8Array);
  mount.contents[0] = 9;
  assertEquals(box.spec, before);
});

pure("the defaults cannot be changed through a sandbox", () => {
  const { mounts } = sandbox().spec;
  mounts[0]!.target = "/elsewhere";
  assertEquals(sandbox().spec.mounts[0]!.target, "/proc");
});

pure("what a method was given can be changed afterwards", () => {
  const root = { path: "/srv" };
  const map = {
    uids: [{ inside: 0, outside: 5 }],
    gids: [{ inside: 0, outside: 5 }],
  };
  const mount = { kind: "dir" as const, target: "/m" };
  const bytes = Uint8Array.of(1, 2), value = Uint8Array.of(65), one = Uint8Array.of(66);
  const values = { V: value };
  const limit = { soft: 1, hard: 2 };
  const target = { pid: 7 };
  const groups = [7];
  const size = { columns: 80, rows: 24 };
  const offsets = { boottime: "1h" };
  const whole: Partial<SandboxSpec> = { rlimits: { core: 0 } };
  const box = sandbox().root(root).idMap(map).mount(mount).file("/f", bytes).env(values)
    .env("O", one).rlimit("nofile", limit).join("ipc", target).user(0, 0, groups).tty(size)
    .timeOffset(offsets);
  const from = Sandbox.from(whole);
  const before = box.spec, fromBefore = from.spec;
  root.path = "/other";
  map.uids[0]!.outside = 0;
  map.gids.length = 0;
  mount.target = "/other";
  bytes[0] = value[0] = one[0] = 9;
  values.V = one;
  limit.soft = 0;
  target.pid = 1;
  groups[0] = 0;
  size.rows = 1;
  offsets.boottime = "2h";
  whole.rlimits!.core = 9;
  assertEquals(box.spec, before);
  assertEquals(from.spec, fromBefore);
});

pure("wrong arguments are refused at once, by the field's name", () => {
  const cases: [string, (box: Sandbox) => Sandbox][] = [
    ["namespaces", (box) => box.unshare("pids" as never)],
    ["namespaces", (box) => box.share("all" as never)],
    ["namespaces", (box) => box.join("toString" as never, "/x")],
    ["hostname", (box) => box.hostname("")],
    ["hostname", (box) => box.hostname("x".repeat(65))],
    ["hostname", (box) => box.hostname("ü".repeat(33))],
    ["hostname", (box) => box.hostname("a\0b")],
    ["domainname", (box) => box.domainname("")],
    ["domainname", (box) => box.domainname("ü".repeat(33))],
    ["tmpfs.size", (box) => box.tmpfs("/t", { size: "much" })],
    ["tmpfs.mode", (box) => box.tmpfs("/t", { mode: "rwx" })],
    ["umask", (box) => box.umask("9")],
    ["network.mode", (box) => box.network("brigde" as never)],
    ["timeout", (box) => box.timeout("soon")],
    ["timeout", (box) => box.timeout(0)],
    ["timeout", (box) => box.timeout("-1s")],
    ["tty.columns", (box) => box.tty({ columns: 65536, rows: 1 })],
    ["tty.rows", (box) => box.tty({ columns: 1, rows: 0.5 })],
    ["timeOffsets.boottime", (box) => box.timeOffset({ boottime: "x" })],
    ["timeOffsets.monotonic", (box) => box.timeOffset({ monotonic: "1" })],
  ];
  for (const [field, change] of cases) {
    assertEquals(assertThrows(() => change(sandbox()), SpecError).field, field);
  }
});

pure("share and join take along the defaults that need a namespace of their own", () => {
  assertEquals(sandbox().share("uts").spec.hostname, undefined);
  assertEquals(sandbox().join("uts", "/ns").spec.hostname, undefined);
  assertEquals(sandbox().hostname("fern").share("uts").spec.hostname, "fern");
  assertEquals(sandbox().share("mnt").spec.mounts, []);
  assertEquals(sandbox().join("mount", "/ns").spec.mounts, []);
  assertEquals(sandbox().dir("/d").share("mount").spec.mounts.length, 5);
});

pure("a second plugin of the same name is an error", () => {
  const box = sandbox().use({ name: "hosts" });
  const error = assertThrows(() => box.use({ name: "hosts" }), SpecError, '"hosts"');
  assertEquals(error.field, "use");
  box.use({ name: "Hosts" });
});

pure("an unknown key of a plugin or a hook is an error that names it", () => {
  const nothing = () => {};
  const cases: [string, unknown][] = [
    ["plugin.name", {}],
    ["plugin.name", { name: "" }],
    ["plugin.name", undefined],
    ['plugin "p".preMounts', { name: "p", preMounts: nothing }],
    ['plugin "p".preMount', { name: "p", preMount: "no" }],
    ['plugin "p".preMount', { name: "p", preMount: { order: "pre" } }],
    ['plugin "p".preMount.oder', { name: "p", preMount: { handler: nothing, oder: "pre" } }],
    ['plugin "p".postStop.order', { name: "p", postStop: { handler: nothing, order: "last" } }],
  ];
  for (const [field, plugin] of cases) {
    for (const use of [defineHook, (given: Plugin) => sandbox().use(given)]) {
      assertEquals(assertThrows(() => use(plugin as Plugin), SpecError).field, field);
    }
  }
});

pure("importing the library and building ask for no permission", async () => {
  // Imported anew, so that its top level runs here, without any permission.
  const fresh = await import("../../lib/sandbox.ts");
  let box: Sandbox = fresh.sandbox();
  for (const change of Object.values(METHODS)) box = change(box);
  assertEquals(box.spec.cwd, "/with");
});

Deno.test("a program without any permission imports the library, builds, and prints", async () => {
  const mod = new URL("../../mod.ts", import.meta.url).href;
  const program = `import { sandbox } from ${JSON.stringify(mod)};
    const box = sandbox().hostname("fern").bind("/srv").timeout("1s").use({ name: "p" });
    console.log(box.spec.hostname);`;
  const path = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(path, program);
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--no-prompt", "--config", configPath(), path],
      stdin: "null",
    }).output();
    assertEquals(new TextDecoder().decode(stderr), "");
    assertEquals(new TextDecoder().decode(stdout), "fern\n");
    assertEquals(code, 0);
  } finally {
    await Deno.remove(path);
  }
});

function configPath(): string {
  return new URL("../../deno.json", import.meta.url).pathname;
}

Deno.test("plan() prints numbered sentences under headings", () => {
  const plan = sandbox().hostname("fern").plan(["/bin/true"]);
  const lines = String(plan).split("\n");
  const headings = lines.filter((line) => /^\S.*:$/.test(line));
  const sentences = lines.filter((line) => /^ {1,4}\d+\. \S/.test(line));
  assertEquals(headings.length + sentences.length, lines.length);
  assertEquals(new Set(headings).size, headings.length, "each heading once");
  assertEquals(lines[0], headings[0]);
  assertEquals(headings.at(-1), "There, at the very end:");
  assertEquals(
    sentences,
    plan.steps.map(({ number, sentence }) => `${String(number).padStart(4)}. ${sentence}`),
  );
  assertEquals(plan.steps.map(({ number }) => number), plan.steps.map((_, index) => index + 1));
  assertMatch(String(plan), /set the hostname to "fern"/);
  assertEquals(plan.steps.at(-1)!.sentence, 'execute "/bin/true"');
});

Deno.test("plan() as JSON has every step, and bytes in hexadecimal", () => {
  const box = sandbox().rlimit("nofile", "unlimited").file("/f", Uint8Array.of(0, 255))
    .env("B", Uint8Array.of(0xfe));
  const plan = box.plan(["sh", Uint8Array.of(0xff)]);
  const text = JSON.stringify(plan);
  const steps = JSON.parse(text) as Record<string, unknown>[];
  assertEquals(steps.length, plan.steps.length);
  for (const [index, step] of steps.entries()) {
    const { number, phase, name, sentence } = plan.steps[index]!;
    assertEquals([step.number, step.phase, step.name, step.sentence], [
      number,
      phase,
      name,
      sentence,
    ]);
    assert(Array.isArray(step.operations));
  }
  assertMatch(text, /"hex":"00ff"/);
  assertEquals(JSON.stringify(box.plan(["sh", Uint8Array.of(0xff)])), text, "the same every time");
  assertEquals(JSON.parse(JSON.stringify({ plan })).plan.length, steps.length);
});

Deno.test("plan() throws what contradicts itself; hooks change no step", () => {
  assertEquals(
    assertThrows(() => Sandbox.empty().hostname("x").plan(), SpecError).field,
    "hostname",
  );
  const box = sandbox();
  assertEquals(String(box.use({ name: "p", preMount() {} }).plan()), String(box.plan()));
});

Deno.test("a capability that is misspelt, or given as a text, is told by its name", () => {
  // deno-lint-ignore no-explicit-any
  const box = sandbox() as any;
  for (const keep of ["sys_admn", ["sys_admn"], ["SYS_ADMIN"], ["CAP_SYS_ADMN"]]) {
    const { message } = assertThrows(() => box.capabilities(keep), SpecError);
    assert(message.endsWith('did you mean "CAP_SYS_ADMIN"?'), message);
  }
});

Deno.test("a relative source of a bind needs a place, and is told an example", () => {
  const { message } = assertThrows(() => sandbox().bind("./src"), SpecError);
  assertEquals(
    message,
    'bind.target: "./src" is relative; say where it is to be inside, e.g. bind("./src", "/work")',
  );
  assertEquals(sandbox().bind("/srv").spec.mounts.at(-1)!.target, "/srv");
});
