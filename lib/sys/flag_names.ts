/**
 * The names of the bits of a flag argument, for the text of an error.
 *
 * @module
 */

// Masks and sizes are no flags of their own.
const NO_FLAG = /[A-Z]__|ACCMODE|_SIZE_VER|_SYNC_TYPE|^CSIGNAL$/;

/**
 * Spells out flags by the names of some constants, e.g. `"MS_BIND|MS_REC"`. What no name covers is
 * added as a number. Zero is the empty text.
 *
 * @param value The flags.
 * @param constants Where the names are from: usually a module of `abi/`, imported as a namespace.
 * @param which What the names to use begin with, or look like.
 *
 * @example
 * ```ts
 * import { flagNames, MS_BIND, MS_REC } from "@paddock/paddock/sys";
 *
 * console.log(flagNames(MS_BIND | MS_REC, { MS_BIND, MS_REC }, "MS_")); // MS_BIND|MS_REC
 * ```
 */
export function flagNames(
  value: number | bigint,
  constants: Readonly<Record<string, unknown>>,
  which: string | RegExp,
): string {
  const found: [string, bigint][] = [];
  let rest = BigInt(value);
  const flags = Object.entries(constants)
    .filter((entry): entry is [string, number] =>
      typeof entry[1] === "number" && entry[1] > 0 && !NO_FLAG.test(entry[0]) &&
      (typeof which === "string" ? entry[0].startsWith(which) : which.test(entry[0]))
    )
    .map(([name, flag]): [string, bigint] => [name, BigInt(flag)])
    // Flags made of several bits (O_SYNC, O_TMPFILE) before those they contain.
    .sort((a, b) => bits(b[1]) - bits(a[1]));
  for (const [name, flag] of flags) {
    if ((rest & flag) !== flag) continue;
    found.push([name, flag]);
    rest &= ~flag;
  }
  const names = found.sort((a, b) => (a[1] < b[1] ? -1 : 1)).map(([name]) => name);
  if (rest !== 0n) names.push(`0x${rest.toString(16)}`);
  return names.join("|");
}

function bits(value: bigint): number {
  let count = 0;
  for (let rest = value; rest !== 0n; rest &= rest - 1n) count++;
  return count;
}
