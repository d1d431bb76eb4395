/**
 * What a file and a filesystem are: statx(2) and statfs(2), which, unlike stat(2), look the same
 * on every architecture.
 *
 * @module
 */

import * as abi from "./abi/fcntl.ts";
import { check, cString, syscall } from "./libc.ts";

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
  const bytes = new Uint8Array(256);
  const dirfd = typeof file === "number" ? file : abi.AT_FDCWD;
  const path = cString(typeof file === "number" ? "" : file);
  const all = flags | (typeof file === "number" ? abi.AT_EMPTY_PATH : 0);
  const mask = abi.STATX_BASIC_STATS | abi.STATX_MNT_ID;
  check(syscall("statx", dirfd, path, all, mask, bytes), "statx", {
    path: typeof file === "number" ? `fd ${file}` : file,
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
    check(syscall("statfs", cString(file), bytes), "statfs", { path: file });
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
