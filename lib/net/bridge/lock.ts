/**
 * One at a time, over all programs: who makes or removes a bridge holds this lock alone, who only
 * uses one shares it.
 *
 * @module
 */

import { uninterrupted } from "../../sys/calls.ts";
import { AT_FDCWD, O_CLOEXEC, O_CREAT, O_RDWR } from "../../sys/abi/fcntl.ts";
import { check, cString, syscall } from "../../sys/libc.ts";

const LOCK_SH = 1, LOCK_EX = 2;

/** A file of root's own, for others could hold a lock on a file that they may open. */
function lockPath(): string {
  const inode = /\d+/.exec(Deno.readLinkSync("/proc/thread-self/ns/net"))![0];
  return `/run/paddock-network-${inode}.lock`;
}

/**
 * Runs `use` under the lock of this network namespace. It must not wait for anything: the lock is
 * this thread's as well. `remove` tells whether the file can go.
 */
export function underLock<T>(
  kind: "shared" | "alone",
  use: (lock: { remove(): void }) => T,
): T {
  const path = lockPath();
  for (;;) {
    const flags = O_RDWR | O_CREAT | O_CLOEXEC;
    const fd = check(syscall("openat", AT_FDCWD, cString(path), flags, 0o600), "openat", { path });
    try {
      const operation = kind === "alone" ? LOCK_EX : LOCK_SH;
      check(uninterrupted(() => syscall("flock", fd, operation)), "flock", { path });
      if (!isStillThere(path, fd)) continue;
      return use({ remove: () => Deno.removeSync(path) });
    } finally {
      syscall("close", fd);
    }
  }
}

/** Whether the path still leads to the file that is open: its last user may have removed it. */
function isStillThere(path: string, fd: number): boolean {
  try {
    return Deno.statSync(path).ino === Deno.statSync(`/proc/self/fd/${fd}`).ino;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
