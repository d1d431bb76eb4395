/** The table of commands: each row can be explained, and its examples are right. */
import { assert, assertEquals } from "@std/assert";
import { allOptions } from "../../lib/cli/arguments.ts";
import type { CommandEntry, Usage } from "../../lib/cli/command.ts";
import { COMMANDS } from "../../lib/cli/command_table.ts";
import { generalHelp } from "../../lib/cli/general_help.ts";
import { parseOptions } from "../../lib/cli/options.ts";
import { usageHelp } from "../../lib/cli/usage_help.ts";

/** All that can be asked for help, with its path. */
async function usages(entries: readonly CommandEntry[], before = ""): Promise<[string, Usage][]> {
  const found: [string, Usage][] = [];
  for (const { name, usage, subcommands } of entries) {
    if (usage !== undefined) found.push([`${before}${name}`, await usage()]);
    if (subcommands !== undefined) {
      found.push(...await usages(await subcommands(), `${before}${name} `));
    }
    assert(usage !== undefined || subcommands !== undefined, `${name} has nothing to tell`);
  }
  return found;
}

/** The words of a line, up to what is the shell's. */
function words(line: string): string[] {
  const found = line.match(/'[^']*'|[^\s]+/g) ?? [];
  const end = found.findIndex((word) => /^[|<>]/.test(word));
  return (end < 0 ? found : found.slice(0, end)).map((word) => word.replaceAll("'", ""));
}

Deno.test("every command has a group, a help and examples whose options there are", async () => {
  for (const { name, group } of COMMANDS) assert(group, `${name} has no heading`);
  for (const [path, usage] of await usages(COMMANDS)) {
    assertEquals(usage.command, path);
    assert(usage.examples.length > 0, `${path} has no example`);
    const options = allOptions(usage);
    const help = usageHelp(usage, options);
    for (const { line, does } of usage.examples) {
      assert(help.includes(`  # ${does}\n  ${line}`));
      // Behind a pipe, or in a $(..).
      const own = line.slice(line.indexOf(`paddock ${path}`));
      assert(own.startsWith(`paddock ${path}`), `${path}: ${line}`);
      let rest: readonly string[] = words(own).slice(1 + path.split(" ").length);
      while (rest.length > 0) {
        rest = parseOptions(rest, options, path).rest.slice(1);
        if (usage.completes?.includes("command")) break;
      }
    }
    for (const { name, value } of options) assert(help.includes(`--${name}${value ? " " : ""}`));
  }
});

Deno.test("no option of a command has a name twice", async () => {
  for (const [path, usage] of await usages(COMMANDS)) {
    const names = allOptions(usage).flatMap(({ name, short }) => short ? [name, short] : [name]);
    assertEquals(new Set(names).size, names.length, `${path}: ${names}`);
  }
});

Deno.test("the general help lists every command under its heading", () => {
  const help = generalHelp(COMMANDS);
  for (const { name, summary } of COMMANDS) {
    assert(
      help.split("\n").some((line) => line.startsWith(`  ${name} `) && line.endsWith(summary)),
    );
  }
});
