/**
 * Tells whether the bundle may stand for its sources, by the rule of make(1).
 *
 * @module
 */

import { AT_FDCWD, STATX_BASIC_STATS } from "../sys/abi/fcntl.ts";
import { addressOf, rawSyscall } from "../sys/libc.ts";
import { SYS } from "../sys/syscall_numbers.ts";

/** Seconds by which a source may be newer: a clone writes the bundle before some of its sources. */
const LENIENCE = 10;

// Of a struct statx. statx(2)
const STATX_SIZE = 256, SIZE_AT = 40, MODIFIED_AT = 112;

/**
 * Whether no source has changed since the bundle was made; what cannot be looked at has. This is
 * asked in each start from a checkout, so it is one system call a file and little else.
 *
 * @param folder Where the package lies.
 * @param bundle The bundle's main file, from there. If it is not there, the package is not on this
 *   disk but in an executable, and cannot change.
 * @param sources What the bundle was made of, from there, with the sizes in bytes.
 */
export function isFresh(
  folder: string,
  bundle: string,
  sources: Readonly<Record<string, number>>,
): boolean {
  const paths = [bundle, ...Object.keys(sources)], sizes = Object.values(sources);
  // All in one buffer, for to give each to the kernel by its address alone is cheaper.
  const text = new TextEncoder().encode(paths.map((path) => `${folder}/${path}\0`).join(""));
  const status = new DataView(new ArrayBuffer(STATX_SIZE));
  const textAddress = addressOf(text), statusAddress = addressOf(status);
  let start = 0;
  const look = (): boolean => {
    const path = textAddress + start;
    start = text.indexOf(0, start) + 1;
    return rawSyscall(SYS.statx, AT_FDCWD, path, 0, STATX_BASIC_STATS, statusAddress) === 0;
  };
  try {
    if (!look()) return true;
  } catch {
    // There is no FFI, which is for whatever needs it to complain of.
    return true;
  }
  const latest = status.getUint32(MODIFIED_AT, true) + LENIENCE;
  return sizes.every((size) =>
    look() && status.getUint32(SIZE_AT, true) === size &&
    status.getUint32(MODIFIED_AT, true) <= latest
  );
}
