/**
 * Ends what a command leaves behind where no pid namespace does it: its orphans have become
 * children of the sandbox's supervisor (PR_SET_CHILD_SUBREAPER), where they are found and killed.
 *
 * @module
 */

import { SIGNALS } from "../sys/abi/signal.ts";
import { syscall } from "../sys/libc.ts";

function children(pid: number): number[] {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`).split(" ").map(Number)
      .filter((child) => child > 0);
  } catch {
    return [];
  }
}

/** Kills all descendants of a process until it has none. Their parent reaps them. */
export async function killStragglers(pid: number): Promise<void> {
  for (let round = 0; round < 200; round++) {
    const found = children(pid);
    if (found.length === 0) return;
    for (const child of found) {
      // A child of a living parent that does not reap without need keeps its number until then.
      const pidfd = syscall("pidfd_open", child, 0);
      if (pidfd < 0) continue;
      syscall("pidfd_send_signal", pidfd, SIGNALS.SIGKILL, 0, 0);
      syscall("close", pidfd);
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
