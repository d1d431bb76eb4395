/**
 * `paddock completions`: what a shell needs to complete paddock's command lines, from the table of
 * commands.
 *
 * @module
 */

import { SpecError } from "../errors.ts";
import { type CommonRequest, readArguments } from "./arguments.ts";
import type { CliCommand, CliContext, CommandEntry, Usage } from "./command.ts";
import { bashScript } from "./completion/bash.ts";
import { fishScript } from "./completion/fish.ts";
import { type CompletedCommand, completedCommands } from "./completion/model.ts";
import { zshScript } from "./completion/zsh.ts";
import { print } from "./help.ts";
import { nearest } from "../nearest.ts";

/** The shells, and what writes their scripts. */
const SHELLS: Readonly<Record<string, (commands: readonly CompletedCommand[]) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

/** What there is to tell of it. */
export const COMPLETIONS_USAGE: Usage<CommonRequest> = {
  command: "completions",
  operands: "bash|zsh|fish",
  count: { least: 1, most: 1 },
  summary: "Prints a script that makes a shell complete paddock's command lines.",
  options: [],
  examples: [
    { line: 'eval "$(paddock completions bash)"', does: "in ~/.bashrc" },
    { line: 'eval "$(paddock completions zsh)"', does: "in ~/.zshrc, after compinit" },
    { line: "paddock completions fish >~/.config/fish/completions/paddock.fish", does: "once" },
  ],
  notes:
    "The names of images and of running sandboxes are asked of paddock when they are wanted; all else is\nin the script. Print it anew after an update.",
  completes: [["bash", "zsh", "fish"], "nothing"],
};

/** The command, for a table. */
export function completionsOf(table: readonly CommandEntry[]): CliCommand {
  return (args, context) => completions(table, args, context);
}

/** Prints the script. */
async function completions(
  table: readonly CommandEntry[],
  args: readonly string[],
  context: CliContext,
): Promise<number> {
  const request: CommonRequest = { help: false, debug: false };
  const operands = readArguments(args, COMPLETIONS_USAGE, request, context);
  if (operands === undefined) return 0;
  const [shell = ""] = operands;
  const write = Object.hasOwn(SHELLS, shell) ? SHELLS[shell] : undefined;
  if (write === undefined) {
    const near = nearest(shell, Object.keys(SHELLS));
    throw new SpecError(
      "SHELL",
      `"${shell}" is none of ${Object.keys(SHELLS).join(", ")}${
        near === undefined ? "" : `; did you mean ${near}?`
      }`,
    );
  }
  print(write(await completedCommands(table)).trimEnd());
  return 0;
}
