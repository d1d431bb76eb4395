/**
 * The two kinds of running sandboxes that a handle can be of: one of this program's, which ends with
 * it, and one that is written down.
 *
 * @module
 */

import type { Cgroup, Usage } from "../../hook.ts";
import { SandboxError } from "../../errors.ts";
import type { SandboxSpec } from "../../spec.ts";
import { SIGNALS } from "../../sys/abi/signal.ts";
import type { Found } from "../../state/find.ts";
import { conditionOf } from "../../state/condition.ts";
import type { Begun } from "../begin.ts";
import type { SandboxProcess } from "../child.ts";
import { killAll, signalProcess, waitForEnd } from "../detached/processes.ts";
import { settle } from "../detached/settle.ts";
import type { ExitStatus } from "../wait_status.ts";
import { type Entrance, entranceOf } from "./entrance.ts";
import { recordedEntrance } from "./recorded.ts";

/** How a running sandbox ended, whoever tells of it. */
export interface RunningEnd extends ExitStatus {
  /** Time and memory. */
  readonly usage: Usage;
  /** Whether a process in it was killed because its memory ended; needs `limits()`. */
  readonly oomKilled: boolean;
  /** Whether the time limit ended it. */
  readonly timedOut: boolean;
}

/** A running sandbox. */
export interface RunningSource {
  /** Of one that is written down. */
  readonly id?: string;
  readonly name?: string;
  readonly spec: SandboxSpec;
  /** The command and pid 1, as the host numbers them. */
  readonly pid: number;
  readonly first: number;
  readonly entrance: Entrance;
  readonly cgroup?: Cgroup;
  /** The command's streams and its status, where they are this program's. */
  readonly process?: SandboxProcess;
  /** Sends the command a signal. */
  signal(number: number): void;
  /** Kills everything inside; resolves when it is gone. */
  killAll(): Promise<void>;
  /** Resolves to how it ended. */
  wait(): Promise<RunningEnd>;
  /** Whether it has ended after so many milliseconds at most. */
  endsWithin(limit: number): Promise<boolean>;
  /** What the end of the handle means. */
  dispose(): Promise<void>;
}

/** One that this program has started. */
export function ownSource(
  process: SandboxProcess,
  begun: Begun,
  name: string | undefined,
): RunningSource {
  const { launch, cgroup } = begun;
  const first = launch.firstPid ?? 0;
  return {
    name,
    spec: launch.spec,
    pid: process.pid,
    first,
    entrance: entranceOf(begun),
    cgroup: cgroup?.cgroup,
    process,
    signal: (number) => launch.signal(number),
    async killAll() {
      launch.kill();
      await process.status.catch(() => {});
    },
    wait: () => process.status,
    async endsWithin(limit) {
      const { promise, resolve } = Promise.withResolvers<boolean>();
      const timer = setTimeout(() => resolve(false), limit);
      const done = () => resolve(true);
      process.status.then(done, done);
      try {
        return await promise;
      } finally {
        clearTimeout(timer);
      }
    },
    dispose: () => process[Symbol.asyncDispose](),
  };
}

/** One that is written down, and runs; or, for who has just started it, has run. */
export function recordedSource({ state, record }: Found, justStarted = false): RunningSource {
  const { id, name, spec, processes } = record;
  const called = name ?? id;
  const condition = conditionOf(record);
  if (processes === undefined || (condition !== "running" && !justStarted)) {
    throw new SandboxError(
      condition === "starting"
        ? `the sandbox "${called}" is just being started`
        : condition === "elsewhere"
        ? `the sandbox "${called}" was started in another pid namespace; attach to it from there`
        : `the sandbox "${called}" has ended`,
    );
  }
  const entrance = recordedEntrance(record);
  return {
    id,
    name,
    spec,
    pid: processes.command.pid,
    first: processes.first.pid,
    entrance,
    cgroup: entrance.cgroup,
    signal(number) {
      if (number === SIGNALS.SIGKILL) entrance.cgroup?.letDie();
      if (!signalProcess(record, "command", number)) {
        throw new TypeError("The command has ended already");
      }
    },
    killAll: () => killAll(record),
    async wait() {
      await waitForEnd(processes.keeper);
      const { outcome } = await settle(state, record);
      if (outcome === undefined || outcome.lost) {
        throw new SandboxError(`the keeper of the sandbox "${called}" was killed, and it with it`);
      }
      return outcome;
    },
    endsWithin: (limit) => waitForEnd(processes.keeper, limit),
    dispose() {
      entrance.close();
      return Promise.resolve();
    },
  };
}
