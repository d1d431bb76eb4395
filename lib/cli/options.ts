/**
 * The option parser. A command has one table of options; it drives the parsing, the help, and what
 * is proposed for a misspelt name. The caller's order is kept, because mounts happen in it.
 *
 * @module
 */

import { SpecError } from "../errors.ts";
import { nearest } from "../nearest.ts";
import { elsewhere } from "./elsewhere.ts";

/** An option of a command; `Request` is what the command makes of its arguments. */
export interface Option<Request> {
  /** Its long name, without the dashes. */
  readonly name: string;
  /** Its one-letter name. */
  readonly short?: string;
  /** What the value looks like, e.g. `"SRC[:DST][:rw]"`. Without it the option takes none. */
  readonly value?: string;
  /** The words that can be attached to one that takes no value otherwise: `--explain=svg`. */
  readonly optional?: readonly string[];
  /** What the value can be, for completions, where its looks do not say so. */
  readonly choices?: readonly string[];
  /** What it does, in one line. */
  readonly help: string;
  /** The heading it stands under in the help. */
  readonly group: string;
  /** Does it. A `SpecError` from here is shown with the option's name. */
  readonly apply: (request: Request, value: string) => void;
}

/** An option as it was given. */
export interface Given<Request> {
  readonly option: Option<Request>;
  /** Its value; empty if it takes none. */
  readonly value: string;
}

/** What the arguments say. */
export interface Parsed<Request> {
  /** The options, in the caller's order. */
  readonly given: readonly Given<Request>[];
  /** The first word that is no option, and all after it. */
  readonly rest: readonly string[];
}

/** How an option is called in messages: `-b/--bind` is `--bind`. */
function named(option: Option<never>): string {
  return `--${option.name}`;
}

function unknownOption(
  word: string,
  table: readonly Option<never>[],
  command: string,
): SpecError {
  // Of another command's options only the habit of -it is one.
  const known = command === "run" || (command === "exec" && /^(-i|--interactive)$/.test(word));
  const advice = known ? elsewhere(word) : undefined;
  if (advice !== undefined) return new SpecError(word, `there is no such option; ${advice}`);
  const near = word.startsWith("--")
    ? nearest(word.slice(2), table.map(({ name }) => name))
    : undefined;
  return new SpecError(
    word,
    `there is no such option; ${
      near === undefined ? `see \`paddock ${command} --help\`` : `did you mean --${near}?`
    }`,
  );
}

/** A value that is one of a few words. */
function oneOf(name: string, value: string, words: readonly string[]): string {
  if (words.includes(value)) return value;
  const near = nearest(value, words);
  throw new SpecError(
    name,
    `"${value}" is none of ${words.join(", ")}${
      near === undefined ? "" : `; did you mean ${near}?`
    }`,
  );
}

/**
 * Takes arguments apart: `--name value`, `--name=value`, `-n value`, `-nvalue`, `-n=value`, and
 * `-ab` for `-a -b`. The first word that is no option ends it, and so does `--`.
 */
export function parseOptions<Request>(
  args: readonly string[],
  table: readonly Option<Request>[],
  command: string,
): Parsed<Request> {
  const given: Given<Request>[] = [];
  const words = [...args];
  const valueOf = (option: Option<Request>): string => {
    const value = words.shift();
    if (value === undefined) {
      throw new SpecError(named(option), `needs a value: ${option.value}`);
    }
    return value;
  };
  while (words.length > 0) {
    const word = words[0]!;
    if (word === "--") {
      words.shift();
      break;
    }
    if (!word.startsWith("-") || word === "-") break;
    words.shift();
    if (word.startsWith("--")) {
      const equals = word.indexOf("=");
      const name = equals < 0 ? word : word.slice(0, equals);
      const option = table.find((it) => `--${it.name}` === name);
      if (option === undefined) throw unknownOption(name, table, command);
      if (option.value !== undefined) {
        given.push({ option, value: equals < 0 ? valueOf(option) : word.slice(equals + 1) });
      } else if (equals >= 0 && option.optional !== undefined) {
        given.push({ option, value: oneOf(name, word.slice(equals + 1), option.optional) });
      } else if (equals >= 0) {
        throw new SpecError(name, `takes no value, but got "${word.slice(equals + 1)}"`);
      } else given.push({ option, value: "" });
      continue;
    }
    for (let at = 1; at < word.length; at++) {
      const option = table.find(({ short }) => short === word[at]);
      if (option === undefined) throw unknownOption(`-${word[at]}`, table, command);
      if (option.value === undefined) {
        given.push({ option, value: "" });
        continue;
      }
      const attached = word.slice(at + 1).replace(/^=/, "");
      given.push({ option, value: at + 1 < word.length ? attached : valueOf(option) });
      break;
    }
  }
  return { given, rest: words };
}

/** Applies options in their order. */
export function applyOptions<Request>(
  given: readonly Given<Request>[],
  request: Request,
): void {
  for (const { option, value } of given) {
    try {
      option.apply(request, value);
    } catch (error) {
      if (!(error instanceof SpecError)) throw error;
      // The builder names its own field; here the reader typed an option.
      throw new SpecError(named(option), error.message.slice(error.field.length + 2));
    }
  }
}
