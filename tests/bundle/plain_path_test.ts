/** A plain `paddock run -- true` loads no more than it needs, and loses no check by that. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { DEFAULT_SPEC } from "../../lib/defaults.ts";
import { checkSpec } from "../../lib/plan/check_spec.ts";

const HOME = new URL("../../", import.meta.url);

/** What has no business on the plain path: found here, it belongs to the optional parts, or behind an `import()`. */
const ELSEWHERE = [
  "hooks/",
  "lib/cgroup/",
  "lib/cli/options",
  "lib/image/",
  "lib/landlock/",
  "lib/namespaces/",
  "lib/net/",
  "lib/plan/cgroup_s",
  "lib/plan/check_",
  "lib/plan/exec_",
  "lib/plan/held_steps.ts",
  "lib/plan/keeper_program.ts",
  "lib/plan/landlock_steps.ts",
  "lib/plan/mounts/bind.ts",
  "lib/plan/mounts/check.ts",
  "lib/plan/mounts/cover.ts",
  "lib/plan/mounts/host_root.ts",
  "lib/plan/mounts/lock_steps.ts",
  "lib/plan/mounts/more_",
  "lib/plan/mounts/overlay.ts",
  "lib/plan/mounts/stack.ts",
  "lib/plan/raise_steps.ts",
  "lib/plan/scheduling_steps.ts",
  "lib/plan/terminal_step.ts",
  "lib/run/all_parts.ts",
  "lib/run/changes_directory.ts",
  "lib/run/joining/",
  "lib/run/plan_view.ts",
  "lib/run/pool.ts",
  "lib/run/supervision.ts",
  "lib/sandbox.ts",
  "lib/schema/",
  "lib/seccomp/compile",
];

/**
 * The most that the bundle's main file may have, in bytes, without the list of the sources, which
 * grows with what is in other files. It is read and linked at every start.
 */
const LARGEST_MAIN_FILE = 310_000;

/** All modules that a module imports, not counting `import()` and imports of types. */
async function loaded(module: string): Promise<string[]> {
  const info = new Deno.Command(Deno.execPath(), { args: ["info", "--json", module], cwd: HOME });
  const { modules } = JSON.parse(new TextDecoder().decode((await info.output()).stdout));
  type Dependency = { code?: { specifier: string }; isDynamic?: boolean };
  type Module = { specifier: string; dependencies?: Dependency[] };
  const names = [new URL(module, HOME).href];
  for (const name of names) {
    const found = modules.find(({ specifier }: Module) => specifier === name) as Module | undefined;
    for (const { code, isDynamic } of found?.dependencies ?? []) {
      if (code && !isDynamic && !names.includes(code.specifier)) names.push(code.specifier);
    }
  }
  return names.map((name) => name.slice(HOME.href.length));
}

Deno.test("a plain run loads nothing of what only some descriptions need", async () => {
  const names = await loaded("lib/cli/run_plain.ts");
  assert(names.includes("lib/plan/plan.ts"));
  const wrong = names.filter((name) => ELSEWHERE.some((entry) => name.startsWith(entry)));
  assertEquals(wrong, []);
});

Deno.test("the bundle's main file is small", async () => {
  const text = await Deno.readTextFile(new URL("lib/cli/bundle/paddock.js", HOME));
  const { length: size } = text.replace(/^ {2}"[^"]+\.ts": \d+,\n/gm, "");
  assert(size <= LARGEST_MAIN_FILE, `${size} bytes; see the names above for what to look for`);
});

Deno.test("the default description, which a launch does not check, is right", () => {
  checkSpec(DEFAULT_SPEC);
});

Deno.test("without the optional parts another description is an error, and nothing runs", async () => {
  const script = `
    const { spawn } = await import("./lib/run/run.ts");
    const { DEFAULT_SPEC } = await import("./lib/defaults.ts");
    await spawn({ ...DEFAULT_SPEC, nice: 5 }, [], ["echo", "it ran"]);
  `;
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", script],
    cwd: HOME,
  }).output();
  assert(!success);
  assertEquals(new TextDecoder().decode(stdout), "");
  assertStringIncludes(new TextDecoder().decode(stderr), "all_parts.ts");
});
