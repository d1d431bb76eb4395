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
import { isFiltered, userNamespaceHint } from "./refusals.ts";

const PSEUDO_BIT = 0x8000_0000;

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
