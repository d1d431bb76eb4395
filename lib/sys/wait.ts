/**
 * Waiting for children: waitid(2).
 *
 * @module
 */

import * as abi from "./abi/wait.ts";
import { signalName } from "./abi/signal.ts";
import { uninterrupted } from "./calls.ts";
import { flagNames } from "./flag_names.ts";
import { check, syscall } from "./libc.ts";

/** How a child ended, stopped or went on. */
export interface WaitResult {
  /** The child's process id. */
  pid: number;
  /** The child's real user id. */
  uid: number;
  /** A `CLD_*` constant. */
  reason: number;
  /** The exit status of a child that exited. */
  code?: number;
  /** The signal that killed, stopped or continued it, such as `"SIGKILL"`. */
  signal?: string;
  /** Whether it left a core dump. */
  coreDumped: boolean;
  /** What it and its waited-for descendants used. */
  usage: Usage;
}

/** The part of `struct rusage` that Linux fills. */
export interface Usage {
  /** Processor time in user mode, in milliseconds. */
  userMs: number;
  /** Processor time in the kernel, in milliseconds. */
  systemMs: number;
  /** The largest resident size, in KiB. */
  maxRssKiB: number;
  /** Page faults that needed no reading. */
  minorFaults: number;
  /** Page faults that needed reading. */
  majorFaults: number;
  /** Context switches that it asked for by waiting. */
  voluntarySwitches: number;
  /** Context switches that were forced on it. */
  involuntarySwitches: number;
}

/** The size of `struct rusage` in bytes, on every 64-bit architecture. */
export const RUSAGE_SIZE = 144;

/** Reads a `struct rusage` of {@linkcode RUSAGE_SIZE} bytes. */
export function decodeUsage(bytes: Uint8Array): Usage {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const long = (index: number) => Number(view.getBigInt64(index * 8, true));
  return {
    userMs: long(0) * 1000 + long(1) / 1000,
    systemMs: long(2) * 1000 + long(3) / 1000,
    maxRssKiB: long(4),
    minorFaults: long(8),
    majorFaults: long(9),
    voluntarySwitches: long(14),
    involuntarySwitches: long(15),
  };
}

/**
 * Waits for a child to change, or with `WNOHANG` only asks; then undefined says "not yet". Without
 * `WNOHANG` all of JavaScript stands still meanwhile: to wait asynchronously, watch a pidfd by
 * epoll.
 *
 * Errors: ECHILD (no such child, or reaped already), EINVAL. Permissions: `--allow-ffi`. Source:
 * waitid(2).
 *
 * @param kind `P_PID`, `P_PGID`, `P_PIDFD` or `P_ALL`.
 * @param id The pid, process group or pidfd.
 * @param options `WEXITED`, `WSTOPPED`, `WCONTINUED`, `WNOHANG`, `WNOWAIT`, `__WALL`, or'ed.
 */
export function waitid(
  kind: number,
  id: number,
  options: number = abi.WEXITED,
): WaitResult | undefined {
  const info = new Uint8Array(128);
  const rusage = new Uint8Array(RUSAGE_SIZE);
  check(
    uninterrupted(() => syscall("waitid", kind, id, info, options, rusage)),
    "waitid",
    {
      path: kind === abi.P_PIDFD ? `fd ${id}` : `${id}`,
      get flags() {
        return flagNames(options, abi, /^(__)?W/);
      },
    },
  );
  const view = new DataView(info.buffer);
  const pid = view.getInt32(16, true);
  if (pid === 0) return undefined;
  const reason = view.getInt32(8, true);
  const status = view.getInt32(24, true);
  return {
    pid,
    uid: view.getUint32(20, true),
    reason,
    ...(reason === abi.CLD_EXITED ? { code: status } : { signal: signalName(status) }),
    coreDumped: reason === abi.CLD_DUMPED,
    usage: decodeUsage(rusage),
  };
}
