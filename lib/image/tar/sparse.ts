/**
 * Files with holes: GNU tar's four ways to say where the data is.
 *
 * @module
 */

import { ArchiveError } from "../../errors.ts";
import { byteString } from "../byte_string.ts";
import type { PaxRecord } from "./pax.ts";
import { paxNumber } from "./pax.ts";
import { BLOCK, tarNumber } from "./header.ts";

/** Where the data of a sparse file is. */
export interface SparseMap {
  /** The file's size with its holes, in bytes. */
  size: number;
  /** `[offset, length]` of each piece, in the order in which they follow in the archive. */
  pieces: [offset: number, length: number][];
}

/** More pieces than a real file has; a map is kept in memory. */
const MOST_PIECES = 100_000;

/** Throws unless the pieces follow each other within the file and are as long as what is stored. */
export function checkSparse(map: SparseMap, stored: number, entry: string): void {
  let end = 0, total = 0;
  for (const [offset, length] of map.pieces) {
    if (offset < end || length < 0 || offset + length > map.size) {
      throw new ArchiveError(entry, "the pieces of its sparse map overlap, or lie beyond its end");
    }
    end = offset + length;
    total += length;
  }
  if (total !== stored) {
    throw new ArchiveError(entry, `its sparse map speaks of ${total} bytes, and ${stored} follow`);
  }
}

function checkCount(count: number, entry: string): void {
  if (count > MOST_PIECES) throw new ArchiveError(entry, "its sparse map is too long");
}

/** The pieces in a block of the old GNU format: `count` pairs from `start` on. */
export function oldPieces(
  block: Uint8Array,
  start: number,
  count: number,
  map: SparseMap,
  entry: string,
): void {
  for (let index = 0; index < count; index++) {
    const at = start + index * 24;
    // The first empty place ends the list.
    if (block[at] === 0) return;
    map.pieces.push([
      tarNumber(block, at, 12, "sparse map", entry),
      tarNumber(block, at + 12, 12, "sparse map", entry),
    ]);
  }
  checkCount(map.pieces.length, entry);
}

/** What PAX records say of a sparse file. */
export interface PaxSparse {
  /** The file's name; the header's own is made up. */
  name?: string;
  /** The map, or `"in body"` where it stands in front of the data (format 1.0). */
  map: SparseMap | { size: number; pieces: "in body" };
}

/** Reads the formats 0.0, 0.1 and 1.0; undefined if the file is not sparse. */
export function paxSparse(records: readonly PaxRecord[], entry: string): PaxSparse | undefined {
  const last = (key: string) => records.findLast(([name]) => name === key)?.[1];
  const sizeText = last("GNU.sparse.realsize") ?? last("GNU.sparse.size");
  if (sizeText === undefined) return undefined;
  const size = paxNumber("sparse size", sizeText, entry);
  const name = last("GNU.sparse.name");
  if (last("GNU.sparse.major") === "1") return { name, map: { size, pieces: "in body" } };
  const listed = last("GNU.sparse.map");
  const numbers = listed === undefined
    ? records.filter(([key]) => key === "GNU.sparse.offset" || key === "GNU.sparse.numbytes")
      .map(([, value]) => value)
    : listed === ""
    ? []
    : listed.split(",");
  return { name, map: { size, pieces: pairs(numbers, entry) } };
}

function pairs(numbers: readonly string[], entry: string): SparseMap["pieces"] {
  checkCount(numbers.length / 2, entry);
  if (numbers.length % 2 !== 0) throw new ArchiveError(entry, "its sparse map lacks a number");
  const pieces: SparseMap["pieces"] = [];
  for (let at = 0; at < numbers.length; at += 2) {
    pieces.push([
      paxNumber("sparse offset", numbers[at]!, entry),
      paxNumber("sparse length", numbers[at + 1]!, entry),
    ]);
  }
  return pieces;
}

/** Reads the map in front of the data, block by block: the pieces, and how many bytes it took. */
export async function mapInBody(
  nextBlock: () => Promise<Uint8Array>,
  entry: string,
): Promise<{ pieces: SparseMap["pieces"]; length: number }> {
  let length = 0, text = "";
  const number = async (): Promise<string> => {
    let end: number;
    while ((end = text.indexOf("\n")) < 0) {
      if (text.length > 32) throw new ArchiveError(entry, "its sparse map is malformed");
      const block = await nextBlock();
      length += BLOCK;
      text += byteString(block);
    }
    const digits = text.slice(0, end);
    text = text.slice(end + 1);
    return digits;
  };
  const count = paxNumber("sparse map", await number(), entry);
  checkCount(count, entry);
  const numbers: string[] = [];
  for (let index = 0; index < count * 2; index++) numbers.push(await number());
  return { pieces: pairs(numbers, entry), length };
}
