/**
 * What the checks of a description have in common.
 *
 * @module
 */

/** How a value is quoted in an error. */
export function show(value: unknown): string {
  return typeof value === "string" ? `"${value}"` : String(value);
}

/** Whether it is a mapping of names to values. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
