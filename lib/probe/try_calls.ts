/**
 * Tries system calls in a process of its own, which ends at once.
 *
 * @module
 */

import { SyscallError } from "../errors.ts";
import { type RawStep, spawnRaw } from "../sys/clone.ts";
import { close } from "../sys/file.ts";
import { waitPidfd } from "../sys/pidfd.ts";

/**
 * Makes a process with these flags of clone3 that makes these calls, and no more: the first error.
 * Nothing of it is left.
 */
export function tryCalls(flags: number, steps: readonly RawStep[] = []): SyscallError | undefined {
  try {
    const child = spawnRaw({
      flags,
      // Never executed.
      path: "/",
      steps: [...steps, { name: "exit_group", args: [0] }],
    });
    waitPidfd(child.pidfd);
    close(child.pidfd);
    return undefined;
  } catch (error) {
    if (error instanceof SyscallError) return error;
    throw error;
  }
}
