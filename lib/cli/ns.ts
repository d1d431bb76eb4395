/**
 * `paddock ns`: shows the machine's namespaces, or finds the subcommand.
 *
 * @module
 */

import type { CliContext, CommandEntry } from "./command.ts";

/** The subcommands; without one, the namespaces are shown. */
export const NS_COMMANDS: readonly CommandEntry[] = [
  {
    name: "pin",
    summary: "bind namespaces on files, where they stay",
    load: async () => (await import("./ns/pin.ts")).pinCommand,
    usage: async () => (await import("./ns/pin.ts")).USAGE,
  },
  {
    name: "unpin",
    summary: "take them away from there",
    load: async () => (await import("./ns/unpin.ts")).unpinCommand,
    usage: async () => (await import("./ns/unpin.ts")).USAGE,
  },
];

/** Runs the subcommand, or shows them. */
export async function ns(args: readonly string[], context: CliContext): Promise<number> {
  const [name, ...rest] = args;
  const found = NS_COMMANDS.find((entry) => entry.name === name);
  if (found !== undefined) return await (await found.load())(rest, context);
  return await (await import("./ns/list.ts")).listCommand(args, context);
}
