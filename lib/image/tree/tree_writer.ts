/**
 * Makes the files of an archive below a directory. Every path is walked by openat2 without following
 * any link, every file is made by a name in an open directory, and nothing that exists is ever
 * opened, so that no entry can reach outside, whatever the entries before it were.
 *
 * @module
 */

import { ArchiveError, SyscallError } from "../../errors.ts";
import { ERRNO } from "../../sys/abi/errno.ts";
import {
  AT_SYMLINK_NOFOLLOW,
  O_CREAT,
  O_EXCL,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDWR,
  O_WRONLY,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFMT,
} from "../../sys/abi/fcntl.ts";
import { changeMode, changeOwner, changeTimes, setXattr } from "../../sys/attributes.ts";
import { makeDirectory, makeLink, makeNode, makeSymlink, removeName } from "../../sys/directory.ts";
import { close, ftruncate, open, pwrite, writeAll } from "../../sys/file.ts";
import { type FileStatus, fileStatusAt } from "../../sys/stat.ts";
import { shown, toBytes } from "../byte_string.ts";
import type { TarEntry } from "../tar/reader.ts";
import { DeferredDirectories, type DirectoryAttributes } from "./deferred_directories.ts";
import { DirectoryHandles } from "./directory_handles.ts";
import { checkSymlink, entryPath, split } from "./entry_path.ts";
import { applyXattrs, type LeftOut, OPAQUE } from "./extended_attributes.ts";

/**
 * Modes of directories while the tree is being made. They tell one that an entry made from one that
 * was only needed for what is below, with no list of names in memory.
 */
const STATED = 0o1731;
const IMPLIED = 0o1730;

const LONG_AGO = { seconds: 0, nanoseconds: 0 };

/** How a tree is written. */
export interface TreeWriterOptions {
  /** `keep`: everything belongs to whom the archive says. `flatten`: to the caller. */
  owners: "keep" | "flatten";
  /** The trees below this one, the nearest first: an implied directory is as it is there. */
  below: readonly number[];
  /** A file for the writer's own notes, not in the tree. */
  notes: string;
}

/** What was written. */
export interface TreeReport {
  /** Device nodes that were left out. */
  devices: number;
  /** Entries of somebody else that were given to the caller. */
  flattened: number;
  /** Attributes that were left out. */
  xattrs: LeftOut;
}

/** Gives the pieces of the current entry's body, each valid until the next call. */
export type Body = () => Promise<Uint8Array | undefined>;

/** Writes one tree. */
export class TreeWriter {
  /** What there is to tell of it. */
  readonly report: TreeReport = { devices: 0, flattened: 0, xattrs: new Map() };
  readonly #handles: DirectoryHandles;
  readonly #deferred: DeferredDirectories;
  #rootStated = false;
  readonly #name = new Uint8Array(4096);
  readonly #umask = Deno.umask();

  /** Writes below the open directory `root`. */
  constructor(readonly root: number, readonly options: TreeWriterOptions) {
    this.#handles = new DirectoryHandles(root);
    this.#deferred = new DeferredDirectories(options.notes);
  }

  /** Makes an entry of an archive. */
  async add(entry: TarEntry, body: Body): Promise<void> {
    const name = shown(entry.name);
    const path = entryPath(entry.name, name);
    try {
      if (path === "") return this.#root(entry, name);
      const { parent, base } = split(path);
      const dirfd = this.#handles.get(parent) ?? this.#implied(parent);
      if (base.startsWith(".wh.")) this.#whiteout(dirfd, parent, base, name);
      else await this.#make(entry, path, dirfd, base, name, body);
    } catch (error) {
      throw explained(error, name);
    }
  }

  /** Gives the directories what was put off. The tree is complete then. */
  finish(): void {
    if (!this.#rootStated) {
      this.#put({ mode: 0o755, uid: 0, gid: 0, modified: LONG_AGO }, "", false);
    }
    for (const directory of this.#deferred.backward()) {
      const fd = this.#handles.get(directory.path)!;
      // An entry behind it in the archive has said what this one is to be.
      if (directory.implied && (fileStatusAt(fd, "", 0x1000).mode & 0o7777) !== IMPLIED) continue;
      this.#own(fd, "", directory);
      changeMode(fd, directory.mode);
      changeTimes(fd, "", directory.modified);
    }
    this.close();
  }

  /** Lets go of everything. */
  close(): void {
    this.#handles.close();
    this.#deferred.close();
  }

