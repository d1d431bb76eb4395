/**
 * Actions as the 32-bit values that a filter returns, and back. seccomp(2).
 *
 * @module
 */

import type { SeccompAction } from "../spec.ts";
import { ERRNO, errnoName } from "../sys/abi/errno.ts";
import {
  SECCOMP_RET_ALLOW,
  SECCOMP_RET_DATA,
  SECCOMP_RET_ERRNO,
  SECCOMP_RET_KILL_PROCESS,
  SECCOMP_RET_KILL_THREAD,
  SECCOMP_RET_LOG,
  SECCOMP_RET_TRACE,
  SECCOMP_RET_TRAP,
  SECCOMP_RET_USER_NOTIF,
} from "../sys/abi/seccomp.ts";

const VALUES = {
  allow: SECCOMP_RET_ALLOW,
  log: SECCOMP_RET_LOG,
  trap: SECCOMP_RET_TRAP,
  kill: SECCOMP_RET_KILL_PROCESS,
  "kill-thread": SECCOMP_RET_KILL_THREAD,
  notify: SECCOMP_RET_USER_NOTIF,
} as const;

/** The names of the actions that are no errno. */
export const ACTION_NAMES = Object.keys(VALUES) as (keyof typeof VALUES)[];

/** The number of an errno by name or number; undefined for what is none. The kernel takes up to 4095. */
export function errnoNumber(errno: unknown): number | undefined {
  if (typeof errno === "string") {
    return Object.hasOwn(ERRNO, errno) ? ERRNO[errno as keyof typeof ERRNO] : undefined;
  }
  return Number.isInteger(errno) && errno as number >= 0 && errno as number <= 4095
    ? errno as number
    : undefined;
}

/** What a filter returns for an action. */
export function actionValue(action: SeccompAction): number {
  return typeof action === "string"
    ? VALUES[action]
    : (SECCOMP_RET_ERRNO | errnoNumber(action.errno)!) >>> 0;
}

/** What a value that a filter returned means, in words. */
export function describeValue(value: number): string {
  const action = (value & ~SECCOMP_RET_DATA) >>> 0, data = value & SECCOMP_RET_DATA;
  if (action === SECCOMP_RET_ERRNO) return data === 0 ? "pretend success" : errnoName(data);
  if (action === SECCOMP_RET_TRACE) return `trace ${data}`;
  const name = ACTION_NAMES.find((entry) => VALUES[entry] === action);
  // An action that the kernel does not know kills.
  return name ?? `kill (by the unknown action 0x${action.toString(16)})`;
}
