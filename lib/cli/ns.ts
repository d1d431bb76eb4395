/**
 * `paddock ns`: shows the machine's namespaces, or finds the subcommand.
 *
 * @module
 */

import type { CliCommand, CliContext } from "./command.ts";

const SUBCOMMANDS: Readonly<Record<string, () => Promise<CliCommand>>> = {};

/** Runs the subcommand; without one, lists. */
export async function ns(args: readonly string[], context: CliContext): Promise<number> {
  const [name = "", ...rest] = args;
  if (Object.hasOwn(SUBCOMMANDS, name)) return await (await SUBCOMMANDS[name]!())(rest, context);
  return await (await import("./ns/list.ts")).listCommand(args, context);
}
