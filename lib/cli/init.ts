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

/** Runs the subcommand; `paddock init` alone, and with a preset, begins a description. */
export async function init(args: readonly string[], context: CliContext): Promise<number> {
  const [name] = args;
  if (name === undefined || await isPreset(name)) {
    return await (await import("./init/spec.ts")).initSpec(args, context);
  }
  return await runSubcommand("init", "Begins something new.", INIT_COMMANDS, args, context);
}

async function isPreset(name: string): Promise<boolean> {
  if (name.startsWith("-") || INIT_COMMANDS.some((entry) => entry.name === name)) return false;
  const { PRESETS } = await import("./preset.ts");
  const [first] = name.split("=");
  return PRESETS.some((preset) => preset.split("=")[0] === first);
}
