/**
 * Times where they are written by hand: with their unit, for 5 would be milliseconds to the one and
 * seconds to the other.
 *
 * @module
 */

import { SpecError } from "../errors.ts";

/**
 * A time with its unit. A bare number is none: it would be milliseconds in TypeScript and seconds to
 * most programs. What others write is said as it is written here: `5sec`, `5 minutes`, `5S`.
 */
export function timeText(value: unknown, field: string): string {
  if (typeof value === "string" && /^-?\d+(\.\d+)?(ms|s|m|h|d)$/.test(value)) return value;
  const [, count, unit] = /^(-?\d+(?:\.\d+)?)\s*(ms|[smhd])?/i.exec(String(value)) ?? [];
  const quoted = typeof value === "object" ? JSON.stringify(value) : `"${value}"`;
  if (count === undefined) {
    throw new SpecError(field, `${quoted} is not a time; write e.g. 30s, 500ms or 5m`);
  }
  throw new SpecError(
    field,
    unit === undefined
      ? `${quoted} has no unit of time (ms, s, m, h, d); write e.g. ${count}s`
      : `${quoted} is not a time; did you mean ${count}${unit.toLowerCase()}?`,
  );
}

/** How long something may take at most. */
export function limitText(value: unknown, field: string): string {
  if (/^0+(\.0+)?(ms|s|m|h|d)?$/.test(String(value))) {
    throw new SpecError(field, `"${value}" is no time to run in; for no limit, leave it out`);
  }
  return timeText(value, field);
}
