/**
 * What is said of an end that is no success and not the command's own doing. Loaded only for one.
 *
 * @module
 */

import type { SandboxStatus } from "../run/child.ts";
import type { SandboxSpec } from "../spec.ts";
import type { Executed } from "./executed.ts";
import { complain, oneLine } from "./failure.ts";
import { SIGNALS } from "../sys/abi/signal.ts";

/** Signals that whoever is at a terminal or a pipe knows of, as shells have it. */
const QUIET: readonly string[] = ["SIGINT", "SIGPIPE"];

/**
 * The line about it, or undefined where the command ended by itself or by a signal that was sent on
 * to it.
 */
export function endingLine(
  { status, passed }: Executed,
  { timeout, limits }: Pick<SandboxSpec, "timeout" | "limits">,
): string | undefined {
  const { signal, oomKilled, timedOut } = status;
  if (timedOut) return `the time limit of ${timeout} was reached; everything inside was killed`;
  if (oomKilled) {
    const memory = limits?.memory === undefined ? "" : ` of ${limits.memory}`;
    return `the memory limit${memory} was reached, and ${
      signal === "SIGKILL" ? "the command" : "a process"
    } was killed`;
  }
  if (signal === null || QUIET.includes(signal) || passed.has(signal)) return undefined;
  const filtered = signal === "SIGSYS"
    ? ": it made a system call that the filter kills for; see --seccomp and --seccomp-log"
    : "";
  return `the command was killed by ${signal}${filtered}`;
}

/** Tells it: in words, or all of it as a line of JSON. */
export function tell(ended: Executed, json: boolean, spec: SandboxSpec): void {
  const { status } = ended;
  const filtered = status.filteredSyscalls ?? [];
  const hookErrors = status.hookErrors.map((error) => oneLine(error));
  for (const text of hookErrors) complain(`paddock: ${text}`);
  // Last, so that a reader finds it behind whatever the command wrote to the same descriptor.
  if (json) return complain(JSON.stringify({ ...status, hookErrors }));
  if (filtered.length > 0) {
    const words = filtered.map(({ name, result, count }) => `${name} ${result} (${count})`);
    complain(`paddock: filtered system calls: ${words.join(", ")}`);
  }
  const line = endingLine(ended, spec);
  if (line !== undefined) complain(`paddock: ${line}`);
}

/** How it ended when a signal came while the sandbox was being made. */
export function killedEarly(signal: Deno.Signal): SandboxStatus {
  return {
    success: false,
    code: 128 + SIGNALS[signal as keyof typeof SIGNALS],
    signal,
    usage: { wall: 0, user: 0, system: 0, maxRss: 0 },
    oomKilled: false,
    timedOut: false,
    skipped: [],
    hookErrors: [],
    reports: {},
  };
}
