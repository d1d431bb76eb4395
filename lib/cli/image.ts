/**
 * `paddock image`: finds the subcommand.
 *
 * @module
 */

import { SpecError } from "../errors.ts";
import type { CliCommand, CliContext } from "./command.ts";
import { print } from "./help.ts";
import { nearest } from "../nearest.ts";

interface Subcommand {
  readonly summary: string;
  readonly load: () => Promise<CliCommand>;
}

const SUBCOMMANDS: Readonly<Record<string, Subcommand>> = {
  import: {
    summary: "import a root filesystem's archive, a docker archive, or an OCI layout",
    load: async () => (await import("./image/import.ts")).importCommand,
  },
  ls: {
    summary: "list the images",
    load: async () => (await import("./image/ls.ts")).lsCommand,
  },
  inspect: {
    summary: "tell all about an image, as JSON",
    load: async () => (await import("./image/inspect.ts")).inspectCommand,
  },
  export: {
    summary: "write an image to a file",
    load: async () => (await import("./image/export.ts")).exportCommand,
  },
  rm: {
    summary: "remove images",
    load: async () => (await import("./image/rm.ts")).rmCommand,
  },
};

function help(): string {
  const lines = Object.entries(SUBCOMMANDS).map(([name, { summary }]) =>
    `  ${name.padEnd(10)} ${summary}`
  );
  return `Keeps images, which \`paddock run --root IMAGE\` runs on: in /var/lib/paddock for root, for others in
$XDG_DATA_HOME/paddock (~/.local/share/paddock), or in $PADDOCK_STORE.

Usage: paddock image SUBCOMMAND [ARG...]

Subcommands:
${lines.join("\n")}

  paddock image SUBCOMMAND --help   explains one`;
}

/** Runs the subcommand. */
export async function image(args: readonly string[], context: CliContext): Promise<number> {
  const [name, ...rest] = args;
  if (name === "-h" || name === "--help") {
    print(help());
    return 0;
  }
  if (name === undefined) {
    throw new SpecError("command line", "there is no subcommand; see `paddock image --help`");
  }
  const found = Object.hasOwn(SUBCOMMANDS, name) ? SUBCOMMANDS[name] : undefined;
  if (found !== undefined) return await (await found.load())(rest, context);
  const near = nearest(name, Object.keys(SUBCOMMANDS));
  throw new SpecError(
    name,
    `there is no such subcommand; ${
      near === undefined ? "see `paddock image --help`" : `did you mean \`paddock image ${near}\`?`
    }`,
  );
}
