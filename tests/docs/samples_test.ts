/** What the documentation shows is right: it is checked, parsed, and where it is marked so, run. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { allOptions } from "../../lib/cli/arguments.ts";
import type { CommandEntry } from "../../lib/cli/command.ts";
import { COMMANDS } from "../../lib/cli/command_table.ts";
import { checkNamespaceChoices } from "../../lib/cli/namespace_choices.ts";
import { applyOptions, parseOptions } from "../../lib/cli/options.ts";
import { readPodFile } from "../../lib/cli/pod/file.ts";
import { RUN_OPTIONS } from "../../lib/cli/run_options.ts";
import { UnsupportedError } from "../../lib/errors.ts";
import { prepareFilter } from "../../lib/run/filters.ts";
import { sandbox } from "../../lib/sandbox.ts";
import { paddock, withFolder } from "../cli/run.ts";
import { type Block, blocks, documents, shellLines, words } from "./blocks.ts";

const HOME = new URL("../../", import.meta.url);
const BLOCKS = await blocks();
const inLanguage = (...languages: string[]) =>
  BLOCKS.filter(({ language }) => languages.includes(language));

async function deno(args: string[], input = ""): Promise<{ success: boolean; text: string }> {
  const child = new Deno.Command(Deno.execPath(), {
    args,
    cwd: HOME,
    env: { NO_COLOR: "1" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  await new Blob([input]).stream().pipeTo(child.stdin);
  const { success, stdout, stderr } = await child.output();
  const [out, error] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { success, text: `${out}${error}` };
}

Deno.test("every block of code says what it is written in", async () => {
  for (const name of await documents()) {
    const text = await Deno.readTextFile(new URL(name, HOME));
    const fences = text.split("\n").filter((line) => /^ *```/.test(line));
    const open = fences.filter((_, index) => index % 2 === 0);
    for (const fence of open) assert(/```\w/.test(fence), `${name}: ${fence}`);
  }
});

Deno.test("what is written in TypeScript has the types it says", async () => {
  const { success, text } = await deno(["check", "--doc-only", ...await documents()]);
  assert(success, text);
});

/** A block that says what it prints, in comments behind `console.log` or in a block of text. */
async function run({ text, place }: Block): Promise<void> {
  const { success, text: said } = await deno(["run", "-A", "--quiet", "-"], text);
  assert(success, `${place}: ${said}`);
  for (const [, comment] of text.matchAll(/console\.log\(.*\); \/\/ ([^.\n]+)$/gm)) {
    assertStringIncludes(said, comment!, place);
  }
}

for (const block of inLanguage("ts").filter(({ marks }) => marks.includes("run"))) {
  Deno.test(`it runs: ${block.place}`, () => run(block));
}

Deno.test("some of the examples are run", () => {
  const marked = inLanguage("ts").filter(({ marks }) => marks.includes("run"));
  assert(marked.length >= 6, `${marked.length}`);
  // One that is not looked at at all says so by its mark, and there should be few.
  assert(inLanguage("ts").filter(({ marks }) => marks.includes("ignore")).length <= 4);
});

/** The options of a command, or of its subcommand, and what is behind its name. */
async function find(
  entries: readonly CommandEntry[],
  args: readonly string[],
  path = "",
): Promise<void> {
  const [name, ...rest] = args;
  const entry = entries.find((it) => it.name === name);
  assert(entry !== undefined, `there is no command "${path}${name}"`);
  const subcommands = await entry.subcommands?.();
  if (subcommands?.some((it) => it.name === rest[0])) {
    return find(subcommands, rest, `${path}${name} `);
  }
  const usage = await entry.usage!();
  const options = allOptions(usage);
  let words: readonly string[] = rest;
  while (words.length > 0) words = parseOptions(words, options, `${path}${name}`).rest.slice(1);
}

/** A line of `paddock run`: its options are applied, and a plan is made. */
async function planOf(args: readonly string[]): Promise<void> {
  const { given, rest } = parseOptions(args, RUN_OPTIONS, "run");
  checkNamespaceChoices(given);
  const request = {
    ...{ box: sandbox(), hooks: [], explain: false, json: false, debug: false, help: false },
  };
  applyOptions(given, request);
  const { root } = request.box.spec;
  if (typeof root === "object" && "image" in root) return;
  await prepareFilter(request.box.spec);
  try {
    request.box.plan(rest.length === 0 ? ["true"] : rest);
  } catch (error) {
    // Right, and not for this user on this machine, which may make no cgroups.
    if (!(error instanceof UnsupportedError)) throw error;
  }
}

for (const { place, text } of inLanguage("sh", "bash")) {
  for (const line of shellLines(text)) {
    const at = line.search(/^paddock |(?<=^npx .*)cli\.ts /);
    if (at < 0) continue;
    Deno.test(`it can be typed: ${place}: ${line}`, async () => {
      const args = words(line.slice(at)).slice(1);
      if (args[0] === "run") await planOf(args.slice(1));
      else await find(COMMANDS, args);
    });
  }
}

/** The files that a description names, for what a sample speaks of is not there. */
function named(text: string): Record<string, string> {
  const files: Record<string, string> = {};
  const profile = /^ *(?:seccomp|profile): *(\S+\.\w+)/m.exec(text)?.[1];
  if (profile !== undefined) files[profile] = "{ extend: default, rules: [] }";
  const base = /^extends: *(\S+)/m.exec(text)?.[1];
  if (base !== undefined) files[base] = "limits: { pids: 64 }\n";
  return files;
}

for (const [index, { place, text, language, marks }] of BLOCKS.entries()) {
  if (language !== "yaml") continue;
  Deno.test(`it is a description: ${place}`, async () => {
    await withFolder({ "box.yaml": text, ...named(text) }, async (folder) => {
      if (marks.includes("pod")) {
        assert(readPodFile(`${folder}/box.yaml`).members.length > 0);
        return;
      }
      if (marks.includes("run")) {
        const ended = await paddock(["run", "-f", `${folder}/box.yaml`]);
        assertEquals(ended, { code: 0, stdout: `${BLOCKS[index + 1]!.text}\n`, stderr: "" });
        return;
      }
      const { code, stderr } = await paddock(
        ["run", "-f", `${folder}/box.yaml`, "--explain", "--json", "true"],
      );
      // Right, and not for this user on this machine, which may make no cgroups.
      if (code === 125 && JSON.parse(stderr).error.name === "UnsupportedError") return;
      assertEquals([code, stderr], [0, ""], stderr);
    });
  });
}

for (const { place, text } of inLanguage("json")) {
  Deno.test(`it is JSON: ${place}`, () => {
    assert(typeof JSON.parse(text) === "object");
  });
}
