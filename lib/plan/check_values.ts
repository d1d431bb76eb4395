/**
 * What the checks of a description have in common.
 *
 * @module
 */

import { nearest } from "../nearest.ts";

/** How a value is quoted in an error. */
export function show(value: unknown): string {
  return typeof value === "string" ? `"${value}"` : String(value);
}

/** What is wrong with a value that should be one of these words, with the one most likely meant. */
export function noneOf(value: unknown, words: readonly string[]): string {
  const near = typeof value === "string" ? nearest(value, words) : undefined;
  return `${show(value)} is none of ${words.join(", ")}${
    near === undefined ? "" : `; did you mean "${near}"?`
  }`;
}

/** Whether it is a mapping of names to values. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
