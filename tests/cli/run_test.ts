import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { RUN_OPTIONS } from "../../lib/cli/run_options.ts";
import { main } from "../../cli.ts";
import { paddock, withFolder } from "./run.ts";

Deno.test("--help tells all commands and all options", async () => {
  const general = await paddock(["--help"]);
  assertEquals([general.code, general.stderr], [0, ""]);
  assertStringIncludes(general.stdout, "  run ");
  const run = await paddock(["run", "-t", "--help", "--nonsense-after-it-is-the-command"]);
  assertEquals(run.code, 125);
  const help = await paddock(["run", "-th"]);
  assertEquals([help.code, help.stderr], [0, ""]);
  for (const { name, short, value, help: words } of RUN_OPTIONS) {
    const start = `${short ? `-${short}, ` : ""}--${name}${value ? ` ${value}` : ""}`;
    assertStringIncludes(help.stdout, start);
    assertStringIncludes(help.stdout, words);
  }
});

Deno.test("--version is the package's", async () => {
  const { default: config } = await import("../../deno.json", { with: { type: "json" } });
  assertEquals(await paddock(["--version"]), {
    code: 0,
    stdout: `paddock ${config.version}\n`,
    stderr: "",
  });
});

Deno.test("main resolves to the exit code and leaves the program alive", async () => {
  assertEquals(await main(["run", "--", "sh", "-c", "exit 9"]), 9);
});

Deno.test("--explain mentions every option, and does nothing", async () => {
  await withFolder({ "hook.ts": 'export default { name: "fern", postStop() {} };' }, async (at) => {
    const { code, stdout, stderr } = await paddock([
      ...["run", "--explain", "-b", "/paddock/one:/1:rw", "-b", "/paddock/two:/2"],
      ...["--tmpfs", "/3:size=5M", "--dir", "/4", "--symlink", "five:/5", "--write", "/6=abc"],
      ...["--overlay", "/3b:lower=/paddock/l1,lower=/paddock/l2,upper=ephemeral"],
      ...["-e", "SEVEN=7", "-w", "/8", "-u", "9:10", "--umask", "011", "-t"],
      ...["--hostname", "h12", "--domainname", "d13", "--join", "ipc=/paddock/fourteen"],
      ...["--id-map", "0:15:64", "--time-offset", "boottime=16s", "--network", "host"],
      ...["--timeout", "17s", "--rlimit", "nofile=18:19", "--hook", `${at}/hook.ts`],
      ...["--", "twenty", "and", "more"],
    ]);
    assertEquals([code, stderr], [0, ""]);
    const mentioned = [
      'bind "/paddock/one" writable on "/1"',
      'bind "/paddock/two" read-only on "/2"',
      'tmpfs of 5M on "/3"',
      'stack "/paddock/l1" over "/paddock/l2", with changes in memory on "/3b"',
      'make the directory "/4"',
      'make the link "/5" to "five"',
      'write 3 bytes to the file "/6"',
      '"SEVEN=7"',
      'go to the directory "/8"',
      "become user 9 and group 10",
      "set the umask to 0011",
      "start a session with the terminal",
      'set the hostname to "h12"',
      'set the domain name to "d13"',
      'join the ipc namespace "/paddock/fourteen"',
      // An ordinary user's map of several ids is written by a helper program.
      Deno.uid() === 0 ? "inside 0-63 are 15-78 outside" : "newuidmap",
      "boottime 16 0",
      "time limit: 17s",
      "limit nofile to 18 (hard 19)",
      'plugin "fern": hooks postStop',
      'execute "twenty"',
    ];
    for (const words of mentioned) assertStringIncludes(stdout, words);
    assert(!/net namespace/.test(stdout), stdout);
    assert(stdout.indexOf("/paddock/one") < stdout.indexOf("/paddock/two"));
  });
});

Deno.test("--explain shows the mounts as they will be seen inside", async () => {
  const { stdout } = await paddock(
    [
      "run",
      "--explain",
      "-b",
      "/usr/bin:/data:rw",
      "--readonly",
      "/tmp",
      "--mask",
      "/etc/hosts",
      "true",
    ],
  );
  const table = stdout.slice(stdout.indexOf("Mounts as seen inside")).split("\n")
    .map((line) => line.trim().split(/ {2,}/));
  for (
    const row of [
      ["/", "tmpfs", "-", "ro,nosuid,nodev"],
      ["/data", "bind", "/usr/bin", "rw,nosuid,nodev"],
      ["/tmp", "tmpfs", "-", "ro,nosuid,nodev"],
      ["/etc/hosts", "tmpfs", "-", "ro,nosuid,nodev,noexec"],
    ]
  ) assertEquals(table.find(([target]) => target === row[0]), row);
});

Deno.test("--explain mentions the root", async () => {
  const { stdout } = await paddock(["run", "--explain", "--root", "/usr", "true"]);
  assertStringIncludes(stdout, 'make the directory "/usr" the new root, read-only');
});

