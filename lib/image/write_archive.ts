/**
 * Makes an archive of a tree: of a layer or of what a sandbox changed, with deleted names in the way
 * of OCI's layers (`.wh.NAME`, and `.wh..wh..opq` in a directory that hides those below it).
 *
 * @module
 */

import { ArchiveError, SyscallError } from "../errors.ts";
import {
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDONLY,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  SEEK_DATA,
  SEEK_HOLE,
} from "../sys/abi/fcntl.ts";
import { ERRNO } from "../sys/abi/errno.ts";
import { getXattr, listXattrs } from "../sys/attributes.ts";
import { readLink } from "../sys/directory.ts";
import { close, open, pread, seek } from "../sys/file.ts";
import { type FileStatus, fileStatus } from "../sys/stat.ts";
import { exactByteString, shown, toText } from "./byte_string.ts";
import type { SparseMap } from "./tar/sparse.ts";
import { TarWriter, type WrittenEntry } from "./tar/writer.ts";
import { OPAQUE } from "./tree/extended_attributes.ts";
import {
  isDirectory,
  openDirectory,
  sortedNames,
  type TreeFile,
  walkTree,
} from "./tree/tree_walk.ts";
import { isWhiteout } from "./tree/tree_writer.ts";

/** Numbers of users and groups, from how the host sees them to how the sandbox does. */
export interface InsideIds {
  uid(id: number): number;
  gid(id: number): number;
}

/** Numbers as they are. */
export const SAME_IDS: InsideIds = { uid: (id) => id, gid: (id) => id };

/** How an archive is made. */
export interface ArchiveOptions {
  /** Whose the files are in it. */
  ids: InsideIds;
  /** Mount points, as absolute paths: left out where nothing is in them. */
  mountPoints?: ReadonlySet<string>;
}

/** What was left out, for it has no place in an archive: sockets. */
export interface ArchiveReport {
  sockets: number;
}

/** Whether a directory hides what the layers below have in its place. */
export function isOpaque(fd: number): boolean {
  return OPAQUE.some((name) => getXattr(fd, name)?.[0] === 0x79);
}

/** Writes the archive. */
export function writeArchive(
  root: number,
  put: (bytes: Uint8Array) => void,
  options: ArchiveOptions,
): ArchiveReport {
  return new ArchiveWork(put, options).write(root);
}

class ArchiveWork {
  readonly #tar: TarWriter;
  /** Files of several names, by their inode. */
  readonly #linked = new Map<bigint, string>();
  readonly #report: ArchiveReport = { sockets: 0 };
  readonly #buffer = new Uint8Array(128 * 1024);

  constructor(put: (bytes: Uint8Array) => void, readonly options: ArchiveOptions) {
    this.#tar = new TarWriter(put);
  }

  write(root: number): ArchiveReport {
    this.#tar.add({ ...this.#common("./", fileStatus(root)), type: "5" });
    this.#opaque(root, "");
    for (const file of walkTree(root)) {
      if (!this.#isMountPoint(file)) this.#add(file);
    }
    this.#tar.end();
    return this.#report;
  }

  #common(name: string, status: FileStatus): Omit<WrittenEntry, "type"> {
    const { ids } = this.options;
    return {
      name,
      mode: status.mode & 0o7777,
      uid: ids.uid(status.uid),
      gid: ids.gid(status.gid),
      size: 0,
      modified: status.modified,
    };
  }

