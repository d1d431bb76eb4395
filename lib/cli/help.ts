/**
 * The help texts and the version.
 *
 * @module
 */

import { writeAll } from "./failure.ts";
import type { Option } from "./options.ts";

/** Prints to standard output. */
export function print(text: string): void {
  writeAll(Deno.stdout, `${text}\n`);
}

/** The version, as the package says it. */
export async function version(): Promise<string> {
  const { default: config } = await import("../../deno.json", { with: { type: "json" } });
  return config.version;
}

const EXIT_CODES =
  `Exit codes: the command's own; 128+N for signal N; 124 timed out; 125 paddock failed;
126 the command cannot be executed; 127 it was not found.`;

/** What `paddock --help` says. */
export function generalHelp(commands: Readonly<Record<string, { summary: string }>>): string {
  const lines = Object.entries(commands).map(([name, { summary }]) =>
    `  ${name.padEnd(10)} ${summary}`
  );
  return `Builds Linux sandboxes and runs commands in them.

Usage: paddock COMMAND [ARG...]

Commands:
${lines.join("\n")}

  paddock COMMAND --help   explains a command
  paddock --version        prints the version

${EXIT_CODES}`;
}

/** The left column of an option. */
function left(option: Option<never>): string {
  const short = option.short === undefined ? "    " : `-${option.short}, `;
  return `  ${short}--${option.name}${option.value === undefined ? "" : ` ${option.value}`}`;
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

/** What `paddock run --help` says. */
export function runHelp(options: readonly Option<never>[]): string {
  return `Runs a command in a new sandbox: a minimal read-only view of the host, its own /proc, /dev, /tmp
and /run, only loopback for a network, no capabilities. Loosen it by options.

Usage: paddock run [options] [--] COMMAND [ARG...]

${optionsHelp(options)}

The command starts at the first word that is no option. Signals that paddock gets are sent on to it.

${EXIT_CODES}`;
}
