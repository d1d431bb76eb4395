/**
 * The table of commands as a shell needs it: flat, and with what each word can be.
 *
 * @module
 */

import { allOptions } from "../arguments.ts";
import type { CommandEntry, Completion, Usage } from "../command.ts";
import type { Option } from "../options.ts";

/** What may stand in a place: words as they are, and kinds of things, which begin with `@`. */
export type Tokens = readonly string[];

/** An option as a shell proposes it. */
export interface CompletedOption {
  /** With its dashes: the long name, and the short one if it has one. */
  readonly names: readonly string[];
  readonly help: string;
  /** What can be attached to it: `--explain=svg`. */
  readonly attached?: readonly string[];
  /** What its value can be, if it takes one. */
  readonly value?: Tokens;
}

/** A command or a subcommand. */
export interface CompletedCommand {
  /** `""` for paddock itself, `"image rm"` for a subcommand. */
  readonly path: string;
  readonly options: readonly CompletedOption[];
  /** What comes first here: subcommands with what they do. */
  readonly subcommands: readonly { readonly name: string; readonly summary: string }[];
  /** What its operands can be, by their place; the last goes for all that follow. */
  readonly operands: readonly Tokens[];
  /** Whether the first operand is another program, to which all behind it belongs. */
  readonly runs: boolean;
}

/** What is written in capitals in an option's value. */
const KINDS: readonly [RegExp, string][] = [
  [/^(FILE|MODULE|SRC|PATH|SPEC)\b/, "@file"],
  [/^(DIR|DST)\b/, "@directory"],
  [/^IMAGE\b/, "@image"],
];

/** What a value can be, as its description in the help says. */
export function valueTokens(option: Option<never>): Tokens {
  if (option.choices !== undefined) return option.choices;
  const tokens = (option.value ?? "").split("|").flatMap((part) => {
    if (/^[a-z][a-z0-9-]*$/.test(part)) return [part];
    const kind = KINDS.find(([pattern]) => pattern.test(part));
    return kind === undefined ? [] : [kind[1]];
  });
  return tokens.length === 0 ? ["@nothing"] : tokens;
}

function tokensOf(completion: Completion): Tokens {
  return typeof completion === "string" ? [`@${completion}`] : completion;
}

function completedOption(option: Option<never>): CompletedOption {
  const { name, short, value, help, optional } = option;
  const names = [`--${name}`, ...short === undefined ? [] : [`-${short}`]];
  const attached = optional === undefined
    ? {}
    : { attached: optional.map((word) => `--${name}=${word}`) };
  return { names, help, ...attached, ...value === undefined ? {} : { value: valueTokens(option) } };
}

const HELP: CompletedOption = { names: ["--help", "-h"], help: "print this" };
const VERSION: CompletedOption = { names: ["--version", "-V"], help: "print the version" };

async function flatten(entry: CommandEntry, before: string): Promise<CompletedCommand[]> {
  const path = `${before} ${entry.name}`.trim();
  const usage: Usage | undefined = await entry.usage?.();
  const subcommands = await entry.subcommands?.() ?? [];
  const below = await Promise.all(subcommands.map((subcommand) => flatten(subcommand, path)));
  return [{
    path,
    options: usage === undefined ? [HELP] : allOptions(usage).map(completedOption),
    subcommands,
    operands: (usage?.completes ?? ["file"]).map(tokensOf),
    runs: usage?.completes?.includes("command") ?? false,
  }, ...below.flat()];
}

/** All commands, paddock itself first. */
export async function completedCommands(
  table: readonly CommandEntry[],
): Promise<CompletedCommand[]> {
  const commands = await Promise.all(table.map((entry) => flatten(entry, "")));
  return [
    { path: "", options: [HELP, VERSION], subcommands: table, operands: [], runs: false },
    ...commands.flat(),
  ];
}
