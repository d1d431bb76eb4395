/**
 * What a file and a filesystem are: statx(2) and statfs(2), which, unlike stat(2), look the same
 * on every architecture.
 *
 * @module
 */

import * as abi from "./abi/fcntl.ts";
import { check, pathArgument, pathText, syscall } from "./libc.ts";

/** A point in time: since 1970, and before that with negative seconds. */
export interface Timestamp {
  /** Whole seconds, rounded down. */
  seconds: number;
  /** From there on, 0 to 999999999. */
  nanoseconds: number;
}

/** What statx(2) says of a file. */
export interface FileStatus {
  /** The kind (`S_IFMT`) and the permission bits. */
  mode: number;
  /** The number of hard links. */
  links: number;
  /** The owner, in the caller's user namespace. */
  uid: number;
  /** The group, in the caller's user namespace. */
  gid: number;
  /** The inode's number. */
  inode: bigint;
  /** The size in bytes. */
  size: number;
  /** How many bytes of storage it takes; fewer than `size` where it has holes. */
  storage: number;
  /** When its contents last changed. */
  modified: Timestamp;
  /** The filesystem's device, as `[major, minor]`. */
  device: [number, number];
  /** The device that a device file stands for, as `[major, minor]`. */
  special: [number, number];
  /** The mount the file was reached by, as in `/proc/self/mountinfo`. */
  mountId: number;
}

/**
 * What a file is.
 *
 * Errors: ENOENT, EACCES, ELOOP, EBADF. Permissions: `--allow-ffi`. Source: statx(2).
 *
 * @param file A descriptor, or a path.
 * @param flags `AT_SYMLINK_NOFOLLOW`, `AT_NO_AUTOMOUNT`.
 *
 * @example
 * ```ts
 * import { fileStatus, S_IFDIR, S_IFMT } from "@paddock/paddock/sys";
 *
 * console.log((fileStatus("/proc").mode & S_IFMT) === S_IFDIR); // true
 * ```
 */
export function fileStatus(file: number | string, flags = 0): FileStatus {
  return typeof file === "number"
    ? fileStatusAt(file, "", flags | abi.AT_EMPTY_PATH)
    : fileStatusAt(abi.AT_FDCWD, file, flags);
}

/**
 * What a file below a directory is.
 *
 * Errors: as {@linkcode fileStatus}, and ENOTDIR. Permissions: `--allow-ffi`. Source: statx(2).
 *
 * @param dirfd Where a relative path starts.
 * @param path Bytes, for a name that is not UTF-8.
 * @param flags `AT_SYMLINK_NOFOLLOW`, `AT_EMPTY_PATH`, `AT_NO_AUTOMOUNT`.
 */
export function fileStatusAt(dirfd: number, path: string | Uint8Array, flags = 0): FileStatus {
  const bytes = new Uint8Array(256);
  const mask = abi.STATX_BASIC_STATS | abi.STATX_MNT_ID;
  check(syscall("statx", dirfd, pathArgument(path), flags, mask, bytes), "statx", {
    get path() {
      return path.length === 0 ? `fd ${dirfd}` : pathText(path);
    },
    flags: flags === 0 ? undefined : `0x${flags.toString(16)}`,
  });
  const view = new DataView(bytes.buffer);
  return {
    links: view.getUint32(16, true),
    uid: view.getUint32(20, true),
    gid: view.getUint32(24, true),
    mode: view.getUint16(28, true),
    inode: view.getBigUint64(32, true),
    size: Number(view.getBigUint64(40, true)),
    storage: Number(view.getBigUint64(48, true)) * 512,
    modified: {
      seconds: Number(view.getBigInt64(112, true)),
      nanoseconds: view.getUint32(120, true),
    },
    special: [view.getUint32(128, true), view.getUint32(132, true)],
    device: [view.getUint32(136, true), view.getUint32(140, true)],
    mountId: Number(view.getBigUint64(144, true)),
  };
}

/** What statfs(2) says of a filesystem. */
export interface FilesystemStatus {
  /** The kind: a `*_MAGIC` constant. */
  type: number;
  /** The size of a block in bytes. */
  blockSize: number;
  /** Its size in blocks. */
  blocks: number;
  /** Blocks that an ordinary user may still take. */
  available: number;
  /** The flags of the mount, as `ST_*`: 1 read-only, 2 nosuid, 4 nodev, 8 noexec and so on. */
  flags: number;
}

/**
 * What filesystem a file is on, and how that is mounted.
 *
 * Permissions: `--allow-ffi`. Source: statfs(2).
 *
 * @param file A descriptor, or a path.
 */
export function filesystemStatus(file: number | string): FilesystemStatus {
  const bytes = new Uint8Array(120);
  if (typeof file === "number") {
    check(syscall("fstatfs", file, bytes), "fstatfs", { path: `fd ${file}` });
  } else {
    check(syscall("statfs", pathArgument(file), bytes), "statfs", { path: file });
  }
  const view = new DataView(bytes.buffer);
  const word = (at: number) => Number(view.getBigUint64(at, true));
  return {
    type: word(0),
    blockSize: word(8),
    blocks: word(16),
    available: word(32),
    flags: word(80),
  };
}
