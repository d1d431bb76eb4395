/**
 * Sizes, times and modes as people write them: `64M`, `30s`, `0755`.
 *
 * @module
 */

import { SpecError } from "./errors.ts";

const SIZE_UNITS: Record<string, number> = {
  "": 1,
  K: 2 ** 10,
  M: 2 ** 20,
  G: 2 ** 30,
  T: 2 ** 40,
};
const TIME_UNITS: Record<string, number> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Bytes of a size such as `"64M"` (binary multiples K, M, G, T) or a number of bytes. */
export function parseSize(value: string | number, field: string): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  const match = /^(\d+(?:\.\d+)?)([KMGT]?)(?:i?B)?$/i.exec(String(value));
  if (!match) {
    throw new SpecError(field, `"${value}" is not a size; write bytes or e.g. "64M", "1.5G"`);
  }
  const bytes = Math.round(Number(match[1]) * SIZE_UNITS[match[2]!.toUpperCase()]!);
  if (!Number.isSafeInteger(bytes)) throw new SpecError(field, `"${value}" is too large`);
  return bytes;
}

/** Milliseconds of a time such as `"30s"` (ms, s, m, h, d), or a number of milliseconds. */
export function parseDuration(value: string | number, field: string): number {
  if (typeof value === "number" && Number.isFinite(value)) return value;
  const match = /^(-?\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(String(value));
  if (!match) {
    throw new SpecError(field, `"${value}" is not a time; write milliseconds or e.g. "30s", "5m"`);
  }
  return Number(match[1]) * TIME_UNITS[match[2]!]!;
}

/** Permission bits of an octal string such as `"0755"`, or a number. */
export function parseMode(value: string | number, field: string): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 0o7777) {
    return value;
  }
  if (typeof value !== "string" || !/^0?[0-7]{1,4}$/.test(value)) {
    throw new SpecError(field, `"${value}" is not a mode; write octal digits, e.g. "0755"`);
  }
  return Number.parseInt(value, 8);
}

/** The most processors that Linux can be built for. */
const MOST_CPUS = 8192;

/** The numbers of a list such as `"0-3,8"`: cpuset(7), "List format". */
export function parseCpuList(value: string, field: string): number[] {
  const numbers = new Set<number>();
  for (const part of String(value).split(",")) {
    const match = /^\s*(\d{1,4})(?:-(\d{1,4}))?\s*$/.exec(part);
    const first = Number(match?.[1]), last = Number(match?.[2] ?? match?.[1]);
    if (!match || last < first || last >= MOST_CPUS) {
      throw new SpecError(field, `"${value}" is not a list of numbers; write e.g. "0-3,8"`);
    }
    for (let number = first; number <= last; number++) numbers.add(number);
  }
  return [...numbers].sort((a, b) => a - b);
}
