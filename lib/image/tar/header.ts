/**
 * The 512 bytes in front of every entry of a tar archive, in the dialects of POSIX (ustar, pax),
 * GNU and v7. tar(5).
 *
 * @module
 */

import { ArchiveError } from "../../errors.ts";
import { byteString, shown } from "../byte_string.ts";

/** The unit in which an archive is divided. */
export const BLOCK = 512;

/** What a header block says, as it stands there. */
export interface TarHeader {
  /** The name, in bytes. */
  name: string;
  mode: number;
  uid: number;
  gid: number;
  /** How many bytes follow. */
  size: number;
  /** Seconds since 1970. */
  mtime: number;
  /** The kind: one character. */
  type: string;
  linkName: string;
  /** Major and minor number. */
  device: [number, number];
  /** GNU's dialect: the place of the prefix holds something else. */
  gnu: boolean;
}

/** Whether there are only zeros. */
export function isZero(block: Uint8Array): boolean {
  return block.every((byte) => byte === 0);
}

/** A number: octal digits, or GNU's big-endian binary for what does not fit. */
export function tarNumber(
  block: Uint8Array,
  start: number,
  length: number,
  what: string,
  entry: string,
): number {
  const first = block[start]!;
  if (first & 0x80) {
    let value = first === 0xff ? -1 : first & 0x7f;
    for (let at = start + 1; at < start + length; at++) value = value * 256 + block[at]!;
    if (Number.isSafeInteger(value)) return value;
    throw new ArchiveError(entry, `its ${what} is too large to be true`);
  }
  const end = start + length;
  let at = start;
  while (at < end && block[at] === 0x20) at++;
  let value = 0;
  for (; at < end && block[at] !== 0 && block[at] !== 0x20; at++) {
    const digit = block[at]! - 0x30;
    if (digit < 0 || digit > 7) {
      const text = shown(byteString(block, start, end));
      throw new ArchiveError(entry, `its ${what}, "${text}", is not a number`);
    }
    value = value * 8 + digit;
  }
  return value;
}

/** The sum of all bytes with the sum's own place taken for blanks; some old programs counted signed. */
function checkSum(block: Uint8Array, entry: string): void {
  let unsigned = 0, signed = 0;
  for (let at = 0; at < BLOCK; at++) {
    const byte = at >= 148 && at < 156 ? 0x20 : block[at]!;
    unsigned += byte;
    signed += byte > 127 ? byte - 256 : byte;
  }
  const said = tarNumber(block, 148, 8, "checksum", entry);
  if (said !== unsigned && said !== signed) {
    throw new ArchiveError(entry, "its header is damaged, or this is no tar archive");
  }
}

/** Reads a header block; `at` is where it stands, for an error before there is a name. */
export function parseHeader(block: Uint8Array, at: number): TarHeader {
  checkSum(block, `at byte ${at}`);
  const magic = byteString(block, 257, 263);
  const gnu = magic === "ustar ";
  let name = byteString(block, 0, 100);
  if (magic === "ustar") {
    const prefix = byteString(block, 345, 500);
    if (prefix !== "") name = `${prefix}/${name}`;
  }
  const entry = shown(name);
  const number = (start: number, length: number, what: string) =>
    tarNumber(block, start, length, what, entry);
  const size = number(124, 12, "size");
  if (size < 0) throw new ArchiveError(entry, `its size, ${size}, is negative`);
  const known = gnu || magic === "ustar";
  return {
    name,
    mode: number(100, 8, "mode") & 0o7777,
    uid: number(108, 8, "owner"),
    gid: number(116, 8, "group"),
    size,
    mtime: number(136, 12, "time"),
    type: block[156] === 0 ? "0" : String.fromCharCode(block[156]!),
    linkName: byteString(block, 157, 257),
    device: known ? [number(329, 8, "device"), number(337, 8, "device")] : [0, 0],
    gnu,
  };
}
