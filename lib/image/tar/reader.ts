/**
 * Reads a tar archive from front to back: POSIX ustar and pax, GNU, v7.
 *
 * The package that the design names for this (modern-tar) was measured and is not used: it decodes
 * every value of a PAX record as UTF-8, which destroys `security.capability` and names that are
 * not UTF-8; it knows no sparse files and takes every unknown kind for a regular file.
 *
 * @module
 */

import { ArchiveError } from "../../errors.ts";
import type { Timestamp } from "../../sys/stat.ts";
import { byteString, fromText, shown, toBytes, toText } from "../byte_string.ts";
import type { ByteWindow } from "../byte_source.ts";
import { BLOCK, isZero, parseHeader, type TarHeader, tarNumber } from "./header.ts";
import { parsePax, paxNumber, type PaxRecord, paxTime } from "./pax.ts";
import { checkSparse, mapInBody, oldPieces, paxSparse, type SparseMap } from "./sparse.ts";

/** The kinds of entries. */
export type EntryKind =
  | "file"
  | "directory"
  | "symlink"
  | "link"
  | "fifo"
  | "character device"
  | "block device";

/** An entry. */
export interface TarEntry {
  /** The name as it stands in the archive, in bytes; nothing is checked yet. */
  name: string;
  kind: EntryKind;
  /** Permission bits. */
  mode: number;
  uid: number;
  gid: number;
  /** The file's size in bytes, holes included. */
  size: number;
  modified: Timestamp;
  /** What a symbolic link says, or which entry a hard link is another name of; in bytes. */
  linkName: string;
  /** Extended attributes: the name to the value. */
  xattrs: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
  /** Where the data of a file with holes is. */
  sparse?: SparseMap;
  /** Major and minor number of a device. */
  device: [number, number];
}

const NONE: TarEntry["xattrs"] = new Map();

const KINDS: Record<string, EntryKind> = {
  "0": "file",
  "7": "file",
  "S": "file",
  "1": "link",
  "2": "symlink",
  "3": "character device",
  "4": "block device",
  "5": "directory",
  "6": "fifo",
};

/** Extended headers are kept in memory: this is more than any real one has. */
const LONGEST_EXTENSION = 1024 * 1024;

/** An archive, entry by entry. */
export class TarReader {
  readonly #window: ByteWindow;
  /** Bytes of the current entry's body that were not taken yet, and the padding behind them. */
  #left = 0;
  #padding = 0;
  /** Where in the archive the reader is, in bytes. */
  #at = 0;
  /** What a global header said, for all entries behind it. */
  #defaults: PaxRecord[] = [];
  #ended = false;

  /** Reads through this window. */
  constructor(window: ByteWindow) {
    this.#window = window;
  }

  /** Where the body of the current entry starts, in bytes. */
  get position(): number {
    return this.#at;
  }

