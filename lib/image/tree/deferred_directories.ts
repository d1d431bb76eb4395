/**
 * What becomes of directories once everything is in them: a mode that forbids writing would be in
 * the way before, and every new entry changes a directory's time. The list is on disk, because an
 * archive may have a million directories, and is worked through from its end, so that a directory
 * is shut only after all below it.
 *
 * @module
 */

import { O_CREAT, O_EXCL, O_RDWR } from "../../sys/abi/fcntl.ts";
import { close, open, pread, writeAll } from "../../sys/file.ts";
import type { Timestamp } from "../../sys/stat.ts";

/** What a directory gets. */
export interface DirectoryAttributes {
  /** The path, in bytes. */
  path: string;
  mode: number;
  uid: number;
  gid: number;
  modified: Timestamp;
  /** No entry of the archive is it; it was made for what is below. */
  implied: boolean;
}

const HEAD = 40;
const BUFFER = 64 * 1024;

/** A list of directories that is written forward and read backward. */
export class DeferredDirectories {
  readonly #fd: number;
  readonly #buffer = new Uint8Array(BUFFER);
  #filled = 0;
  #length = 0;

  /** Keeps the list in this new file. */
  constructor(path: string) {
    this.#fd = open(path, { flags: O_RDWR | O_CREAT | O_EXCL });
  }

  /** Adds one. Record: 40 bytes, the path, and the record's length, by which it is found again. */
  add(directory: DirectoryAttributes): void {
    const { path, mode, uid, gid, modified, implied } = directory;
    const length = HEAD + path.length + 4;
    if (this.#filled + length > BUFFER) this.#flush();
    const view = new DataView(this.#buffer.buffer, this.#filled, length);
    view.setUint32(0, mode);
    view.setUint32(4, uid);
    view.setUint32(8, gid);
    view.setUint32(12, implied ? 1 : 0);
    view.setFloat64(16, modified.seconds);
    view.setUint32(24, modified.nanoseconds);
    for (let at = 0; at < path.length; at++) view.setUint8(HEAD + at, path.charCodeAt(at));
    view.setUint32(length - 4, length);
    this.#filled += length;
    this.#length += length;
  }

  #flush(): void {
    writeAll(this.#fd, this.#buffer.subarray(0, this.#filled));
    this.#filled = 0;
  }

  /** All of them, the last one first. Nothing can be added any more. */
  *backward(): Generator<DirectoryAttributes> {
    this.#flush();
    let end = this.#length;
    while (end > 0) {
      const start = Math.max(0, end - BUFFER);
      const chunk = this.#buffer.subarray(0, end - start);
      for (let at = 0; at < chunk.length;) at += pread(this.#fd, chunk.subarray(at), start + at);
      const view = new DataView(chunk.buffer, 0, chunk.length);
      let stop = chunk.length;
      while (stop >= 4) {
        const length = view.getUint32(stop - 4);
        const from = stop - length;
        // The rest of this record lies in the chunk before.
        if (from < 0) break;
        let path = "";
        for (let at = from + HEAD; at < stop - 4; at++) path += String.fromCharCode(chunk[at]!);
        yield {
          path,
          mode: view.getUint32(from),
          uid: view.getUint32(from + 4),
          gid: view.getUint32(from + 8),
          implied: view.getUint32(from + 12) === 1,
          modified: {
            seconds: view.getFloat64(from + 16),
            nanoseconds: view.getUint32(from + 24),
          },
        };
        stop = from;
      }
      end = start + stop;
    }
  }

  /** Closes the file. */
  close(): void {
    close(this.#fd);
  }
}
