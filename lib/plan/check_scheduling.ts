/**
 * Checks what a description says of priorities.
 *
 * @module
 */

import { SpecError } from "../errors.ts";
import { checkKeys } from "../known_keys.ts";
import {
  type IoPrioritySpec,
  PERSONALITIES,
  type PersonalityName,
  type SandboxSpec,
  type SchedulerSpec,
} from "../spec.ts";
import { parseCpuList } from "../quantity.ts";
import { isRecord, noneOf, show } from "./check_values.ts";

const POLICIES = ["other", "batch", "idle", "fifo", "rr"];
const CLASSES = ["realtime", "best-effort", "idle"];

function checkRange(value: unknown, least: number, most: number, field: string): void {
  if (!Number.isInteger(value) || value as number < least || value as number > most) {
    throw new SpecError(field, `${show(value)} is not a whole number from ${least} to ${most}`);
  }
}

/** Throws a `SpecError` for a niceness that the kernel would cut off. setpriority(2). */
export function checkNice(nice: unknown): void {
  checkRange(nice, -20, 19, "nice");
}

/** Throws a `SpecError` for what proc_pid_oom_score_adj(5) does not take. */
export function checkOomScoreAdj(value: unknown): void {
  checkRange(value, -1000, 1000, "oomScoreAdj");
}

/** Throws a `SpecError` for a policy that is none, or a priority that does not fit it. */
export function checkScheduler(scheduler: SchedulerSpec): void {
  if (!isRecord(scheduler) || !POLICIES.includes(scheduler.policy)) {
    const policy = isRecord(scheduler) ? scheduler.policy : scheduler;
    throw new SpecError("scheduler.policy", noneOf(policy, POLICIES));
  }
  checkKeys(scheduler, "scheduler", ["policy", "priority", "resetOnFork"]);
  const { policy, priority, resetOnFork } = scheduler as SchedulerSpec;
  if (policy === "fifo" || policy === "rr") checkRange(priority, 1, 99, "scheduler.priority");
  else if (priority !== undefined) {
    throw new SpecError("scheduler.priority", `only fifo and rr have one, ${policy} has nice()`);
  }
  if (!["boolean", "undefined"].includes(typeof resetOnFork)) {
    throw new SpecError("scheduler.resetOnFork", `${show(resetOnFork)} is neither true nor false`);
  }
}

/** Throws a `SpecError` for a class that is none, or a level that it does not have. */
export function checkIoPriority(priority: IoPrioritySpec): void {
  if (!isRecord(priority) || !CLASSES.includes(priority.class)) {
    const given = isRecord(priority) ? priority.class : priority;
    throw new SpecError("ioPriority.class", noneOf(given, CLASSES));
  }
  checkKeys(priority, "ioPriority", ["class", "level"]);
  if (priority.level === undefined) return;
  if (priority.class === "idle") throw new SpecError("ioPriority.level", "idle has no levels");
  checkRange(priority.level, 0, 7, "ioPriority.level");
}

/** Throws a `SpecError` for a name that personality(2) does not know. */
export function checkPersonality(names: readonly PersonalityName[]): void {
  if (!Array.isArray(names)) throw new SpecError("personality", "is a list of names");
  for (const name of names) {
    if (PERSONALITIES.includes(name)) continue;
    throw new SpecError("personality", noneOf(name, PERSONALITIES));
  }
}

/** Checks all of it. */
export function checkScheduling(spec: SandboxSpec): void {
  const { nice, oomScoreAdj, scheduler, ioPriority, cpuAffinity, personality } = spec;
  if (nice !== undefined) checkNice(nice);
  if (oomScoreAdj !== undefined) checkOomScoreAdj(oomScoreAdj);
  if (scheduler !== undefined) checkScheduler(scheduler);
  if (ioPriority !== undefined) checkIoPriority(ioPriority);
  if (cpuAffinity !== undefined) parseCpuList(cpuAffinity, "cpuAffinity");
  if (personality !== undefined) checkPersonality(personality);
}
