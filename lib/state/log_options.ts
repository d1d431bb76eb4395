/**
 * How much of a detached sandbox's output is kept.
 *
 * @module
 */

import { SpecError } from "../errors.ts";
import { checkKeys } from "../known_keys.ts";
import { parseSize } from "../quantity.ts";

/** How much of each stream is kept. */
export interface LogOptions {
  /** The most that one file has: bytes, or e.g. `"1M"`. Default: `"10M"`. */
  size?: string | number;
  /** How many files a stream has, the newest included; from 1 to 100. Default: 2. */
  files?: number;
}

const SMALLEST = 4096, MOST_FILES = 100;

/** Checks them and fills in the defaults. */
export function checkLogs(options: LogOptions = {}): { size: number; files: number } {
  checkKeys(options, "logs", ["size", "files"]);
  const size = parseSize(options.size ?? "10M", "logs.size");
  const { files = 2 } = options;
  if (size < SMALLEST) throw new SpecError("logs.size", `${size} is less than ${SMALLEST} bytes`);
  if (!Number.isInteger(files) || files < 1 || files > MOST_FILES) {
    throw new SpecError("logs.files", `${files} is not a number from 1 to ${MOST_FILES}`);
  }
  return { size, files };
}
