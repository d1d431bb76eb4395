/**
 * Who the calling process is: credentials(7).
 *
 * Only questions: changing ids by a system call changes one thread of Deno's, not the process.
 *
 * @module
 */

import { check, syscall } from "./libc.ts";

/** The real user id, in the caller's user namespace. Permissions: `--allow-ffi`. Source: getuid(2). */
export function getuid(): number {
  return syscall("getuid");
}

/** The effective user id. Permissions: `--allow-ffi`. Source: geteuid(2). */
export function geteuid(): number {
  return syscall("geteuid");
}

/** The real group id. Permissions: `--allow-ffi`. Source: getgid(2). */
export function getgid(): number {
  return syscall("getgid");
}

/** The effective group id. Permissions: `--allow-ffi`. Source: getegid(2). */
export function getegid(): number {
  return syscall("getegid");
}

/**
 * The supplementary group ids.
 *
 * Permissions: `--allow-ffi`. Source: getgroups(2).
 *
 * @example
 * ```ts
 * import { getgroups, getuid } from "@paddock/paddock/sys";
 *
 * console.log(getuid(), getgroups());
 * ```
 */
export function getgroups(): number[] {
  const count = check(syscall("getgroups", 0, null), "getgroups");
  // One long at least: the address of an empty buffer is null.
  const groups = new Uint32Array(Math.max(count, 1));
  const filled = check(syscall("getgroups", count, groups), "getgroups");
  return [...groups.subarray(0, filled)];
}

/** The process id, in the caller's pid namespace. Permissions: `--allow-ffi`. Source: getpid(2). */
export function getpid(): number {
  return syscall("getpid");
}

/** The id of the thread that runs JavaScript. Permissions: `--allow-ffi`. Source: gettid(2). */
export function gettid(): number {
  return syscall("gettid");
}
