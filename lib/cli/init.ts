/**
 * `paddock init`: begins something new.
 *
 * @module
 */

import type { CliContext, CommandEntry } from "./command.ts";
import { runSubcommand } from "./subcommand.ts";

/** What can be begun. */
export const INIT_COMMANDS: readonly CommandEntry[] = [
  {
    name: "spec",
    summary: "a description in YAML, commented",
    load: async () => (await import("./init/spec.ts")).initSpec,
    usage: async () => (await import("./init/spec.ts")).INIT_SPEC_USAGE,
  },
  {
    name: "plugin",
    summary: "the package of a plugin",
    load: async () => (await import("./init/plugin.ts")).initPlugin,
    usage: async () => (await import("./init/plugin.ts")).INIT_PLUGIN_USAGE,
  },
];

/** Runs the subcommand. */
export async function init(args: readonly string[], context: CliContext): Promise<number> {
  return await runSubcommand("init", "Begins something new.", INIT_COMMANDS, args, context);
}