  /** The next entry, or undefined after the last one. What was not taken of the one before is skipped. */
  async next(): Promise<TarEntry | undefined> {
    if (this.#ended) return undefined;
    await this.#pass(this.#left + this.#padding);
    let longName: string | undefined, longLink: string | undefined;
    let records: PaxRecord[] | undefined;
    for (;;) {
      const block = await this.#header();
      if (block === undefined) {
        if (records ?? longName ?? longLink) {
          throw new ArchiveError(
            `at byte ${this.#at}`,
            "an extended header has no entry behind it",
          );
        }
        this.#ended = true;
        return undefined;
      }
      const header = parseHeader(block, this.#at - BLOCK);
      switch (header.type) {
        case "L":
          longName = byteString(await this.#extension(header));
          continue;
        case "K":
          longLink = byteString(await this.#extension(header));
          continue;
        case "x":
        case "X":
          records = parsePax(await this.#extension(header), shown(header.name));
          continue;
        case "g":
          this.#defaults = [
            ...this.#defaults,
            ...this.#globals(parsePax(await this.#extension(header), shown(header.name)), header),
          ];
          continue;
        case "V":
          // A volume's label: nothing that has a place in a filesystem.
          await this.#pass(header.size + padding(header.size));
          continue;
      }
      if (longName !== undefined) header.name = longName;
      if (longLink !== undefined) header.linkName = longLink;
      // `block` is gone by now where the map of an old sparse file goes on in further blocks.
      const old = header.type === "S" ? await this.#oldSparse(block.slice(), header) : undefined;
      return await this.#entry(header, [...this.#defaults, ...(records ?? [])], old);
    }
  }

  /** The next piece of the current entry's body, valid until the next call; undefined at its end. */
  async body(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    if (this.#left === 0) return undefined;
    if (await this.#window.need(1) === 0) throw this.#truncated();
    const piece = this.#window.look(this.#left);
    this.#advance(piece.length);
    this.#left -= piece.length;
    return piece;
  }

  #advance(count: number): void {
    this.#window.skip(count);
    this.#at += count;
  }

  async #pass(count: number): Promise<void> {
    await this.#window.pass(count);
    this.#at += count;
    this.#left = this.#padding = 0;
  }

  #truncated(): ArchiveError {
    return new ArchiveError(`at byte ${this.#at}`, "the archive ends too early; is it truncated?");
  }

  /** A header block that is not zero, or undefined at the end mark. */
  async #header(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    // Without an end mark nobody can tell whether something is missing.
    if (await this.#window.need(BLOCK) < BLOCK) throw this.#truncated();
    const block = this.#window.look(BLOCK);
    this.#advance(BLOCK);
    return isZero(block) ? undefined : block;
  }

  /** The body of an extended header. */
  async #extension(header: TarHeader): Promise<Uint8Array<ArrayBuffer>> {
    if (header.size > LONGEST_EXTENSION) {
      throw new ArchiveError(shown(header.name), `its extended header has ${header.size} bytes`);
    }
    const body = new Uint8Array(header.size);
    const whole = header.size + padding(header.size);
    for (let filled = 0; filled < whole;) {
      if (await this.#window.need(1) === 0) throw this.#truncated();
      const piece = this.#window.look(whole - filled);
      if (filled < body.length) body.set(piece.subarray(0, body.length - filled), filled);
      filled += piece.length;
      this.#advance(piece.length);
    }
    return body;
  }

  /** One name for all entries, or one size, is a trick and never a need. */
  #globals(records: PaxRecord[], header: TarHeader): PaxRecord[] {
    const bad = records.find(([key]) => /^(path|linkpath|size|GNU\.sparse\..*)$/.test(key));
    if (bad === undefined) return records.filter(([key]) => /^(uid|gid|mtime)$/.test(key));
    throw new ArchiveError(shown(header.name), `a global header gives every entry one ${bad[0]}`);
  }

  async #oldSparse(block: Uint8Array, header: TarHeader): Promise<SparseMap> {
    const entry = shown(header.name);
    const map: SparseMap = { size: tarNumber(block, 483, 12, "size", entry), pieces: [] };
    oldPieces(block, 386, 4, map, entry);
    for (let more = block[482] !== 0; more;) {
      if (await this.#window.need(BLOCK) < BLOCK) throw this.#truncated();
      const extra = this.#window.look(BLOCK);
      oldPieces(extra, 0, 21, map, entry);
      more = extra[504] !== 0;
      this.#advance(BLOCK);
    }
    return map;
  }

  async #entry(
    header: TarHeader,
    records: readonly PaxRecord[],
    old: SparseMap | undefined,
  ): Promise<TarEntry> {
    let kind = KINDS[header.type];
    if (kind === undefined) {
      throw new ArchiveError(shown(header.name), `its kind, "${shown(header.type)}", is not known`);
    }
    // v7 has no directories but names that end so.
    if (kind === "file" && header.name.endsWith("/")) kind = "directory";
    const entry: TarEntry = {
      name: header.name,
      kind,
      mode: header.mode,
      uid: header.uid,
      gid: header.gid,
      size: kind === "file" ? header.size : 0,
      modified: { seconds: header.mtime, nanoseconds: 0 },
      linkName: header.linkName,
      xattrs: NONE,
      device: header.device,
    };
    for (const [key, value] of records) applyRecord(entry, key, value);
    this.#left = entry.size;
    this.#padding = padding(entry.size);
    await this.#applySparse(entry, records, old);
    return entry;
  }

  async #applySparse(
    entry: TarEntry,
    records: readonly PaxRecord[],
    old: SparseMap | undefined,
  ): Promise<void> {
    const found = old === undefined ? paxSparse(records, shown(entry.name)) : { map: old };
    if (found === undefined || entry.kind !== "file") return;
    if ("name" in found && found.name !== undefined) entry.name = found.name;
    const name = shown(entry.name);
    let pieces = found.map.pieces;
    if (pieces === "in body") {
      const read = await mapInBody(async () => {
        if (this.#left < BLOCK || await this.#window.need(BLOCK) < BLOCK) throw this.#truncated();
        const block = this.#window.look(BLOCK);
        this.#advance(BLOCK);
        this.#left -= BLOCK;
        return block;
      }, name);
      pieces = read.pieces;
    }
    entry.sparse = { size: found.map.size, pieces };
    checkSparse(entry.sparse, this.#left, name);
    entry.size = found.map.size;
  }
}

function padding(size: number): number {
  return (BLOCK - size % BLOCK) % BLOCK;
}

const SCHILY = "SCHILY.xattr.";
const LIBARCHIVE = "LIBARCHIVE.xattr.";

function applyRecord(entry: TarEntry, key: string, value: string): void {
  const shownName = shown(entry.name);
  switch (key) {
    case "path":
    case "linkpath":
      if (value.includes("\0") || value === "") {
        throw new ArchiveError(shownName, `its ${key} is empty or holds a NUL byte`);
      }
      if (key === "linkpath") entry.linkName = value;
      else entry.name = value;
      return;
    case "size":
      // What the header says is not the truth then: whoever ignores this sees other entries.
      if (entry.kind === "file") entry.size = paxNumber("size", value, shownName);
      return;
    case "uid":
    case "gid":
      entry[key] = paxNumber(key, value, shownName);
      return;
    case "mtime":
      entry.modified = paxTime(value, shownName);
      return;
  }
  if (key.startsWith(SCHILY)) {
    addXattr(entry, toText(key.slice(SCHILY.length)), toBytes(value));
  } else if (key.startsWith(LIBARCHIVE)) {
    const name = libarchiveName(key.slice(LIBARCHIVE.length));
    if (!entry.xattrs.has(name)) addXattr(entry, name, fromBase64(value, shownName));
  }
}

function addXattr(entry: TarEntry, name: string, value: Uint8Array<ArrayBuffer>): void {
  entry.xattrs = new Map([...entry.xattrs, [name, value]]);
}

/** bsdtar writes the name as in a URL. */
function libarchiveName(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return toText(fromText(name));
  }
}

function fromBase64(value: string, entry: string): Uint8Array<ArrayBuffer> {
  try {
    return toBytes(atob(value));
  } catch {
    throw new ArchiveError(entry, "an extended attribute of it is not in base64");
  }
}
