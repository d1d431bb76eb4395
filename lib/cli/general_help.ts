/**
 * What `paddock --help` says, from the table of commands.
 *
 * @module
 */

import type { CommandEntry } from "./command.ts";

/** What paddock ends with. */
export const EXIT_CODES =
  `Exit codes: the command's own; 128+N for signal N; 124 timed out; 125 paddock failed;
126 the command cannot be executed; 127 it was not found.`;

/** What is at the end of `paddock --help`. */
const GENERAL_END = `  paddock COMMAND --help   explains a command, with examples
  paddock --version        prints the version

${EXIT_CODES}`;

/** Commands with what they do, under each other. */
export function commandLines(commands: readonly CommandEntry[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length), 11);
  return commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`).join("\n");
}

/** What `paddock --help` says. */
export function generalHelp(commands: readonly CommandEntry[]): string {
  const groups = [...new Set(commands.map(({ group }) => group))];
  const sections = groups.map((group) =>
    `${group}:\n${commandLines(commands.filter((command) => command.group === group))}`
  );
  return `Builds Linux sandboxes and runs commands in them.

Usage: paddock COMMAND [ARG...]

${sections.join("\n\n")}

${GENERAL_END}`;
}
