/**
 * unshare(2) and setns(2): other namespaces for the calling thread.
 *
 * Both work on one thread, and Deno has many: what JavaScript does synchronously is in the new
 * namespace, what Deno does on its pool (reading a file asynchronously, say) stays in the old one.
 * Namespaces that all threads must share cannot be changed at all; {@linkcode spawnRaw} makes a
 * process in them instead.
 *
 * @module
 */

import * as abi from "./abi/clone.ts";
import { ERRNO } from "./abi/errno.ts";
import { flagNames } from "./flag_names.ts";
import { check, syscall } from "./libc.ts";

/**
 * Moves the calling thread into new namespaces.
 *
 * The kernel refuses `CLONE_NEWUSER` with EINVAL in a process with threads, which Deno always is.
 * A new mount namespace also gives the thread its own working directory and root.
 *
 * Errors: EINVAL (an unknown flag, or one a threaded process may not use), EPERM (not
 * CAP_SYS_ADMIN in the user namespace), ENOSPC (the sysctls of `/proc/sys/user` are used up).
 * Permissions: `--allow-ffi`. Source: unshare(2).
 *
 * @param flags `CLONE_NEW*`, `CLONE_FS`, `CLONE_FILES` or `CLONE_SYSVSEM`, or'ed.
 *
 * @example
 * ```ts
 * import { CLONE_NEWUTS, unshare } from "@paddock/paddock/sys";
 *
 * unshare(CLONE_NEWUTS); // needs root
 * ```
 */
export function unshare(flags: number): void {
  const result = syscall("unshare", flags);
  const threaded = abi.CLONE_NEWUSER | abi.CLONE_VM | abi.CLONE_THREAD | abi.CLONE_SIGHAND;
  check(result, "unshare", {
    get flags() {
      return flagNames(flags, abi, "CLONE_");
    },
    hint: result === -ERRNO.EINVAL && (flags & threaded) !== 0
      ? "a process with threads, as Deno is, cannot do this: start a process in the new namespaces"
      : undefined,
  });
}

/**
 * Moves the calling thread into existing namespaces.
 *
 * Errors: EINVAL (not of that kind, or a namespace that a threaded process may not enter: user,
 * time, and mount while the thread shares its working directory), EPERM (not CAP_SYS_ADMIN over
 * the target), EBADF. Permissions: `--allow-ffi`. Source: setns(2).
 *
 * @param fd A namespace file (`/proc/PID/ns/*`) or, from Linux 5.8, a pidfd.
 * @param types The kind the file must be of, 0 for any; with a pidfd, all kinds to enter.
 */
export function setns(fd: number, types = 0): void {
  check(syscall("setns", fd, types), "setns", {
    path: `fd ${fd}`,
    get flags() {
      return flagNames(types, abi, "CLONE_");
    },
  });
}
