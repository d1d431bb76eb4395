/**
 * What the checks of a description have in common.
 *
 * @module
 */

import { quote } from "../schema/describe.ts";
import { nearest } from "../nearest.ts";

/** What is wrong with a value that should be one of these words, with the one most likely meant. */
export function noneOf(value: unknown, words: readonly string[]): string {
  const near = typeof value === "string" ? nearest(value, words) : undefined;
  return `${quote(value)} is none of ${words.join(", ")}${
    near === undefined ? "" : `; did you mean "${near}"?`
  }`;
}
