/**
 * `paddock image`: finds the subcommand.
 *
 * @module
 */

import type { CliContext, CommandEntry } from "./command.ts";
import { runSubcommand } from "./subcommand.ts";

/** The subcommands. */
export const IMAGE_COMMANDS: readonly CommandEntry[] = [
  {
    name: "import",
    summary: "import a root filesystem's archive, a docker archive, or an OCI layout",
    load: async () => (await import("./image/import.ts")).importCommand,
    usage: async () => (await import("./image/import.ts")).USAGE,
  },
  {
    name: "ls",
    summary: "list the images",
    load: async () => (await import("./image/ls.ts")).lsCommand,
    usage: async () => (await import("./image/ls.ts")).USAGE,
  },
  {
    name: "inspect",
    summary: "tell all about an image, as JSON",
    load: async () => (await import("./image/inspect.ts")).inspectCommand,
    usage: async () => (await import("./image/inspect.ts")).USAGE,
  },
  {
    name: "export",
    summary: "write an image to a file",
    load: async () => (await import("./image/export.ts")).exportCommand,
    usage: async () => (await import("./image/export.ts")).USAGE,
  },
  {
    name: "rm",
    summary: "remove images",
    load: async () => (await import("./image/rm.ts")).rmCommand,
    usage: async () => (await import("./image/rm.ts")).USAGE,
  },
];

const SUMMARY =
  `Keeps images, which \`paddock run --root IMAGE\` runs on: in /var/lib/paddock for root, for others in
$XDG_DATA_HOME/paddock (~/.local/share/paddock), or in $PADDOCK_STORE.`;

/** Runs the subcommand. */
export async function image(args: readonly string[], context: CliContext): Promise<number> {
  return await runSubcommand("image", SUMMARY, IMAGE_COMMANDS, args, context);
}