Deno.test("--preset is what the other options come on top of", async () => {
  await withFolder({ "note": "old" }, async (folder) => {
    const script = `echo new > ${folder}/note; cat ${folder}/note; touch /usr/x 2>&1; ls -d /srv`;
    const { code, stdout } = await paddock(
      ["run", "-b", "/etc:/srv", "--preset", `workspace=${folder}`, "sh", "-c", script],
    );
    assertEquals(code, 0);
    assertStringIncludes(stdout, "new\n");
    assertStringIncludes(stdout, "Read-only file system");
    assertEquals((await Deno.readTextFile(`${folder}/note`)).trim(), "new");
    const wrong = await paddock(["run", "--preset", "workspce=.", "true"]);
    assertEquals([wrong.code, wrong.stderr], [
      125,
      'paddock: --preset: "workspce=." is none of read-only-host, scratch, browser, workspace=DIR, agent=DIR, build=DIR, test=DIR, judge=META, service=PORTS; did you mean workspace?\n',
    ]);
  });
});

Deno.test("--explain --json is the plan as data", async () => {
  const { code, stdout } = await paddock(["run", "--explain", "--json", "-b", "/srv", "true"]);
  assertEquals(code, 0);
  const steps = JSON.parse(stdout);
  const bind = steps.find(({ name }: { name: string }) => name === "bind");
  assertEquals(bind.sentence, 'bind "/srv" read-only on "/srv"');
  assertEquals(steps[0].number, 1);
});

const MODULE = new URL("../../mod.ts", import.meta.url).href;

Deno.test("--hook runs the hooks of modules, in their order", async () => {
  const files = {
    "one.ts": `
import { defineHook } from "${MODULE}";
export default defineHook({
  name: "one",
  configure: (spec) => ({ ...spec, hostname: "from-one" }),
  preMount: (ctx) => ctx.addMount({ kind: "file", target: "/tmp/two", contents: "two\\n" }),
});`,
    "list.ts": `
export default [
  { name: "three", postStart() { console.error("three runs"); } },
  { name: "four", postStop() { throw new Error("four\\nfails"); } },
];`,
  };
  await withFolder(files, async (folder) => {
    const ended = await paddock(
      ["run", "--hook", "one.ts", "--hook=./list.ts", "sh", "-c", "hostname; cat /tmp/two; exit 4"],
      { cwd: folder },
    );
    assertEquals(ended, {
      code: 4,
      stdout: "from-one\ntwo\n",
      stderr: 'three runs\npaddock: hook postStop of plugin "four" failed: four fails\n',
    });
  });
});

Deno.test("a module that is no hook is an error that says what to write", async () => {
  const files = {
    "preset.ts": "export default (box: unknown) => box;",
    "nothing.ts": "export const x = 1;",
    "typo.ts": 'export default { name: "typo", preMout() {} };',
    "throws.ts": 'throw new Error("no such luck");',
    "twice.ts": 'export default [{ name: "same" }, { name: "same" }];',
  };
  const expected: [string, string][] = [
    [
      "preset.ts",
      "exports a function, which is a preset, not a hook; write `export default defineHook(",
    ],
    ["nothing.ts", "has no default export"],
    ["typo.ts", 'preMout: there is no such field, did you mean "preMount"?'],
    ["throws.ts", "cannot be loaded: no such luck"],
    ["twice.ts", 'there is a plugin "same" already'],
    ["absent.ts", "cannot be loaded"],
  ];
  await withFolder(files, async (folder) => {
    for (const [name, words] of expected) {
      const { code, stderr } = await paddock(["run", "--hook", `${folder}/${name}`, "true"]);
      assertEquals(code, 125);
      assert(/^paddock: [^\n]+\n$/.test(stderr), stderr);
      assertStringIncludes(stderr, words);
    }
  });
});

/** What is loaded for a module without any dynamic import. */
async function loaded(module: string): Promise<string[]> {
  const url = new URL(module, import.meta.url).href;
  const info = new Deno.Command(Deno.execPath(), { args: ["info", "--json", url] });
  const { modules } = JSON.parse(new TextDecoder().decode((await info.output()).stdout));
  type Dependency = { code?: { specifier: string }; isDynamic?: boolean };
  type Module = { specifier: string; dependencies?: Dependency[] };
  const names = [url];
  for (const name of names) {
    const found = modules.find(({ specifier }: Module) => specifier === name) as Module | undefined;
    for (const { code, isDynamic } of found?.dependencies ?? []) {
      if (code && !isDynamic && !names.includes(code.specifier)) names.push(code.specifier);
    }
  }
  return names;
}

Deno.test("start-up loads no node: and no npm module, and --help not the library", async () => {
  const sources = ["main", "run", "run_plain", "run_with_options"];
  for (
    const module of [
      "cli.ts",
      "lib/sandbox.ts",
      ...sources.map((name) => `lib/cli/${name}.ts`),
    ]
  ) {
    const names = await loaded(`../../${module}`);
    assertEquals(names.filter((name) => /^(node|npm):|yaml/.test(name)), [], module);
  }
  const onTheWay = ["run", "run_with_options", "run_usage", "usage_help", "command_table"];
  const help = (await Promise.all(onTheWay.map((name) => loaded(`../../lib/cli/${name}.ts`))))
    .flat();
  assertEquals(help.filter((name) => /\/(run|plan|agent)\/|sandbox\.ts|libc/.test(name)), []);
});
