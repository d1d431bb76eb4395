/**
 * The names in a directory: mkdirat(2), symlinkat(2), linkat(2), mknodat(2), unlinkat(2),
 * renameat2(2), readlinkat(2), getdents(2).
 *
 * Each takes the directory as a descriptor and never follows a symbolic link in the last place, so
 * that with a descriptor from {@linkcode openat2} and a plain name nothing outside can be reached.
 * Names may be bytes, for the kernel's are.
 *
 * @module
 */

import * as abi from "./abi/fcntl.ts";
import { flagNames } from "./flag_names.ts";
import { check, pathArgument, pathText, syscall } from "./libc.ts";

/** A name: text, or bytes where it may not be UTF-8. */
export type FileName = string | Uint8Array;

/**
 * Makes a directory. Errors: EEXIST, ENOENT, ENOTDIR, EACCES, ENOSPC. The umask takes from `mode`.
 *
 * Permissions: `--allow-ffi`. Source: mkdirat(2).
 */
export function makeDirectory(dirfd: number, name: FileName, mode = 0o777): void {
  check(syscall("mkdirat", dirfd, pathArgument(name), mode), "mkdirat", {
    get path() {
      return pathText(name);
    },
  });
}

/** Makes a symbolic link that says `target`. Errors: EEXIST. Permissions: `--allow-ffi`. Source: symlinkat(2). */
export function makeSymlink(target: FileName, dirfd: number, name: FileName): void {
  check(syscall("symlinkat", pathArgument(target), dirfd, pathArgument(name)), "symlinkat", {
    get path() {
      return pathText(target);
    },
    get dest() {
      return pathText(name);
    },
  });
}

/**
 * Gives a file another name. If it is a symbolic link, the link itself gets it. Errors: EEXIST,
 * ENOENT, EPERM (a directory), EXDEV, EMLINK. Permissions: `--allow-ffi`. Source: linkat(2).
 */
export function makeLink(
  fromDirfd: number,
  from: FileName,
  dirfd: number,
  name: FileName,
): void {
  check(syscall("linkat", fromDirfd, pathArgument(from), dirfd, pathArgument(name), 0), "linkat", {
    get path() {
      return pathText(from);
    },
    get dest() {
      return pathText(name);
    },
  });
}

/**
 * Makes a fifo, a socket's file, a regular file or a device's, by the `S_IF*` bits of `mode`. The
 * character device 0:0, which overlayfs takes for a deleted name, needs no privilege (Linux 5.8).
 * Errors: EEXIST, EPERM. Permissions: `--allow-ffi`. Source: mknodat(2).
 */
export function makeNode(
  dirfd: number,
  name: FileName,
  mode: number,
  device: [number, number] = [0, 0],
): void {
  const [major, minor] = device;
  // The kernel's own encoding: 12 bits of major between the 8 low and the 12 high ones of minor.
  const number = (minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12);
  check(syscall("mknodat", dirfd, pathArgument(name), mode, number >>> 0), "mknodat", {
    get path() {
      return pathText(name);
    },
  });
}

/**
 * Removes a name; with `AT_REMOVEDIR`, an empty directory. Errors: ENOENT, EISDIR, ENOTEMPTY,
 * EACCES. Permissions: `--allow-ffi`. Source: unlinkat(2).
 */
export function removeName(dirfd: number, name: FileName, flags = 0): void {
  check(syscall("unlinkat", dirfd, pathArgument(name), flags), "unlinkat", {
    get path() {
      return pathText(name);
    },
    flags: flags & abi.AT_REMOVEDIR ? "AT_REMOVEDIR" : undefined,
  });
}

/**
 * Renames. With `RENAME_NOREPLACE` an existing target is EEXIST; `RENAME_EXCHANGE` swaps the two.
 * Errors: ENOENT, ENOTEMPTY, EXDEV. Permissions: `--allow-ffi`. Source: renameat2(2).
 */
export function rename(
  fromDirfd: number,
  from: FileName,
  dirfd: number,
  name: FileName,
  flags = 0,
): void {
  const result = syscall(
    "renameat2",
    fromDirfd,
    pathArgument(from),
    dirfd,
    pathArgument(name),
    flags,
  );
  check(result, "renameat2", {
    get path() {
      return pathText(from);
    },
    get dest() {
      return pathText(name);
    },
    get flags() {
      return flagNames(flags, abi, "RENAME_");
    },
  });
}

/** What a symbolic link says, in bytes. Errors: EINVAL (none). Permissions: `--allow-ffi`. Source: readlinkat(2). */
export function readLink(dirfd: number, name: FileName): Uint8Array<ArrayBuffer> {
  const path = pathArgument(name);
  const into = new Uint8Array(4096);
  const length = check(syscall("readlinkat", dirfd, path, into, into.length), "readlinkat", {
    get path() {
      return pathText(name);
    },
  });
  return into.slice(0, length);
}

/** An entry of a directory. */
export interface DirectoryEntry {
  /** Its name, in bytes. */
  name: Uint8Array<ArrayBuffer>;
  /** The inode's number. */
  inode: bigint;
  /** What it is: `DT_*` of getdents(2); 0 where the filesystem does not say. */
  type: number;
}

/**
 * The entries of an open directory from its current position on, without `.` and `..`, in the
 * filesystem's order. Permissions: `--allow-ffi`. Source: getdents(2).
 *
 * @example
 * ```ts
 * import { close, O_DIRECTORY, open, readDirectory } from "@paddock/paddock/sys";
 *
 * const fd = open("/usr", { flags: O_DIRECTORY });
 * for (const { name } of readDirectory(fd)) console.log(new TextDecoder().decode(name));
 * close(fd);
 * ```
 */
export function* readDirectory(fd: number): Generator<DirectoryEntry> {
  const buffer = new Uint8Array(32768);
  const view = new DataView(buffer.buffer);
  for (;;) {
    const length = check(syscall("getdents64", fd, buffer, buffer.length), "getdents64", {
      path: `fd ${fd}`,
    });
    if (length === 0) return;
    // Copied first: whoever takes the entries may read another directory in between.
    const entries: DirectoryEntry[] = [];
    for (let at = 0; at < length; at += view.getUint16(at + 16, true)) {
      const end = buffer.indexOf(0, at + 19);
      const name = buffer.slice(at + 19, end);
      const dot = name[0] === 0x2e &&
        (name.length === 1 || (name.length === 2 && name[1] === 0x2e));
      if (dot) continue;
      entries.push({ name, inode: view.getBigUint64(at, true), type: buffer[at + 18]! });
    }
    yield* entries;
  }
}
