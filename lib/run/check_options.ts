/**
 * Checks the names of what a verb is given.
 *
 * @module
 */

import { checkKeys } from "../known_keys.ts";

/** Throws a `SpecError` for an option, or a stream's, that is not known: files would be emptied. */
export function checkOptions(options: object, verb: string, known: readonly string[]): void {
  checkKeys(options, verb, known);
  for (const [name, value] of Object.entries(options)) {
    if (!name.startsWith("std") || typeof value !== "object" || value === null) continue;
    checkKeys(value, name, ["file", "append"]);
  }
}
