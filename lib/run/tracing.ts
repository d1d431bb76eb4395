/**
 * Tells when each step of a launch has ended, and what its hooks took.
 *
 * @module
 */

import type { AgentEvent } from "../agent/event.ts";
import type { Stage } from "../hook.ts";
import type { Phase, Step } from "../plan/step.ts";
import type { Fault } from "../plan/launch_shape.ts";
import { CLOCK_REALTIME, stepEnded } from "../plan/trace_operations.ts";
import { rawSyscall } from "../sys/libc.ts";
import { SYS } from "../sys/syscall_numbers.ts";
import type { HookRunner } from "./hooks.ts";

/** Something that a launch has done. */
export type Traced =
  | {
    readonly kind: "step";
    /** Its number in the plan. */
    readonly number: number;
    readonly phase: Phase;
    /** What it does, as the plan says it. */
    readonly sentence: string;
    /** When it had ended: milliseconds from the call. */
    readonly at: number;
  }
  | {
    readonly kind: "hook";
    readonly plugin: string;
    readonly stage: Stage;
    /** When it had ended. */
    readonly at: number;
    /** How long it took, in milliseconds. */
    readonly took: number;
  }
  | {
    readonly kind: "started";
    /** When this program knew that the command runs. */
    readonly at: number;
  };

/** Milliseconds of the clock that steps tell. */
function now(): number {
  const time = new BigInt64Array(2);
  rawSyscall(SYS.clock_gettime, CLOCK_REALTIME, time);
  return Number(time[0]) * 1000 + Number(time[1]) / 1e6;
}

/** The tracing of one launch. */
export class Tracing {
  readonly #begin = now();
  readonly #tell: (traced: Traced) => void;

  /** Begins now. */
  constructor(tell: (traced: Traced) => void) {
    this.#tell = tell;
  }

  /** A step has told that it has ended. */
  step({ pid: seconds, status: nanoseconds }: AgentEvent, step: Step | undefined): void {
    if (step === undefined) return;
    const { number, phase, sentence } = step;
    const at = seconds * 1000 + nanoseconds / 1e6 - this.#begin;
    this.#tell({ kind: "step", number, phase, sentence, at });
  }

  /** A hook has ended. */
  hook(plugin: string, stage: Stage, took: number): void {
    this.#tell({ kind: "hook", plugin, stage, at: now() - this.#begin, took });
  }

  /** The command runs. */
  started(): void {
    this.#tell({ kind: "started", at: now() - this.#begin });
  }
}

/** What a launch that is to be watched has besides. */
export function traced(
  onTrace: (traced: Traced) => void,
  fault: Fault | undefined,
  hooks: HookRunner,
): { tracing: Tracing; fault: Fault } {
  const tracing = new Tracing(onTrace);
  hooks.onEnd = (plugin, stage, took) => tracing.hook(plugin, stage, took);
  return { tracing, fault: { step: -1, operation: -1, errno: 0, ...fault, behind: stepEnded } };
}
