/**
 * What is said of a command that there is not.
 *
 * @module
 */

import { SpecError } from "../errors.ts";
import { nearest } from "../nearest.ts";

/** The error for a command that does not exist, or for none. */
export function unknownCommand(name: string | undefined, known: readonly string[]): SpecError {
  if (name === undefined) {
    return new SpecError("command line", "there is no command; see `paddock --help`");
  }
  const near = nearest(name, known);
  const what = name.startsWith("-") ? "option before the command" : "command";
  return new SpecError(
    name,
    `there is no such ${what}; ${
      near === undefined ? "see `paddock --help`" : `did you mean \`paddock ${near}\`?`
    }`,
  );
}
