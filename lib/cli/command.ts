/**
 * What a command is, and what its help and its completions are made of.
 *
 * @module
 */

import type { Option } from "./options.ts";

/** What a command learns of how its failure is to be shown, and tells. */
export interface CliContext {
  /** Show stack traces. Set once the options are read. */
  debug: boolean;
  /** Tell of a failure as JSON. Until it is set, what stands on the command line decides. */
  json?: boolean;
  /** An error's text in the words of the command line. */
  words?: (error: unknown) => string;
}

/** A command: its arguments to an exit code. */
export type CliCommand = (args: readonly string[], context: CliContext) => Promise<number>;

/** What a shell proposes for a word: one of these, or the words themselves. */
export type Completion =
  | "command"
  | "directory"
  | "file"
  | "image"
  | "nothing"
  | "sandbox"
  | readonly string[];

/** A command line that shows what a command is good for. */
export interface Example {
  /** The line, as it would be typed. A test parses it. */
  readonly line: string;
  /** What comes of it, in a few words. */
  readonly does: string;
}

/** All that is to be told of a command: `--help`, its parsing and its completions come from here. */
export interface Usage<Request = never> {
  /** Its name, e.g. `"image rm"`. */
  readonly command: string;
  /** What its operands look like, e.g. `"IMAGE..."`. */
  readonly operands: string;
  /** How many there may be; default: any number. */
  readonly count?: { readonly least: number; readonly most: number };
  /** What it does. */
  readonly summary: string;
  /** What it takes, beside what every command takes. */
  readonly options: readonly Option<Request>[];
  /** At least one. */
  readonly examples: readonly Example[];
  /** What else is to be known. */
  readonly notes?: string;
  /** What its operands are completed with, by their place; the last goes for all that follow. */
  readonly completes?: readonly Completion[];
}

/** A row of the table of commands. */
export interface CommandEntry {
  /** Its name. */
  readonly name: string;
  /** What it does, in one line. */
  readonly summary: string;
  /** The heading it stands under in `paddock --help`; a subcommand has none. */
  readonly group?: string;
  /** Loads what runs it. */
  readonly load: () => Promise<CliCommand>;
  /** Loads what is to be told of it; a command of subcommands only has none. */
  readonly usage?: () => Promise<Usage>;
  /** Loads its subcommands. */
  readonly subcommands?: () => Promise<readonly CommandEntry[]>;
}
