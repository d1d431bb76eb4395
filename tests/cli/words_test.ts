/** What the command says of a mistake is in the words of whoever typed it, and says what to do. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { endingLine } from "../../lib/cli/ending.ts";
import type { Executed } from "../../lib/cli/executed.ts";
import { inOptions, optionOf, optionText } from "../../lib/cli/option_words.ts";
import { RUN_OPTIONS } from "../../lib/cli/run_options.ts";
import {
  HookError,
  SpecError,
  StepError,
  SyscallError,
  UnsupportedError,
} from "../../lib/errors.ts";
import { Sandbox } from "../../lib/sandbox.ts";
import type { SandboxSpec } from "../../lib/spec.ts";
import { DEFAULT_SPEC } from "../../lib/defaults.ts";
import { paddock, start, text, withFolder } from "./run.ts";

const NAMES = RUN_OPTIONS.map(({ name }) => name);
const HOME = new URL("../../", import.meta.url);

/** All texts of the library that could reach somebody at the command line. */
async function texts(folder: URL): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) found.push(...await texts(new URL(`${name}/`, folder)));
    else if (name.endsWith(".ts")) {
      const code = (await Deno.readTextFile(new URL(name, folder))).replace(/\/\*\*.*?\*\//gs, "")
        .replace(/^\s*\/\/.*$/gm, "");
      // A text that is a remedy is a sentence: it has a blank.
      for (const [text] of code.matchAll(/(["'`])(?:(?!\1)[^\\\n]|\\.)*\1/g)) {
        if (text.includes(" ")) found.push(text.slice(1, -1));
      }
    }
  }
  return found;
}

Deno.test("no method of the builder is left in what the command says", async () => {
  // Of what the command line cannot ask for, programs alone read.
  const PROGRAMS =
    /run\(\)|spawn\(\)|proceed\(\)|tty\(\) out|asPid1\(\) out|seccomp\(\) a handler|see tty\(\)/;
  const all = [
    ...await texts(new URL("lib/plan/", HOME)),
    ...await texts(new URL("lib/run/", HOME)),
    ...await texts(new URL("lib/cgroup/", HOME)),
    ...await texts(new URL("lib/landlock/", HOME)),
  ];
  // Of the sandbox's methods those that describe it; the others are for programs.
  const names = Object.getOwnPropertyNames(Sandbox.prototype).filter((name) =>
    !["constructor", "spec", "plan", "spawn", "output", "use", "with"].includes(name)
  );
  const methods = new RegExp(
    `(?<![\\w.$}])(?:${names.join("|")})\\((?:"[a-z]+")?\\)|\\{ (?:optional|ephemeral): true \\}`,
  );
  const speaking = all.filter((text) => methods.test(text) && !PROGRAMS.test(text));
  assert(speaking.length > 20, `only ${speaking.length}`);
  for (const text of speaking) {
    const said = optionText(text);
    // What looks like one and is none: a template's own calls.
    const left = methods.exec(said.replace(/\$\{[^}]*\}/g, ""));
    assertEquals(left?.[0], undefined, said);
    for (const [, name] of said.matchAll(/(?<![\w-])--([a-z][a-z-]*)/g)) {
      const foreign = ["no-map-gw", "security-opt", "user", "scope", "cgroupns", "add-"];
      if (foreign.some((word) => name!.startsWith(word))) continue;
      assert(NAMES.includes(name!), `--${name} in: ${said}`);
    }
  }
});

Deno.test("each field of a description is called by an option that there is", () => {
  const FIELDS: (keyof SandboxSpec)[] = [
    ...["root", "namespaces", "user", "idMap", "hostname", "domainname", "env", "cwd"] as const,
    ...["umask", "capabilities", "landlock", "seccomp", "rlimits", "nice", "scheduler"] as const,
    ...["cpuAffinity", "ioPriority", "oomScoreAdj", "personality", "network", "timeout"] as const,
    ...["tty", "newSession", "asPid1", "timeOffsets"] as const,
  ];
  const more = [
    ...["memory", "memoryHigh", "swap", "oomGroup", "cpus", "cpuWeight", "pids", "cpuset"],
    ...["memoryNodes", "io", "ioWeight", "hugetlb", "parent"],
  ].map((name) => `limits.${name}`);
  const inner = ["network.publish[0]", "network.allowDomains[1]", "landlock.tcp.bind", "env.A"];
  for (const field of [...FIELDS, ...more, ...inner]) {
    assert(NAMES.includes(optionOf(field)), `${field}: --${optionOf(field)}`);
  }
  assertEquals(optionOf("limits.parent"), "cgroup-parent");
  assertEquals(optionOf("network.publish[0]"), "publish");
});

Deno.test("what a file said is called as in the file, and what a hook threw as it was thrown", () => {
  const mounts = [{ kind: "file", target: "/a", contents: "" }, {
    kind: "bind",
    source: "/b",
    target: "/c",
  }] as const;
  const words = { given: ["bind", "hostname"], mounts };
  const file = { ...words, file: "box.yaml" };
  const text = (field: string, of = file) => inOptions(new SpecError(field, "is wrong"), of);
  assertEquals(text("hostname"), "--hostname: is wrong");
  assertEquals(text("cwd"), "box.yaml: cwd: is wrong");
  assertEquals(text("cwd", { ...words, file: undefined as never }), "--cwd: is wrong");
  assertEquals(text("mounts[0].target"), 'box.yaml: file on "/a": is wrong');
  assertEquals(text("mounts[1].source"), '--bind on "/c": is wrong');
  assertEquals(text("command line"), "command line: is wrong");
  const limits = (of: typeof words) => inOptions(new UnsupportedError("limits", "run as root"), of);
  assertEquals(limits({ ...file, given: ["memory", "pids"] }), "--memory, --pids: run as root");
  assertEquals(limits(file), "box.yaml: limits: run as root");
  const cause = new SyscallError({
    syscall: "x",
    errno: 2,
    hint: "leave it out, or say { optional: true }",
  });
  const step = new StepError(1, "mask", "hide it", cause);
  assertStringIncludes(inOptions(step, file), "{ optional: true }");
  assert(!inOptions(step, words).includes("{"), inOptions(step, words));
  const hook = new HookError("p", "preMount", new Error("see idMap()"));
  assertStringIncludes(inOptions(hook, words), "see idMap()");
});

const SAID: [number, string[], string][] = [
  [125, ["run", "-b", "/paddock/none:/x", "true"], "give an existing path, or use --bind-try"],
  [125, ["run", "--share", "uts", "--hostname", "x", "true"], "--hostname: needs a uts namespace"],
  [125, ["run", "-b", "/etc:/", "true"], '--bind on "/": use --root to make a directory the root'],
  [125, ["run", "-w", "/none", "true"], "make it with --dir, --tmpfs or --bind"],
  [125, ["run", "--preset", "workspac", "true"], "did you mean workspace?"],
  [125, ["run", "--preset", "workspace", "true"], '"workspace" needs its directory'],
  [125, ["run", "--preset", "scratch=x", "true"], '--preset: "scratch" takes no directory'],
  [
    125,
    ["exec", "-it", "box", "sh"],
    "standard input is always connected; for a terminal write -t",
  ],
  [
    125,
    ["pod", "-f", "/paddock/none.yaml"],
    '"/paddock/none.yaml" cannot be read: it is not there',
  ],
  [125, ["seccomp", "shwo"], "did you mean `paddock seccomp show`?"],
  [127, ["run", "ls -l"], "a command is not split at its blanks"],
];

for (const [code, args, words] of SAID) {
  Deno.test(`it is said what to do: paddock ${args.join(" ")}`, async () => {
    const ended = await paddock(args);
    assertStringIncludes(ended.stderr, words);
    assertEquals({ code: ended.code, stdout: ended.stdout }, { code, stdout: "" });
    assert(/^paddock: [^\n]+\n$/.test(ended.stderr), ended.stderr);
  });
}

Deno.test("PATH is said once where a command is not found", async () => {
  const { stderr, code } = await paddock(["run", "-e", "PATH=/only/here", "paddock-none"]);
  assertEquals([code, stderr.split("/only/here").length], [127, 2], stderr);
});

Deno.test("a root without the places that are mounted on is told what to do", async () => {
  await withFolder({}, async (folder) => {
    await Deno.mkdir(`${folder}/bin`);
    const { code, stderr } = await paddock(["run", "--root", folder, "true"]);
    assertEquals(code, 125);
    assertStringIncludes(stderr, '"/proc" must be there');
    assertStringIncludes(stderr, "make it first");
    assertStringIncludes(stderr, "or use --overlay-root");
  });
});

Deno.test("with --json a failure is JSON, too: of options, of steps, of commands", async () => {
  const failed = async (...args: string[]) => {
    const { code, stdout, stderr } = await paddock(args);
    assertEquals(stdout, "");
    assertEquals(stderr.trimEnd().split("\n").length, 1, stderr);
    const told = JSON.parse(stderr);
    assertEquals([told.success, told.code], [false, code]);
    return told.error;
  };
  const option = await failed("run", "--bnd", "x", "--json", "true");
  assertEquals([option.name, option.field], ["SpecError", "--bnd"]);
  assertStringIncludes(option.message, "did you mean --bind?");
  const step = await failed("run", "--json", "-b", "/paddock/none:/x", "true");
  assertEquals(
    [step.name, step.step, step.syscall, step.errno, step.code, step.path, step.dest],
    [
      "StepError",
      Deno.uid() === 0 ? "open" : "bind",
      "open_tree",
      2,
      "ENOENT",
      "/paddock/none",
      "/x",
    ],
  );
  assertStringIncludes(step.message, "--bind-try");
  const command = await failed("run", "--json", "paddock-none");
  assertEquals([command.step, command.code], ["execute", "ENOENT"]);
  assertEquals((await failed("image", "ls", "--json", "extra")).name, "SpecError");
  // What stands behind the command is the command's.
  const text = await paddock(["run", "paddock-none", "--json"]);
  assert(text.stderr.startsWith("paddock: "), text.stderr);
});

Deno.test("a description is read from standard input, and its errors say so", async () => {
  const good = await paddock(["run", "-f", "-"], {}, "command: [hostname]\nhostname: fern\n");
  assertEquals(good, { code: 0, stdout: "fern\n", stderr: "" });
  const bad = await paddock(["run", "-f", "-", "true"], {}, "hostnam: fern\n");
  assertEquals(bad.code, 125);
  assertStringIncludes(
    bad.stderr,
    'standard input:1:1: hostnam: there is no such field, did you mean "hostname"?',
  );
  const empty = await paddock(["run", "-f", "-", "true"], {}, "");
  assertStringIncludes(empty.stderr, "standard input:1:1: is empty");
});

Deno.test("a file that is no archive is told from one that is damaged", async () => {
  const compressed = new Blob(["hello"]).stream().pipeThrough(new CompressionStream("gzip"));
  await withFolder({ "note.txt": "hello", "long.txt": "hello".repeat(500) }, async (folder) => {
    await Deno.writeFile(`${folder}/note.gz`, compressed);
    const env = { PADDOCK_STORE: `${folder}/store` };
    for (const name of ["note.txt", "long.txt", "note.gz"]) {
      const { code, stderr } = await paddock(["image", "import", `${folder}/${name}`, "x"], {
        env,
      });
      assertEquals(code, 125);
      assertStringIncludes(stderr, `${name}": it is no tar archive; give one of`);
    }
  });
});

Deno.test("one line says how a command ended that did not end by itself", async () => {
  const usage = { wall: 0, user: 0, system: 0, maxRss: 0 };
  const ended = (signal: Deno.Signal | null, more = {}, ...passed: Deno.Signal[]): Executed => ({
    status: {
      ...{ success: false, code: 1, signal, usage, oomKilled: false, timedOut: false, skipped: [] },
      ...{ hookErrors: [], reports: {}, ...more },
    },
    passed: new Set(passed),
  });
  const line = (it: Executed) => endingLine(it, { timeout: "5s", limits: { memory: "1M" } });
  assertEquals(line(ended("SIGKILL")), "the command was killed by SIGKILL");
  assertEquals(line(ended(null)), undefined);
  assertEquals(line(ended("SIGTERM", {}, "SIGTERM")), undefined);
  assertEquals(line(ended("SIGINT")), undefined);
  assertStringIncludes(line(ended("SIGSYS"))!, "--seccomp-log");
  assertEquals(
    line(ended("SIGKILL", { timedOut: true })),
    "the time limit of 5s was reached; everything inside was killed",
  );
  assertEquals(
    line(ended("SIGKILL", { oomKilled: true })),
    "the memory limit of 1M was reached, and the command was killed",
  );
  assertEquals(
    line(ended(null, { oomKilled: true })),
    "the memory limit of 1M was reached, and a process was killed",
  );
  assertEquals(DEFAULT_SPEC.timeout, undefined);
  assertEquals(await paddock(["run", "sh", "-c", "kill -9 $$"]), {
    code: 137,
    stdout: "",
    stderr: "paddock: the command was killed by SIGKILL\n",
  });
});

Deno.test("a reader that has gone is no failure: paddock --help | head", async () => {
  for (const args of [["--help"], ["seccomp", "show"], ["run", "--explain", "true"]]) {
    const child = start(args);
    await child.stdout.cancel();
    const { code, stderr } = await child.output().catch(async () => ({
      code: (await child.status).code,
      stderr: await new Response(child.stderr).bytes(),
    }));
    assertEquals(text(stderr), "", args.join(" "));
    assert(code === 141 || code === 0, `${code}`);
  }
});
