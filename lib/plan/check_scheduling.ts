/**
 * Checks what a description says of priorities.
 *
 * @module
 */

import { SpecError } from "../errors.ts";
import { checkShape } from "../schema/check.ts";
import { IO_PRIORITY, NICE, OOM_SCORE_ADJ, PERSONALITY, SCHEDULER } from "../schema/limits.ts";
import type { IoPrioritySpec, PersonalityName, SandboxSpec, SchedulerSpec } from "../spec.ts";

/** Throws a `SpecError` for a niceness that the kernel would cut off. setpriority(2). */
export function checkNice(nice: unknown): void {
  checkShape(NICE, nice, "nice");
}

/** Throws a `SpecError` for what proc_pid_oom_score_adj(5) does not take. */
export function checkOomScoreAdj(value: unknown): void {
  checkShape(OOM_SCORE_ADJ, value, "oomScoreAdj");
}

/** Throws a `SpecError` for a policy that is none, or a priority that does not fit it. */
export function checkScheduler(scheduler: SchedulerSpec): void {
  checkShape(SCHEDULER, scheduler, "scheduler");
  const { policy, priority } = scheduler;
  const real = policy === "fifo" || policy === "rr";
  if (real && priority === undefined) {
    throw new SpecError("scheduler.priority", `is missing; ${policy} needs one from 1 to 99`);
  }
  if (!real && priority !== undefined) {
    throw new SpecError("scheduler.priority", `only fifo and rr have one, ${policy} has nice()`);
  }
}

/** Throws a `SpecError` for a class that is none, or a level that it does not have. */
export function checkIoPriority(priority: IoPrioritySpec): void {
  checkShape(IO_PRIORITY, priority, "ioPriority");
  if (priority.class === "idle" && priority.level !== undefined) {
    throw new SpecError("ioPriority.level", "idle has no levels; leave it out");
  }
}

/** Throws a `SpecError` for a name that personality(2) does not know. */
export function checkPersonality(names: readonly PersonalityName[]): void {
  checkShape(PERSONALITY, names, "personality");
}

/** Checks what goes with what, once the shape is right. */
export function checkScheduling({ scheduler, ioPriority }: SandboxSpec): void {
  if (scheduler !== undefined) checkScheduler(scheduler);
  if (ioPriority !== undefined) checkIoPriority(ioPriority);
}
