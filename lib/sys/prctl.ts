/**
 * prctl(2): attributes of the calling thread, or where it says so, of the whole process. Deno has
 * many threads: an attribute of one is not the process's.
 *
 * @module
 */

import * as abi from "./abi/prctl.ts";
import { CAPABILITIES, type CapabilityName } from "./abi/capability.ts";
import { type SignalName, SIGNALS } from "./abi/signal.ts";
import { check, cString, syscall, type SyscallArgument } from "./libc.ts";

/**
 * The call itself, checked. Permissions: `--allow-ffi`. Source: prctl(2).
 *
 * @param name The operation's name, such as `"PR_SET_NAME"`.
 */
export function prctl(
  name: keyof typeof abi,
  a: SyscallArgument = 0,
  b: SyscallArgument = 0,
  c: SyscallArgument = 0,
  d: SyscallArgument = 0,
): number {
  return check(syscall("prctl", abi[name], a, b, c, d), "prctl", { flags: name });
}

/**
 * Forbids this thread and its children to gain privileges by execve, for good: set-uid bits and
 * file capabilities no longer count. A seccomp filter of an ordinary user wants it.
 *
 * Permissions: `--allow-ffi`. Source: prctl(2), PR_SET_NO_NEW_PRIVS.
 */
export function setNoNewPrivs(): void {
  prctl("PR_SET_NO_NEW_PRIVS", 1);
}

/** Whether this thread can gain no privileges by execve. Permissions: `--allow-ffi`. Source: prctl(2). */
export function getNoNewPrivs(): boolean {
  return prctl("PR_GET_NO_NEW_PRIVS") === 1;
}

/**
 * Sets whether the process can be traced by its own user, and owns its files in `/proc`. Without
 * it, a process that joins a sandbox cannot be taken over from inside (CVE-2016-9962), but an
 * ordinary user can also not write its id maps.
 *
 * Of the whole process. Permissions: `--allow-ffi`. Source: prctl(2), PR_SET_DUMPABLE.
 */
export function setDumpable(on: boolean): void {
  prctl("PR_SET_DUMPABLE", on ? 1 : 0);
}

/** Whether the process is dumpable. Permissions: `--allow-ffi`. Source: prctl(2), PR_GET_DUMPABLE. */
export function getDumpable(): boolean {
  return prctl("PR_GET_DUMPABLE") === 1;
}

/**
 * Sets the signal that this process gets when the *thread* that started it ends. A change of
 * credentials clears it, and a parent that is dead already sends nothing.
 *
 * Permissions: `--allow-ffi`. Source: prctl(2), PR_SET_PDEATHSIG.
 *
 * @param signal 0 for none.
 */
export function setParentDeathSignal(signal: SignalName | 0): void {
  prctl("PR_SET_PDEATHSIG", signal === 0 ? 0 : SIGNALS[signal]);
}

/**
 * Makes this process the one that orphaned descendants fall to, instead of pid 1.
 *
 * Of the whole process. Permissions: `--allow-ffi`. Source: prctl(2), PR_SET_CHILD_SUBREAPER.
 */
export function setChildSubreaper(on: boolean): void {
  prctl("PR_SET_CHILD_SUBREAPER", on ? 1 : 0);
}

/** Sets the thread's name in `/proc` and `ps`: 15 bytes, the rest is cut. Permissions: `--allow-ffi`. Source: prctl(2), PR_SET_NAME. */
export function setThreadName(name: string): void {
  prctl("PR_SET_NAME", cString(name));
}

/** Whether a capability is in the thread's bounding set. Permissions: `--allow-ffi`. Source: prctl(2), PR_CAPBSET_READ. */
export function boundingSetHas(capability: CapabilityName): boolean {
  return prctl("PR_CAPBSET_READ", CAPABILITIES[capability]) === 1;
}

/**
 * Removes a capability from the thread's bounding set, for good: no execve gives it back.
 *
 * Errors: EPERM (not CAP_SETPCAP), EINVAL (the kernel does not know it). Permissions:
 * `--allow-ffi`. Source: prctl(2), PR_CAPBSET_DROP.
 */
export function boundingSetDrop(capability: CapabilityName): void {
  prctl("PR_CAPBSET_DROP", CAPABILITIES[capability]);
}

/** Whether a capability is in the ambient set, which execve keeps. Permissions: `--allow-ffi`. Source: prctl(2), PR_CAP_AMBIENT. */
export function ambientSetHas(capability: CapabilityName): boolean {
  return prctl("PR_CAP_AMBIENT", abi.PR_CAP_AMBIENT_IS_SET, CAPABILITIES[capability]) === 1;
}

/**
 * Adds a capability to the ambient set. It must be permitted and inheritable already.
 *
 * Errors: EPERM, EINVAL. Permissions: `--allow-ffi`. Source: prctl(2), PR_CAP_AMBIENT.
 */
export function ambientSetRaise(capability: CapabilityName): void {
  prctl("PR_CAP_AMBIENT", abi.PR_CAP_AMBIENT_RAISE, CAPABILITIES[capability]);
}

/** Empties the ambient set. Permissions: `--allow-ffi`. Source: prctl(2), PR_CAP_AMBIENT. */
export function ambientSetClear(): void {
  prctl("PR_CAP_AMBIENT", abi.PR_CAP_AMBIENT_CLEAR_ALL);
}
