/**
 * A sandbox's cgroup as hooks and programs see it. Types only; `lib/cgroup/` does it.
 *
 * @module
 */

import type { LimitsSpec } from "../spec.ts";

/** What a cgroup has used so far. What this kernel does not count is undefined. */
export interface CgroupStatistics {
  /** Processors' time of all processes that are or were in it, in milliseconds. */
  cpu?: {
    /** In user mode and in the kernel. */
    total: number;
    /** In user mode. */
    user: number;
    /** In the kernel. */
    system: number;
    /** How long it was held back by `limits.cpus`. */
    throttled?: number;
    /** In how many periods of 100 ms it was held back. */
    throttledPeriods?: number;
  };
  /** Memory in bytes. */
  memory?: {
    /** Now. */
    current: number;
    /** The most there was; Linux 5.19, or cgroup v1. */
    peak?: number;
    /** Swapped out now. */
    swap?: number;
    /** Memory of processes that is no file's. */
    anonymous?: number;
    /** Files, with those of tmpfs. */
    file?: number;
    /** How often the limit was met. */
    limitHits?: number;
    /** How many processes were killed because memory ended. */
    oomKills: number;
  };
  /** Processes and threads; the sandbox's supervisor counts as one. */
  pids?: {
    /** Now. */
    current: number;
    /** The most there were; Linux 6.11. */
    peak?: number;
    /** How often there would have been too many. */
    refused?: number;
  };
  /** By block device, such as `"8:0"`: bytes and operations. */
  io?: Record<string, { read: number; written: number; reads: number; writes: number }>;
}

/** The share of time in which processes waited for a resource, in percent. cgroups(7), "PSI". */
export interface Pressure {
  /** Some of them. */
  some: PressureAverages;
  /** All of them at the same time. */
  full?: PressureAverages;
}

/** Shares of the last 10, 60 and 300 seconds in percent, and milliseconds in total. */
export interface PressureAverages {
  /** The last 10 seconds. */
  avg10: number;
  /** The last minute. */
  avg60: number;
  /** The last five minutes. */
  avg300: number;
  /** Milliseconds since the beginning. */
  total: number;
}

/** The cgroup of a running sandbox. */
export interface Cgroup {
  /** Its directory; with cgroup v1, that of the first hierarchy. */
  readonly path: string;
  /** Its directories in all hierarchies. */
  readonly paths: readonly string[];
  /** What has been used so far. */
  statistics(): CgroupStatistics;
  /** Who waits for what; undefined where this kernel does not tell, as with cgroup v1 alone. */
  pressure(resource: "cpu" | "memory" | "io"): Pressure | undefined;
  /** The processes in it, as the host numbers them. */
  processes(): number[];
  /** Stops all of it; resolves when everything stands still. */
  freeze(): Promise<void>;
  /** Lets it go on; resolves when everything does. */
  thaw(): Promise<void>;
  /** Kills all of it, with the sandbox's supervisor. */
  kill(): void;
  /** Changes limits while it runs. What is not named stays as it is. */
  update(limits: Omit<LimitsSpec, "parent">): void;
  /** Calls back when a process is killed because memory ended, with the count so far. */
  onOom(listener: (oomKills: number) => void): Disposable;
}

/** What a running sandbox uses. */
export interface SandboxStatistics {
  /** Who counted: without `limits()` only the processes that live are asked. */
  readonly source: "cgroup" | "proc";
  /** When, in milliseconds since 1970. */
  readonly at: number;
  /** Processors' time in milliseconds; by `proc` of those that live and of whom they waited for. */
  readonly cpu: { readonly total: number; readonly user: number; readonly system: number };
  /** Memory in bytes; by `proc` the sum of resident sets, where what is shared counts each time. */
  readonly memory: number;
  /** How many processes there are. */
  readonly processes: number;
  /** All that the cgroup counts. */
  readonly cgroup?: CgroupStatistics;
}