  #isMountPoint({ path, dirfd, name, status }: TreeFile): boolean {
    if (!this.options.mountPoints?.has(`/${toText(path)}`)) return false;
    if (!isDirectory(status)) return (status.mode & S_IFMT) === S_IFREG && status.size === 0;
    const fd = openDirectory(dirfd, name);
    try {
      return sortedNames(fd).length === 0;
    } finally {
      close(fd);
    }
  }

  #add({ path, dirfd, name, status }: TreeFile): void {
    const common = this.#common(path, status);
    const text = exactByteString(name);
    if (isWhiteout(status)) {
      const hidden = `${path.slice(0, path.length - text.length)}.wh.${text}`;
      // When it was deleted is nowhere, only when its layer was unpacked.
      const modified = { seconds: 0, nanoseconds: 0 };
      this.#tar.add({ ...common, name: hidden, type: "0", mode: 0o600, modified });
      return;
    }
    if (text.startsWith(".wh.")) {
      throw new ArchiveError(
        shown(path),
        "a name that begins with .wh. means a deletion in a layer",
      );
    }
    const kind = status.mode & S_IFMT;
    if (isDirectory(status)) {
      const fd = openDirectory(dirfd, name);
      try {
        this.#tar.add({ ...common, name: `${path}/`, type: "5", xattrs: xattrsOf(fd) });
        this.#opaque(fd, `${path}/`);
      } finally {
        close(fd);
      }
      return;
    }
    const first = status.links > 1 ? this.#linked.get(status.inode) : undefined;
    if (first !== undefined) {
      this.#tar.add({ ...common, type: "1", linkName: first });
      return;
    }
    if (status.links > 1) this.#linked.set(status.inode, path);
    if (kind === S_IFLNK) {
      this.#tar.add({ ...common, type: "2", linkName: exactByteString(readLink(dirfd, name)) });
    } else if (kind === S_IFIFO) this.#tar.add({ ...common, type: "6" });
    else if (kind === S_IFREG) this.#file(dirfd, name, common);
    // A device can only have come with a lower layer, and those have none.
    else this.#report.sockets++;
  }

  #opaque(fd: number, prefix: string): void {
    if (!isOpaque(fd)) return;
    this.#tar.add({
      ...this.#common(`${prefix}.wh..wh..opq`, fileStatus(fd)),
      type: "0",
      mode: 0o600,
    });
  }

  #file(dirfd: number, name: Uint8Array, common: Omit<WrittenEntry, "type">): void {
    const fd = open(name, { dirfd, flags: O_RDONLY | O_NOFOLLOW | O_NONBLOCK });
    try {
      // Again, for the sandbox may still be writing to it.
      const { size, storage } = fileStatus(fd);
      const pieces: SparseMap["pieces"] = storage < size ? dataOf(fd, size) : [[0, size]];
      const stored = pieces.reduce((total, [, length]) => total + length, 0);
      this.#tar.add({
        ...common,
        type: "0",
        size: stored,
        xattrs: xattrsOf(fd),
        ...(stored < size ? { sparse: { size, pieces } } : {}),
      });
      for (const [offset, length] of pieces) this.#data(fd, offset, length, common.name);
    } finally {
      close(fd);
    }
  }

  #data(fd: number, offset: number, length: number, name: string): void {
    for (let done = 0; done < length;) {
      const room = this.#buffer.subarray(0, Math.min(this.#buffer.length, length - done));
      const count = pread(fd, room, offset + done);
      if (count === 0) {
        throw new ArchiveError(
          shown(name),
          "it became shorter while it was read; stop the sandbox",
        );
      }
      this.#tar.data(room.subarray(0, count));
      done += count;
    }
  }
}

/** Where the data of a file with holes is. lseek(2). */
export function dataOf(fd: number, size: number): SparseMap["pieces"] {
  const pieces: SparseMap["pieces"] = [];
  for (let at = 0; at < size;) {
    let start: number;
    try {
      start = seek(fd, at, SEEK_DATA);
    } catch (error) {
      // ENXIO: only a hole is left.
      if (error instanceof SyscallError && error.errno === ERRNO.ENXIO) break;
      throw error;
    }
    at = Math.min(seek(fd, start, SEEK_HOLE), size);
    pieces.push([start, at - start]);
  }
  const [last = 0, length = 0] = pieces.at(-1) ?? [];
  // Where a hole is the end, GNU tar takes the size from an empty piece there.
  if (last + length < size) pieces.push([size, 0]);
  return pieces;
}

function xattrsOf(fd: number): Map<string, Uint8Array> | undefined {
  const names = listXattrs(fd).filter((name) =>
    /^(user\.|security\.capability$|system\.posix_acl_)/.test(name) &&
    !name.startsWith("user.overlay.")
  );
  if (names.length === 0) return undefined;
  return new Map(names.sort().map((name) => [name, getXattr(fd, name) ?? new Uint8Array()]));
}