  /** A name for a call that is made at once. */
  #bytes(name: string): Uint8Array {
    for (let at = 0; at < name.length; at++) this.#name[at] = name.charCodeAt(at);
    return this.#name.subarray(0, name.length);
  }

  #root(entry: TarEntry, name: string): void {
    if (entry.kind !== "directory") throw new ArchiveError(name, "the root is no directory");
    if (this.#rootStated) throw new ArchiveError(name, "the archive has it twice");
    applyXattrs(this.root, entry.xattrs, name, this.report.xattrs);
    this.#put(entry, "", false);
    this.#rootStated = true;
  }

  #put(entry: Omit<DirectoryAttributes, "path" | "implied">, path: string, implied: boolean): void {
    const { mode, uid, gid, modified } = entry;
    this.#deferred.add({ path, mode, uid, gid, modified, implied });
  }

  /** Makes directories that no entry has spoken of yet, as they are in the trees below. */
  #implied(path: string): number {
    const { parent, base } = split(path);
    const dirfd = this.#handles.get(parent) ?? this.#implied(parent);
    const fd = this.#directory(dirfd, path, base, IMPLIED);
    this.#put(this.#asBelow(path), path, true);
    return fd;
  }

  #asBelow(path: string): Omit<DirectoryAttributes, "path" | "implied"> {
    for (const root of this.options.below) {
      const handles = new DirectoryHandles(root);
      try {
        const fd = handles.get(path);
        if (fd !== undefined) return { ...fileStatusAt(fd, "", 0x1000), mode: modeOf(fd) };
      } catch {
        /* there it is no directory */
      } finally {
        handles.close();
      }
    }
    return { mode: 0o755, uid: 0, gid: 0, modified: LONG_AGO };
  }

  #directory(dirfd: number, path: string, base: string, mark: number): number {
    makeDirectory(dirfd, this.#bytes(base), 0o700);
    const fd = this.#handles.get(path)!;
    changeMode(fd, mark);
    return fd;
  }

  async #make(
    entry: TarEntry,
    path: string,
    dirfd: number,
    base: string,
    name: string,
    body: Body,
  ): Promise<void> {
    if (entry.kind === "character device" || entry.kind === "block device") {
      this.report.devices++;
      return;
    }
    if (entry.kind === "file") {
      await this.#file(entry, dirfd, base, name, body);
      return;
    }
    const hidesBelow = this.#clear(dirfd, base, () => this.#others(entry, path, dirfd, base, name));
    if (hidesBelow && entry.kind === "directory") this.#opaque(this.#handles.get(path)!);
  }

  /** Everything but files. */
  #others(entry: TarEntry, path: string, dirfd: number, base: string, name: string): void {
    const bytes = this.#bytes(base);
    switch (entry.kind) {
      case "directory":
        this.#stated(entry, path, dirfd, base, name);
        return;
      case "symlink":
        checkSymlink(path, entry.linkName);
        makeSymlink(toBytes(entry.linkName), dirfd, bytes);
        break;
      case "fifo":
        this.#fifo(dirfd, bytes, entry.mode);
        break;
      case "link":
        this.#link(entry, dirfd, bytes, name);
        return;
    }
    this.#own(dirfd, base, entry);
    changeTimes(dirfd, bytes, entry.modified);
  }

  /** A new owner and a new time come by its name; the umask is undone while it is open. */
  #fifo(dirfd: number, base: Uint8Array, mode: number): void {
    makeNode(dirfd, base, S_IFIFO | 0o600);
    const fd = open(base, { dirfd, flags: O_RDWR | O_NONBLOCK | O_NOFOLLOW });
    try {
      changeMode(fd, mode);
    } finally {
      close(fd);
    }
  }

  #stated(entry: TarEntry, path: string, dirfd: number, base: string, name: string): void {
    let fd: number;
    try {
      fd = this.#directory(dirfd, path, base, STATED);
    } catch (error) {
      if (!isExisting(error)) throw error;
      const found = fileStatusAt(dirfd, this.#bytes(base), AT_SYMLINK_NOFOLLOW);
      if ((found.mode & S_IFMT) !== S_IFDIR || (found.mode & 0o7777) !== IMPLIED) throw error;
      fd = this.#handles.get(path)!;
      changeMode(fd, STATED);
    }
    applyXattrs(fd, entry.xattrs, name, this.report.xattrs);
    this.#put(entry, path, false);
  }

  #link(entry: TarEntry, dirfd: number, base: Uint8Array, name: string): void {
    const target = entryPath(entry.linkName, name, "its target");
    if (target === "") throw new ArchiveError(name, "it is a hard link to the root");
    const from = split(target);
    // It may close the descriptor used longest ago; `dirfd` is the one used last.
    const fromDirfd = this.#handles.get(from.parent);
    const source = toBytes(from.base);
    const missing = fromDirfd === undefined || !isThere(fromDirfd, source);
    if (missing) {
      throw new ArchiveError(name, `no entry before it is its target, "${shown(target)}"`);
    }
    makeLink(fromDirfd, source, dirfd, base);
  }

  async #file(
    entry: TarEntry,
    dirfd: number,
    base: string,
    name: string,
    body: Body,
  ): Promise<void> {
    const wanted = entry.mode & 0o777;
    let fd = -1;
    this.#clear(dirfd, base, () => {
      const flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
      fd = open(this.#bytes(base), { dirfd, flags, mode: wanted });
    });
    try {
      if (entry.sparse === undefined) {
        for (let piece = await body(); piece !== undefined; piece = await body()) {
          writeAll(fd, piece);
        }
      } else await writeSparse(fd, entry.sparse, body);
      const owned = this.#own(fd, "", entry);
      // A new owner takes the set-uid bit away, and the umask what it always does.
      if (owned || entry.mode !== (wanted & ~this.#umask)) changeMode(fd, entry.mode);
      if (entry.xattrs.size > 0) applyXattrs(fd, entry.xattrs, name, this.report.xattrs);
      changeTimes(fd, "", entry.modified);
    } finally {
      close(fd);
    }
  }

  /** Gives it to whom the archive says: whether that was somebody else. */
  #own(fd: number, base: string, { uid, gid }: { uid: number; gid: number }): boolean {
    if (this.options.owners === "flatten") {
      if (uid !== 0 || gid !== 0) this.report.flattened++;
      return false;
    }
    if (uid === 0 && gid === 0) return false;
    changeOwner(fd, this.#bytes(base), uid, gid);
    return true;
  }

  /**
   * Makes something where a whiteout of this very layer may be: then what is below is hidden, and
   * this is instead. Whether there was one.
   */
  #clear(dirfd: number, base: string, make: () => void): boolean {
    try {
      make();
      return false;
    } catch (error) {
      if (!isExisting(error)) throw error;
      const bytes = this.#bytes(base);
      if (!isWhiteout(fileStatusAt(dirfd, bytes, AT_SYMLINK_NOFOLLOW))) throw error;
      removeName(dirfd, bytes);
      make();
      return true;
    }
  }

  /** `.wh.NAME` deletes what the layers below have there, `.wh..wh..opq` all that is in a directory. */
  #whiteout(dirfd: number, parent: string, base: string, name: string): void {
    if (base === ".wh..wh..opq") return this.#opaque(parent === "" ? this.root : dirfd);
    // Notes of aufs, which no other filesystem needs.
    if (base.startsWith(".wh..wh.")) return;
    const hidden = base.slice(4);
    if (hidden === "" || hidden === "." || hidden === "..") {
      throw new ArchiveError(name, "it is a whiteout of no name");
    }
    try {
      makeNode(dirfd, this.#bytes(hidden), S_IFCHR, [0, 0]);
    } catch (error) {
      if (!isExisting(error)) throw error;
      const found = fileStatusAt(dirfd, this.#bytes(hidden), AT_SYMLINK_NOFOLLOW);
      if (isWhiteout(found)) throw error;
      // This layer has something of that name, which hides what is below, if it is no directory.
      if ((found.mode & S_IFMT) !== S_IFDIR) return;
      this.#opaque(this.#handles.get(parent === "" ? hidden : `${parent}/${hidden}`)!);
    }
  }

  /** By both names: which one overlayfs reads depends on who mounts. */
  #opaque(fd: number): void {
    for (const name of OPAQUE) {
      if (name.startsWith("trusted.") && Deno.uid() !== 0) continue;
      try {
        setXattr(fd, name, new Uint8Array([0x79]));
      } catch (error) {
        // Root of a user namespace may not use the first one, and then nobody looks at it.
        const mild = name.startsWith("trusted.") && error instanceof SyscallError &&
          error.errno === ERRNO.EPERM;
        if (!mild) throw error;
      }
    }
  }
}

