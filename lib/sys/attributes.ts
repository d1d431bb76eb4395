/**
 * Whose a file is and what may be done with it: fchownat(2), fchmod(2), utimensat(2), xattr(7).
 *
 * @module
 */

import * as abi from "./abi/fcntl.ts";
import { ERRNO } from "./abi/errno.ts";
import { check, pathArgument, pathText, syscall } from "./libc.ts";
import type { FileName } from "./directory.ts";
import type { Timestamp } from "./stat.ts";

/** Text of an error, made only when there is one. */
function about(fd: number, name: FileName): { readonly path: string } {
  return {
    get path() {
      return name.length === 0 ? `fd ${fd}` : pathText(name);
    },
  };
}

/**
 * Gives a file to a user and a group; a symbolic link is changed itself. With an empty name, the
 * descriptor's own file. Set-uid bits and file capabilities are lost by it.
 *
 * Errors: EPERM (CAP_CHOWN), EINVAL (an id that the user namespace does not have), EROFS.
 * Permissions: `--allow-ffi`. Source: fchownat(2).
 */
export function changeOwner(fd: number, name: FileName, uid: number, gid: number): void {
  const flags = abi.AT_SYMLINK_NOFOLLOW | (name.length === 0 ? abi.AT_EMPTY_PATH : 0);
  check(syscall("fchownat", fd, pathArgument(name), uid, gid, flags), "fchownat", about(fd, name));
}

/** Sets the permission bits of an open file (not one opened by `O_PATH`). Permissions: `--allow-ffi`. Source: fchmod(2). */
export function changeMode(fd: number, mode: number): void {
  check(syscall("fchmod", fd, mode), "fchmod", about(fd, ""));
}

const times = new Int32Array(8);

/**
 * Sets when a file was last read and changed, both to the same time; a symbolic link's own. With
 * an empty name, the descriptor's own file. Permissions: `--allow-ffi`. Source: utimensat(2).
 */
export function changeTimes(fd: number, name: FileName, time: Timestamp): void {
  // Two `struct timespec`, each of two 64-bit words, low half first.
  for (const at of [0, 4]) {
    times[at] = time.seconds;
    times[at + 1] = Math.floor(time.seconds / 2 ** 32);
    times[at + 2] = time.nanoseconds;
  }
  const result = name.length === 0
    ? syscall("utimensat", fd, 0, times, 0)
    : syscall("utimensat", fd, pathArgument(name), times, abi.AT_SYMLINK_NOFOLLOW);
  check(result, "utimensat", about(fd, name));
}

/**
 * Sets an extended attribute of an open file, e.g. `"user.comment"`. Errors: EOPNOTSUPP (this
 * filesystem or this kind of file has none), EPERM, ENOSPC, ERANGE. Permissions: `--allow-ffi`.
 * Source: fsetxattr(2).
 */
export function setXattr(fd: number, name: string, value: Uint8Array): void {
  // One byte at least: the address of an empty buffer is null.
  const bytes = value.length === 0 ? new Uint8Array(1) : value;
  const result = syscall("fsetxattr", fd, pathArgument(name), bytes, value.length, 0);
  check(result, "fsetxattr", { path: `fd ${fd}`, dest: name });
}

/**
 * The value of an extended attribute of an open file; undefined where it has none of that name.
 * Permissions: `--allow-ffi`. Source: fgetxattr(2).
 */
export function getXattr(fd: number, name: string): Uint8Array<ArrayBuffer> | undefined {
  const value = new Uint8Array(65536);
  const length = syscall("fgetxattr", fd, pathArgument(name), value, value.length);
  if (length === -ERRNO.ENODATA || length === -ERRNO.EOPNOTSUPP) return undefined;
  check(length, "fgetxattr", { path: `fd ${fd}`, dest: name });
  return value.slice(0, length);
}

/** The names of all extended attributes that an open file has. Permissions: `--allow-ffi`. Source: flistxattr(2). */
export function listXattrs(fd: number): string[] {
  const list = new Uint8Array(65536);
  const length = syscall("flistxattr", fd, list, list.length);
  if (length === -ERRNO.EOPNOTSUPP) return [];
  check(length, "flistxattr", about(fd, ""));
  return new TextDecoder().decode(list.subarray(0, length)).split("\0").slice(0, -1);
}
