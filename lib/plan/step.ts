/**
 * A plan's steps: each has a number, a name, a sentence and the operations that do it.
 *
 * @module
 */

import type { Operation } from "../agent/operation.ts";

/**
 * Who executes a step, in the order of time: the agent before the clone, the keeper of the cgroup
 * beside the rest, the agent after the clone; the sandbox's first process in its namespaces, as it
 * gets its own mount namespace, while it mounts, and before it starts the command;
 * the command's own process up to execve, at last behind its own filter of system calls.
 */
export type Phase =
  | "outside"
  | "join"
  | "attach"
  | "maps"
  | "namespaces"
  | "unshare"
  | "mounts"
  | "network"
  | "finish"
  | "command"
  | "execute";

/** All phases in the order of time. */
export const PHASES: readonly Phase[] = [
  "outside",
  "join",
  "attach",
  "maps",
  "namespaces",
  "unshare",
  "mounts",
  "network",
  "finish",
  "command",
  "execute",
];

/** One step. */
export interface Step {
  /** Counted from 1 over the whole plan. */
  readonly number: number;
  /** Who executes it. */
  readonly phase: Phase;
  /** A word for what kind of step it is, e.g. `"bind"`. */
  readonly name: string;
  /** What it does, e.g. `bind "/usr" read-only on "/usr"`. */
  readonly sentence: string;
  /** What an errno means here, and what to do about it. */
  readonly hints?: Readonly<Record<string, string>>;
  /** The paths the step is about, for its error. */
  readonly paths?: { readonly path?: string; readonly dest?: string };
  /** The system calls. */
  readonly operations: readonly Operation[];
}

/** A step that has no number yet. */
export type NewStep = Omit<Step, "number">;
