/**
 * The processes of a detached sandbox, for whoever comes later. Each is opened by its identity, so
 * a signal reaches it or nobody.
 *
 * @module
 */

import { reactor } from "../../agent/reactor.ts";
import { SandboxCgroup } from "../../cgroup/cgroup.ts";
import { SandboxError, SyscallError } from "../../errors.ts";
import { hasEnded, openProcess, type ProcessIdentity } from "../../state/identity.ts";
import type { ProcessRecords, SandboxRecord } from "../../state/record.ts";
import { EPOLLIN } from "../../sys/abi/poll.ts";
import { close } from "../../sys/file.ts";
import { pidfdSendSignal } from "../../sys/pidfd.ts";

/** How long what was killed may take to be gone, in milliseconds. */
const PATIENCE = 10_000;

/** Sends a signal to one of its processes: whether that was there to get it. */
export function signalProcess(
  record: SandboxRecord,
  role: keyof ProcessRecords,
  signal: number,
): boolean {
  const identity = record.processes?.[role];
  const pidfd = identity === undefined ? undefined : openProcess(identity);
  if (pidfd === undefined) return false;
  try {
    pidfdSendSignal(pidfd, signal);
    return true;
  } catch (error) {
    if (error instanceof SyscallError && error.code === "ESRCH") return false;
    throw error;
  } finally {
    close(pidfd);
  }
}

/** Resolves to whether a process has ended, after so many milliseconds at most. */
export async function waitForEnd(identity: ProcessIdentity, limit?: number): Promise<boolean> {
  const pidfd = openProcess(identity);
  if (pidfd === undefined) return true;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = limit === undefined ? undefined : setTimeout(() => resolve(false), limit);
  reactor().hold();
  // It is asked again: what is told may be of a descriptor that had this number before.
  reactor().watch(pidfd, EPOLLIN, () => {
    if (hasEnded(pidfd)) resolve(true);
  });
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    reactor().unwatch(pidfd);
    reactor().release();
    close(pidfd);
  }
}

/** Lets go on what only version 1 of cgroups has frozen: such a process does not even die. */
export function letDie({ cgroups, cgroupLayout }: SandboxRecord): void {
  if (cgroups.length > 0) new SandboxCgroup(cgroupLayout, cgroups, 1).letDie();
}

/** Kills everything in it, and resolves when it is gone. */
export async function killAll(record: SandboxRecord): Promise<void> {
  const { processes } = record;
  if (processes === undefined) return;
  letDie(record);
  const SIGKILL = 9;
  // Pid 1 kills the rest and tells how the command ended; if it cannot, the keeper tells of it.
  if (!signalProcess(record, "command", SIGKILL)) signalProcess(record, "first", SIGKILL);
  if (await waitForEnd(processes.keeper, PATIENCE / 5)) {
    if (await waitForEnd(processes.first, PATIENCE)) return;
  }
  signalProcess(record, "first", SIGKILL);
  if (await waitForEnd(processes.keeper, PATIENCE)) return;
  throw new SandboxError(
    `the sandbox ${record.id} does not end: pid 1 is ${processes.first.pid}, the keeper ` +
      `${processes.keeper.pid}`,
  );
}
