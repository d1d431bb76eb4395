/**
 * The help of a command.
 *
 * @module
 */

import type { CommandEntry, Usage } from "./command.ts";
import { commandLines } from "./general_help.ts";
import type { Option } from "./options.ts";

/** What the help of a command of subcommands says. */
export function subcommandsHelp(
  command: string,
  summary: string,
  subcommands: readonly CommandEntry[],
): string {
  return `${summary}

Usage: paddock ${command} SUBCOMMAND [ARG...]

Subcommands:
${commandLines(subcommands)}

  paddock ${command} SUBCOMMAND --help   explains one`;
}

/** The left column of an option. */
function left(option: Option<never>): string {
  const short = option.short === undefined ? "    " : `-${option.short}, `;
  const value = option.optional !== undefined
    ? `[=${option.optional.join("|")}]`
    : option.value === undefined
    ? ""
    : ` ${option.value}`;
  return `  ${short}--${option.name}${value}`;
}

/** The options by their headings. */
export function optionsHelp(options: readonly Option<never>[]): string {
  const groups = [...new Set(options.map(({ group }) => group))];
  const width = 36;
  const sections = groups.map((group) => {
    const lines = options.filter((option) => option.group === group).map((option) => {
      const start = left(option);
      return start.length < width
        ? `${start.padEnd(width)}${option.help}`
        : `${start}\n${" ".repeat(width)}${option.help}`;
    });
    return `${group}:\n${lines.join("\n")}`;
  });
  return sections.join("\n\n");
}

/** What a command's `--help` says. */
export function usageHelp(usage: Usage<never>, options: readonly Option<never>[]): string {
  const { command, operands, summary, examples, notes } = usage;
  const forms = operands.split("\n").map((form) => `paddock ${command} [options] ${form}`.trim());
  const sections = [
    summary,
    `Usage: ${forms.join("\n       ")}`,
    optionsHelp(options),
    `Examples:\n${examples.map(({ line, does }) => `  # ${does}\n  ${line}`).join("\n")}`,
    ...notes === undefined ? [] : [notes],
  ];
  return sections.join("\n\n");
}
