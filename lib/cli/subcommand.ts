/**
 * Commands that have subcommands: finds the one that is meant.
 *
 * @module
 */

import { SpecError } from "../errors.ts";
import type { CliContext, CommandEntry } from "./command.ts";
import { print } from "./help.ts";
import { subcommandsHelp } from "./usage_help.ts";
import { nearest } from "../nearest.ts";

/** Runs the subcommand that the first argument names. */
export async function runSubcommand(
  command: string,
  summary: string,
  subcommands: readonly CommandEntry[],
  args: readonly string[],
  context: CliContext,
): Promise<number> {
  const [name, ...rest] = args;
  if (name === "-h" || name === "--help") {
    print(subcommandsHelp(command, summary, subcommands));
    return 0;
  }
  if (name === undefined) {
    throw new SpecError(
      "command line",
      `there is no subcommand; see \`paddock ${command} --help\``,
    );
  }
  const found = subcommands.find((entry) => entry.name === name);
  if (found !== undefined) return await (await found.load())(rest, context);
  const near = nearest(name, subcommands.map((entry) => entry.name));
  throw new SpecError(
    name,
    `there is no such subcommand; ${
      near === undefined
        ? `see \`paddock ${command} --help\``
        : `did you mean \`paddock ${command} ${near}\`?`
    }`,
  );
}
