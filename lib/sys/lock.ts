/**
 * Locks on whole files: flock(2).
 *
 * @module
 */

import * as abi from "./abi/fcntl.ts";
import { ERRNO } from "./abi/errno.ts";
import { check, syscall } from "./libc.ts";

/**
 * Takes a lock on an open file, without waiting: whether it was to be had. The kernel gives it back
 * when the last descriptor of that opening is closed, also by a crash.
 *
 * Permissions: `--allow-ffi`. Source: flock(2).
 *
 * @param kind Several may hold a `"shared"` one, or a single one an `"exclusive"` one.
 */
export function tryLock(fd: number, kind: "shared" | "exclusive"): boolean {
  const how = (kind === "shared" ? abi.LOCK_SH : abi.LOCK_EX) | abi.LOCK_NB;
  const result = syscall("flock", fd, how);
  if (result === -ERRNO.EAGAIN) return false;
  check(result, "flock", { path: `fd ${fd}` });
  return true;
}

/** Gives a lock back. Permissions: `--allow-ffi`. Source: flock(2). */
export function unlock(fd: number): void {
  check(syscall("flock", fd, abi.LOCK_UN), "flock", { path: `fd ${fd}` });
}
