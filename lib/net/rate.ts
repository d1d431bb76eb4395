/**
 * Rates as people write them: `10mbit`.
 *
 * @module
 */

import { SpecError } from "../errors.ts";

const UNITS: Readonly<Record<string, number>> = { "": 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12 };

/** Bits per second of a rate such as `"10mbit"` (decimal multiples, as tc(8) has them). */
export function parseRate(value: string | number, field: string): number {
  if (typeof value === "number" && Number.isFinite(value) && value > 0) return value;
  const match = /^(\d+(?:\.\d+)?)([kmgt]?)bit$/i.exec(String(value));
  const rate = match === null ? 0 : Number(match[1]) * UNITS[match[2]!.toLowerCase()]!;
  if (!(rate > 0)) {
    throw new SpecError(field, `"${value}" is not a rate; write bits per second or e.g. "10mbit"`);
  }
  return rate;
}
