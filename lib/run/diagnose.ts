/**
 * Turns what the agent reports of a failed step into the error that says what to do.
 *
 * @module
 */

import type { AgentEvent } from "../agent/event.ts";
import { type SandboxError, StepError, SyscallError, UnsupportedError } from "../errors.ts";
import type { Step } from "../plan/step.ts";
import { errnoName } from "../sys/abi/errno.ts";
import { syscallName } from "../sys/syscall_numbers.ts";

const PSEUDO_BIT = 0x8000_0000;

function readSetting(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path).trim();
  } catch {
    return undefined;
  }
}

/** Whether this program is behind a seccomp filter itself. proc(5). */
function isFiltered(): boolean {
  return /^Seccomp:\s*2$/m.test(readSetting("/proc/self/status") ?? "");
}

/** Why this machine refuses user namespaces to this user: the first reason that can be seen. */
export function userNamespaceHint(): string {
  if (readSetting("/proc/sys/user/max_user_namespaces") === "0") {
    return "the limit is 0 here (it is inside of a sandbox, or set so); raise it with `sysctl -w user.max_user_namespaces=10000` as root";
  }
  if (readSetting("/proc/sys/kernel/unprivileged_userns_clone") === "0") {
    return "allow them with `sysctl -w kernel.unprivileged_userns_clone=1` as root, or run as root";
  }
  if (readSetting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") === "1") {
    return "AppArmor restricts them (as Ubuntu does); allow them with `sysctl -w kernel.apparmor_restrict_unprivileged_userns=0` as root, or give deno an AppArmor profile with `userns,`, or run as root";
  }
  if (isFiltered()) {
    return "a seccomp filter is in force (as in a container); start the container with a profile that allows clone3, unshare and mount, e.g. `--security-opt seccomp=unconfined`";
  }
  return "this kernel or a security module refuses them to this user; run as root, or look into the kernel log";
}

function callName(event: AgentEvent, step: Step | undefined): string {
  if ((event.call & PSEUDO_BIT) === 0) {
    return syscallName(event.call) ?? `system call ${event.call}`;
  }
  const last = step?.operations.findLast(({ call }) => call === call.toLowerCase());
  return last?.call ?? "set-up";
}

/** The remedy where the place of a mount is not there. */
function missingPlace(step: Step | undefined, call: string, code: string): string | undefined {
  const place = step?.paths?.dest;
  if (place === undefined || step?.phase !== "mounts" || call !== "openat2") return undefined;
  if (code !== "ENOENT" && code !== "ENOTDIR") return undefined;
  return `"${place}" must be there, for nothing is made on a filesystem of the host; make it first (by default a root needs /proc, /dev, /tmp and /run), or give the root { ephemeral: true }`;
}

/** The error for a reported failure. */
export function failure(event: AgentEvent, step: Step | undefined): SandboxError {
  const code = errnoName(event.errno);
  const call = callName(event, step);
  const cause = new SyscallError({
    syscall: call,
    errno: event.errno,
    path: step?.paths?.path,
    dest: step?.paths?.dest,
    hint: step?.hints?.[code] ?? missingPlace(step, call, code),
  });
  if (step === undefined) return cause;
  const error = new StepError(step.number, step.name, step.sentence, cause);
  const users = step.name === "clone" && step.sentence.includes("user");
  // Seen in containers and in our own sandboxes: the filter hides the call.
  const hidden = code === "ENOSYS" && users && isFiltered();
  if (code === "ENOSYS" && !hidden) {
    return new UnsupportedError(
      `the system call ${cause.syscall}`,
      `Paddock needs Linux 5.14 or newer, and no seccomp filter that hides its calls; this is Linux ${Deno.osRelease()}`,
      { cause: error },
    );
  }
  const refused = hidden || ["EPERM", "ENOSPC", "EUSERS", "EACCES"].includes(code);
  if (refused && (users || step.name === "uid_map" || step.name === "deny setgroups")) {
    return new UnsupportedError("user namespaces", userNamespaceHint(), { cause: error });
  }
  return error;
}
