/**
 * A key that nobody knows is an error: what was meant by it would silently not be done.
 *
 * @module
 */

import { SpecError } from "./errors.ts";
import { nearest } from "./nearest.ts";

/**
 * Throws a `SpecError` for a key that is none of the known ones, with the one that was most likely
 * meant. What is undefined says nothing, and is let be. For plugins that take options.
 *
 * ```ts
 * import { checkKeys, SpecError } from "@paddock/paddock";
 *
 * try {
 *   checkKeys({ wriatble: true }, "root", ["writable", "size"]);
 * } catch (error) {
 *   console.log(error instanceof SpecError && error.field); // root.wriatble
 * }
 * ```
 */
export function checkKeys(value: object, field: string, known: readonly string[]): void {
  for (const [key, entry] of Object.entries(value)) {
    if (entry === undefined || known.includes(key)) continue;
    const near = nearest(key, known);
    const meant = near === undefined ? "" : `, did you mean "${near}"?`;
    throw new SpecError(
      field === "" ? key : `${field}.${key}`,
      `there is no such field${meant || ";"} known: ${known.join(", ") || "none"}`,
    );
  }
}
