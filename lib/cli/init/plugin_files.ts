/**
 * What a new plugin's package consists of.
 *
 * @module
 */

/** What a package is called. */
export interface PluginNames {
  /** `"night-watch"`: the package's, the directory's and the plugin's name. */
  readonly name: string;
  /** `"you"`: whose package it is on JSR. */
  readonly scope: string;
  /** The version of Paddock that it is written for. */
  readonly version: string;
}

/** `nightWatch`. */
function camel(name: string): string {
  return name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

/** `NightWatchOptions`. */
function optionsName(name: string): string {
  const word = camel(name);
  return `${word[0]!.toUpperCase()}${word.slice(1)}Options`;
}

function config({ name, scope, version }: PluginNames): string {
  const paddock = `jsr:@paddock/paddock@^${version}`;
  return `${
    JSON.stringify(
      {
        name: `@${scope}/paddock-${name}`,
        version: "0.1.0",
        license: "MIT",
        exports: "./mod.ts",
        imports: {
          "@paddock/paddock": paddock,
          "@paddock/paddock/testing": `${paddock}/testing`,
          "@std/assert": "jsr:@std/assert@^1.0.0",
        },
        tasks: {
          test: "deno test -A",
          ok:
            "deno fmt --check && deno lint && deno check . && deno doc --lint mod.ts && deno publish --dry-run --allow-dirty",
        },
        fmt: { lineWidth: 100, proseWrap: "preserve" },
        publish: { include: ["mod.ts", "README.md", "deno.json"] },
      },
      undefined,
      2,
    )
  }\n`;
}

function module({ name, scope }: PluginNames): string {
  const call = camel(name), options = optionsName(name);
  return `/**
 * A plugin for Paddock's sandboxes that leaves a note in them.
 *
 * \`\`\`ts
 * import { sandbox } from "@paddock/paddock";
 * import { ${call} } from "@${scope}/paddock-${name}";
 *
 * const box = sandbox().use(${call}({ note: "hello" }));
 * await box.output(["cat", "/run/${name}"]);
 * \`\`\`
 *
 * @module
 */

import { checkKeys, defineHook, type Plugin } from "@paddock/paddock";

/** Where the note is inside. */
const TARGET = "/run/${name}";

/** What {@linkcode ${call}} is to do. */
export interface ${options} {
  /** What the note says. */
  note: string;
}

/** Puts a note at \`/run/${name}\` of a sandbox. */
export function ${call}(options: ${options}): Plugin {
  // A misspelt option is an error, not something that silently does nothing.
  checkKeys(options, "${name}", ["note"]);
  return defineHook({
    name: "${name}",
    // Before anything is planned: return a changed description.
    configure(spec) {
      const note = { kind: "file", target: TARGET, contents: options.note } as const;
      return { ...spec, mounts: [...spec.mounts, note] };
    },
    // The command is running. Take this out if there is nothing to do.
    postStart(ctx) {
      // Keep what belongs to a launch in variables here: a plugin may serve several at a time.
      const started = performance.now();
      // Runs when the sandbox has ended, whatever happened.
      ctx.defer(() => ctx.report({ lived: performance.now() - started }));
    },
  });
}
`;
}

function tests({ name }: PluginNames): string {
  const call = camel(name);
  return `import { rehearse, trial } from "@paddock/paddock/testing";
import { assertEquals } from "@std/assert";
import { ${call} } from "./mod.ts";

const TARGET = "/run/${name}";
const plugin = ${call}({ note: "hello" });

Deno.test("${name}: it adds the note and nothing else", async () => {
  // Without privileges and without a sandbox: what would it do?
  const { spec, calls, errors } = await rehearse(plugin);
  assertEquals(spec.mounts.at(-1), { kind: "file", target: TARGET, contents: "hello" });
  assertEquals([calls, errors], [[], []]);
});

Deno.test("${name}: the command can read it, and nothing is left", async () => {
  const { code, stdout, left } = await trial(plugin, ["cat", TARGET]);
  assertEquals([code, stdout, left], [0, "hello", []]);
});
`;
}

function readme({ name, scope }: PluginNames): string {
  const call = camel(name);
  return `# @${scope}/paddock-${name}

A plugin for the sandboxes of [Paddock](https://jsr.io/@paddock/paddock) that leaves a note in them.

\`\`\`ts
import { sandbox } from "jsr:@paddock/paddock";
import { ${call} } from "jsr:@${scope}/paddock-${name}";

const box = sandbox().use(${call}({ note: "hello" }));
await box.output(["cat", "/run/${name}"]);
\`\`\`

## Working on it

\`deno task test\` runs the tests, \`deno task ok\` all that a release must pass; then \`deno publish\`.
`;
}

/** The files of a new package: names and contents. */
export function pluginFiles(names: PluginNames): Readonly<Record<string, string>> {
  return {
    "deno.json": config(names),
    "mod.ts": module(names),
    "mod_test.ts": tests(names),
    "README.md": readme(names),
  };
}
