/**
 * How much an archive may make: a few kilobytes of it can stand for terabytes.
 *
 * @module
 */

import { ArchiveError, SpecError } from "../errors.ts";
import { parseSize } from "../quantity.ts";

/** The limits of an import. */
export interface ImportLimits {
  /** All files together, in bytes or e.g. `"10G"`. Default: 64G. */
  size?: string | number;
  /** How many entries all layers have together. Default: 2000000. */
  entries?: number;
}

const DEFAULT_SIZE = 64 * 2 ** 30;
const DEFAULT_ENTRIES = 2_000_000;

/** Counts what an import makes, and stops it. */
export class Meter {
  /** The most bytes. */
  readonly size: number;
  /** The most entries. */
  readonly most: number;
  /** Bytes so far. */
  bytes = 0;
  /** Entries so far. */
  entries = 0;

  /** Starts at zero. */
  constructor(limits: ImportLimits = {}) {
    this.size = parseSize(limits.size ?? DEFAULT_SIZE, "limits.size");
    this.most = limits.entries ?? DEFAULT_ENTRIES;
    if (!Number.isSafeInteger(this.most) || this.most < 1) {
      throw new SpecError("limits.entries", `${this.most} is not a number of entries`);
    }
  }

  /** Another entry of so many bytes, before any of them is written. */
  add(entry: string, bytes: number): void {
    this.entries++;
    this.bytes += bytes;
    if (this.entries > this.most) {
      throw new ArchiveError(entry, `the archive has more than ${this.most} entries; see limits`);
    }
    if (this.bytes > this.size) {
      throw new ArchiveError(
        entry,
        `with it, the archive makes more than ${this.size} bytes; see limits`,
      );
    }
  }
}
