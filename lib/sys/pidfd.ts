/**
 * Descriptors of processes: pidfd_open(2) and its family. A pid may belong to another process by
 * the time one uses it; a pidfd never does.
 *
 * @module
 */

import { ERRNO } from "./abi/errno.ts";
import { type SignalName, SIGNALS } from "./abi/signal.ts";
import { __WALL, P_PIDFD, WEXITED } from "./abi/wait.ts";
import { close, open, readAll } from "./file.ts";
import { check, syscall } from "./libc.ts";
import { waitid, type WaitResult } from "./wait.ts";

/**
 * Opens a process. The descriptor polls readable when it has ended, and is close-on-exec.
 *
 * Errors: ESRCH, EINVAL (a thread, not a process), ENOSYS. Permissions: `--allow-ffi`. Source:
 * pidfd_open(2), Linux 5.3.
 *
 * @param flags `PIDFD_NONBLOCK`, and from Linux 6.9 `PIDFD_THREAD`.
 *
 * @example
 * ```ts
 * import { pidfdOpen, pidfdSendSignal, waitPidfd } from "@paddock/paddock/sys";
 *
 * const child = new Deno.Command("sleep", { args: ["60"] }).spawn();
 * const pidfd = pidfdOpen(child.pid);
 * pidfdSendSignal(pidfd, "SIGTERM");
 * await child.status;
 * ```
 */
export function pidfdOpen(pid: number, flags = 0): number {
  return check(syscall("pidfd_open", pid, flags), "pidfd_open", { path: `${pid}` });
}

/**
 * Sends a signal. Signal 0 only asks whether the process is there.
 *
 * Errors: ESRCH (it ended), EPERM, EINVAL. Permissions: `--allow-ffi`. Source: pidfd_send_signal(2).
 */
export function pidfdSendSignal(pidfd: number, signal: SignalName | number): void {
  const number = typeof signal === "number" ? signal : SIGNALS[signal];
  check(syscall("pidfd_send_signal", pidfd, number, null, 0), "pidfd_send_signal", {
    path: `fd ${pidfd}`,
    flags: `${signal}`,
  });
}

/**
 * A duplicate of another process's descriptor, close-on-exec.
 *
 * Errors: EPERM (not allowed to ptrace it), EBADF (it has no such descriptor), ESRCH. Permissions:
 * `--allow-ffi`. Source: pidfd_getfd(2), Linux 5.6.
 */
export function pidfdGetfd(pidfd: number, fd: number): number {
  return check(syscall("pidfd_getfd", pidfd, fd, 0), "pidfd_getfd", {
    path: `fd ${pidfd}`,
    dest: `fd ${fd}`,
  });
}

/**
 * Waits for a child by its pidfd and reaps it; see {@linkcode waitid}.
 *
 * Errors: ECHILD (not a child, or reaped by Deno already), EAGAIN (a non-blocking pidfd).
 * Permissions: `--allow-ffi`. Source: waitid(2), P_PIDFD, Linux 5.4.
 *
 * @param options Of `WEXITED`, `WNOHANG` and so on.
 */
export function waitPidfd(
  pidfd: number,
  options: number = WEXITED | __WALL,
): WaitResult | undefined {
  return waitid(P_PIDFD, pidfd, options);
}

/**
 * The process id behind a pidfd, or undefined when it has been reaped or is in no pid namespace
 * that this process sees.
 *
 * Permissions: `--allow-ffi`. Source: pidfd_open(2), `/proc/self/fdinfo`.
 */
export function pidOfPidfd(pidfd: number): number | undefined {
  const info = open(`/proc/thread-self/fdinfo/${pidfd}`);
  try {
    const text = new TextDecoder().decode(readAll(info));
    const pid = Number(/^Pid:\s*(-?\d+)$/m.exec(text)?.[1] ?? NaN);
    // EBADF, because a descriptor that is no pidfd has no such line.
    if (Number.isNaN(pid)) check(-ERRNO.EBADF, "pidfd_open", { path: `fd ${pidfd}` });
    return pid > 0 ? pid : undefined;
  } finally {
    close(info);
  }
}
