/**
 * The end of a command: what is told of it, and paddock's exit code.
 *
 * @module
 */

import type { SandboxStatus } from "../run/child.ts";

/** Tells what there is to tell of the end, and makes the exit code of it. */
export async function finish(status: SandboxStatus, json: boolean): Promise<number> {
  const filtered = status.filteredSyscalls ?? [];
  if (json || status.hookErrors.length > 0 || filtered.length > 0) {
    const { complain, oneLine } = await import("./failure.ts");
    const hookErrors = status.hookErrors.map(oneLine);
    for (const text of hookErrors) complain(`paddock: ${text}`);
    if (filtered.length > 0 && !json) {
      const words = filtered.map(({ name, result, count }) => `${name} ${result} (${count})`);
      complain(`paddock: filtered system calls: ${words.join(", ")}`);
    }
    // Last, so that a reader finds it behind whatever the command wrote to the same descriptor.
    if (json) complain(JSON.stringify({ ...status, hookErrors }));
  }
  return status.timedOut ? 124 : status.code;
}
