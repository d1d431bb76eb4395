/**
 * Writes a tar archive in the pax format, the one that says everything exactly: long names, bytes
 * that are no UTF-8, nanoseconds, extended attributes, holes. The same tree is the same bytes.
 *
 * @module
 */

import type { Timestamp } from "../../sys/stat.ts";
import { fromText, toBytes } from "../byte_string.ts";
import { BLOCK } from "./header.ts";
import type { SparseMap } from "./sparse.ts";

/** An entry to be written. Names are in bytes. */
export interface WrittenEntry {
  /** The name; a directory's ends with a slash. */
  name: string;
  /** The kind: `0` file, `1` hard link, `2` symbolic link, `5` directory, `6` fifo. */
  type: "0" | "1" | "2" | "5" | "6";
  mode: number;
  uid: number;
  gid: number;
  /** The bytes that follow, without holes. */
  size: number;
  modified: Timestamp;
  linkName?: string;
  xattrs?: ReadonlyMap<string, Uint8Array>;
  /** Where the data is, if there are holes. */
  sparse?: SparseMap;
}

const ZEROS = new Uint8Array(BLOCK);

/** An archive that is being written. */
export class TarWriter {
  #left = 0;
  #padding = 0;

  /** Everything goes to `put`, which must be done with the bytes when it returns. */
  constructor(readonly put: (bytes: Uint8Array) => void) {}

  /** Starts an entry; its bytes follow by {@linkcode data}. */
  add(entry: WrittenEntry): void {
    if (this.#left > 0) throw new Error(`${this.#left} bytes of the entry before are missing`);
    const map = entry.sparse === undefined ? undefined : sparseText(entry.sparse);
    const size = entry.size + (map?.length ?? 0);
    const records = recordsOf(entry, size);
    if (records.length > 0) {
      const body = toBytes(records.map(([key, value]) => record(key, value)).join(""));
      this.#header({ ...entry, name: "PaxHeader", linkName: "", mode: 0o644 }, "x", body.length);
      this.put(body);
      this.put(ZEROS.subarray(0, padding(body.length)));
    }
    this.#header(entry, entry.type, size);
    if (map !== undefined) this.put(map);
    this.#left = entry.size;
    this.#padding = padding(size);
    this.#pad();
  }

  /** The next bytes of the current entry. */
  data(bytes: Uint8Array): void {
    if (bytes.length > this.#left) throw new Error("more bytes than the entry was to have");
    this.put(bytes);
    this.#left -= bytes.length;
    this.#pad();
  }

  #pad(): void {
    if (this.#left > 0 || this.#padding === 0) return;
    this.put(ZEROS.subarray(0, this.#padding));
    this.#padding = 0;
  }

  /** Writes the end mark. */
  end(): void {
    this.put(ZEROS);
    this.put(ZEROS);
  }

  #header(entry: WrittenEntry, type: string, size: number): void {
    const block = new Uint8Array(BLOCK);
    const text = (at: number, most: number, value: string) => {
      for (let index = 0; index < Math.min(most, value.length); index++) {
        block[at + index] = value.charCodeAt(index);
      }
    };
    // What does not fit stands in a record; here is then as much of it as there is room for.
    const number = (at: number, digits: number, value: number) => {
      const fits = value >= 0 && value < 8 ** digits;
      text(at, digits, (fits ? value : 0).toString(8).padStart(digits, "0"));
    };
    text(0, 100, entry.name);
    number(100, 7, entry.mode);
    number(108, 7, entry.uid);
    number(116, 7, entry.gid);
    number(124, 11, size);
    number(136, 11, entry.modified.seconds);
    text(156, 1, type);
    text(157, 100, entry.linkName ?? "");
    text(257, 8, "ustar\x0000");
    block.fill(0x20, 148, 156);
    const sum = block.reduce((total, byte) => total + byte, 0);
    text(148, 8, `${sum.toString(8).padStart(6, "0")}\0 `);
    this.put(block);
  }
}

function padding(size: number): number {
  return (BLOCK - size % BLOCK) % BLOCK;
}

/** `LENGTH KEY=VALUE\n`, where the length counts its own digits too. */
function record(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) {
    length = String(length).length + rest.length;
  }
  return `${length}${rest}`;
}

function isPlain(name: string, most: number): boolean {
  return name.length <= most && /^[ -~]*$/.test(name);
}

function recordsOf(entry: WrittenEntry, size: number): [string, string][] {
  const { name, linkName = "", uid, gid, modified, xattrs, sparse } = entry;
  const records: [string, string][] = [];
  if (!isPlain(name, 100)) records.push(["path", name]);
  if (!isPlain(linkName, 100)) records.push(["linkpath", linkName]);
  if (uid >= 8 ** 7) records.push(["uid", String(uid)]);
  if (gid >= 8 ** 7) records.push(["gid", String(gid)]);
  if (size >= 8 ** 11) records.push(["size", String(size)]);
  const { seconds, nanoseconds } = modified;
  if (nanoseconds !== 0 || seconds < 0 || seconds >= 8 ** 11) {
    records.push(["mtime", timeText(seconds, nanoseconds)]);
  }
  for (const [key, value] of xattrs ?? []) {
    let bytes = "";
    for (const byte of value) bytes += String.fromCharCode(byte);
    records.push([`SCHILY.xattr.${fromText(key)}`, bytes]);
  }
  if (sparse !== undefined) {
    records.push(
      ["GNU.sparse.major", "1"],
      ["GNU.sparse.minor", "0"],
      ["GNU.sparse.name", name],
      ["GNU.sparse.realsize", String(sparse.size)],
    );
  }
  return records;
}

function timeText(seconds: number, nanoseconds: number): string {
  if (nanoseconds === 0) return String(seconds);
  const negative = seconds < 0;
  const whole = negative ? -seconds - 1 : seconds;
  const part = negative ? 1e9 - nanoseconds : nanoseconds;
  return `${negative ? "-" : ""}${whole}.${String(part).padStart(9, "0").replace(/0+$/, "")}`;
}

/** The map in front of the data, as of GNU's format 1.0. */
function sparseText(map: SparseMap): Uint8Array<ArrayBuffer> {
  const text = `${[map.pieces.length, ...map.pieces.flat()].join("\n")}\n`;
  const bytes = new Uint8Array(text.length + padding(text.length));
  bytes.set(toBytes(text));
  return bytes;
}