async function writeSparse(
  fd: number,
  map: { size: number; pieces: readonly (readonly [number, number])[] },
  body: Body,
): Promise<void> {
  let piece = new Uint8Array();
  for (const [offset, length] of map.pieces) {
    for (let done = 0; done < length;) {
      if (piece.length === 0) piece = (await body())! as Uint8Array<ArrayBuffer>;
      const count = pwrite(fd, piece.subarray(0, length - done), offset + done);
      piece = piece.subarray(count);
      done += count;
    }
  }
  ftruncate(fd, map.size);
}

function modeOf(fd: number): number {
  return fileStatusAt(fd, "", 0x1000).mode & 0o7777;
}

function isThere(dirfd: number, base: Uint8Array): boolean {
  try {
    return !isWhiteout(fileStatusAt(dirfd, base, AT_SYMLINK_NOFOLLOW));
  } catch (error) {
    if (error instanceof SyscallError && error.errno === ERRNO.ENOENT) return false;
    throw error;
  }
}

/** The character device 0:0, overlayfs's sign for a deleted name. */
export function isWhiteout({ mode, special }: Pick<FileStatus, "mode" | "special">): boolean {
  return (mode & S_IFMT) === S_IFCHR && special[0] === 0 && special[1] === 0;
}

function isExisting(error: unknown): boolean {
  return error instanceof SyscallError && error.errno === ERRNO.EEXIST;
}

/** What the kernel refused, in the words of an archive. */
function explained(error: unknown, name: string): unknown {
  if (!(error instanceof SyscallError)) return error;
  const why: Partial<Record<string, string>> = {
    EEXIST: "the archive has it twice",
    ELOOP: "it lies below a symbolic link",
    ENOTDIR: "it lies below something that is no directory",
    EXDEV: "it leads out of the root",
    EPERM: "this user may not make it",
    EINVAL: "its owner is not in the id map",
  };
  return new ArchiveError(name, why[error.code] ?? error.message, { cause: error });
}
