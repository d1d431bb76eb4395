/**
 * What a launch is made of, and how it ends.
 *
 * @module
 */

import type { AgentEvent, RawUsage } from "../agent/event.ts";
import type { CgroupSession } from "../cgroup/session.ts";
import type { CommandLine } from "../plan/command_steps.ts";
import type { HostFacts } from "../plan/facts.ts";
import type { Fault } from "../plan/launch_shape.ts";
import type { SandboxSpec } from "../spec.ts";
import type { HookRunner } from "./hooks.ts";
import type { Tracing } from "./tracing.ts";
import type { Supervision } from "./supervision.ts";
import type { Supervisor } from "./supervisor.ts";

/** What a launch is made of. */
export interface LaunchInit {
  /** The description, not yet resolved. */
  spec: SandboxSpec;
  facts: HostFacts;
  /** Makes the command line for the resolved description; without, it comes by `Launch.command`. */
  command?: (spec: SandboxSpec) => CommandLine;
  /** The sandbox's standard input, output and error. */
  stdio: readonly [number, number, number];
  hooks: HookRunner;
  /** The caller waits for the start. */
  reportStart: boolean;
  /** Whose agent makes it; one of its own, where it is to outlive the program. */
  supervisor?: Supervisor;
  /** The sandbox hands out what it can be entered by. */
  handOut?: boolean;
  /** The cgroup that the agent is to make. */
  cgroup?: CgroupSession;
  /** Serves what the filter asks about. */
  supervise?: {
    readonly hasHandler: boolean;
    start(listener: number, judge: Uint8Array): Supervision;
  };
  /** For tests: a system call that is to fail. */
  fault?: Fault;
  /** Is told of each step that has ended. */
  tracing?: Tracing;
}

/** What is handed over to a process that stands by a launch from then on. */
export interface LaunchHandOver {
  /** This program's end of the launch's socket. */
  readonly socket: number;
  /** A pidfd of pid 1, and of the command. */
  readonly first: number;
  readonly command: number;
  /** What pid 1 has reported by then. */
  readonly result?: AgentEvent;
}

/** How a launch ended. */
export interface Ending {
  /** The raw wait status of the command, or of what stood for it. */
  status: number;
  usage: RawUsage;
}
