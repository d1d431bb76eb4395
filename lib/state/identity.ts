/**
 * Who a process is, for somebody who comes later. A pid alone may be another process's by then: its
 * start time says which, and from Linux 6.9 on the inode of its pidfd, which no two processes of one
 * boot share. pid_namespaces(7), proc_pid_stat(5), pidfd_open(2).
 *
 * @module
 */

import { SyscallError } from "../errors.ts";
import { PID_FS_MAGIC } from "../sys/abi/mount.ts";
import { POLLIN } from "../sys/abi/poll.ts";
import { close } from "../sys/file.ts";
import { rawSyscall } from "../sys/libc.ts";
import { pidfdOpen } from "../sys/pidfd.ts";
import { fileStatus, filesystemStatus } from "../sys/stat.ts";
import { SYS } from "../sys/syscall_numbers.ts";

/** A process, told from all others before and after it. */
export interface ProcessIdentity {
  /** Its number, in the pid namespace of whoever wrote this. */
  readonly pid: number;
  /** When it was started, in clock ticks since the boot. */
  readonly start: string;
  /** Which boot that was: the kernel's `boot_id`. */
  readonly boot: string;
  /** The inode of its pidfd, where the kernel has a filesystem of them (Linux 6.9). */
  readonly inode?: string;
}

let boot: string | undefined;

/** The kernel's name for the time since it was started. random(4). */
export function bootId(): string {
  return boot ??= Deno.readTextFileSync("/proc/sys/kernel/random/boot_id").trim();
}

/** The inode of this program's pid namespace, in which all pids are that it reads. */
export function ownPidNamespace(): string {
  return /\d+/.exec(Deno.readLinkSync("/proc/self/ns/pid"))![0];
}

/**
 * State and start time of whoever has this pid now; undefined if nobody has. The name stands in
 * parentheses and may itself hold some. proc_pid_stat(5), fields 3 and 22.
 */
export function statOf(pid: number): { state: string; start: string } | undefined {
  let text: string;
  try {
    text = Deno.readTextFileSync(`/proc/${pid}/stat`);
  } catch {
    return undefined;
  }
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { state: fields[0]!, start: fields[19]! };
}

let hasPidfs: boolean | undefined;

/** The inode that a pidfd's process has for itself; undefined on an older kernel. */
function inodeOf(pidfd: number): string | undefined {
  hasPidfs ??= filesystemStatus(pidfd).type === PID_FS_MAGIC;
  return hasPidfs ? `${fileStatus(pidfd).inode}` : undefined;
}

/** Who nobody is: of a process that had ended before it could be looked at. */
export function nobody(pid: number): ProcessIdentity {
  return { pid: Math.max(pid, 1), start: "0", boot: "-" };
}

/** Who a living process is. `pidfd` is a descriptor of it, if there is one already. */
export function identityOf(pid: number, pidfd?: number): ProcessIdentity {
  const own = pidfd ?? pidfdOpen(pid);
  try {
    const stat = statOf(pid);
    const inode = inodeOf(own);
    // What was read may be another process's, if this one has ended.
    if (stat === undefined || hasEnded(own)) return nobody(pid);
    return {
      pid,
      start: stat.start,
      boot: bootId(),
      ...(inode === undefined ? {} : { inode }),
    };
  } finally {
    if (pidfd === undefined) close(own);
  }
}

/** Whether a pidfd's process has ended, maybe without anybody having asked yet. */
export function hasEnded(pidfd: number): boolean {
  const polled = new Int32Array([pidfd, POLLIN]);
  return rawSyscall(SYS.ppoll, polled, 1, new BigUint64Array(2), 0, 8) > 0;
}

/**
 * Opens a process by its identity: a pidfd of that very process, or undefined if it has ended.
 *
 * It is looked at after it was opened. Whoever has the recorded start time has had the pid ever
 * since, so the pidfd, which was opened in between, is that process's.
 */
export function openProcess(identity: ProcessIdentity): number | undefined {
  if (identity.boot !== bootId()) return undefined;
  let pidfd: number;
  try {
    pidfd = pidfdOpen(identity.pid);
  } catch (error) {
    // EINVAL or ENOENT: a thread's number, so it is somebody else's by now.
    if (error instanceof SyscallError && ["ESRCH", "EINVAL", "ENOENT"].includes(error.code)) {
      return undefined;
    }
    throw error;
  }
  try {
    const inode = inodeOf(pidfd);
    const same = identity.inode !== undefined && inode !== undefined
      ? identity.inode === inode
      : statOf(identity.pid)?.start === identity.start;
    if (same && !hasEnded(pidfd)) return pidfd;
  } catch (error) {
    close(pidfd);
    throw error;
  }
  close(pidfd);
  return undefined;
}

/** Whether that very process lives. A process that nobody has waited for yet does not. */
export function isAlive(identity: ProcessIdentity): boolean {
  const pidfd = openProcess(identity);
  if (pidfd === undefined) return false;
  close(pidfd);
  return true;
}
