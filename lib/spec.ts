/**
 * The description of a sandbox as plain data. A builder makes one, a YAML file is one, a plan is
 * made of one. Nothing here does anything.
 *
 * @module
 */

import type { CapabilitiesSpec } from "./spec/capabilities.ts";
import type { JoinTarget } from "./spec/join.ts";
import type { LandlockSpec } from "./spec/landlock.ts";
import type { IdMapSpec, UserSpec } from "./spec/identity.ts";
import type { LimitsSpec, RlimitName, RlimitValue } from "./spec/limits.ts";
import type { MountSpec, RootSpec } from "./spec/mounts.ts";
import type { NetworkSpec } from "./spec/network.ts";
import type { SeccompSpec } from "./spec/seccomp.ts";
import type { IoPrioritySpec, PersonalityName, SchedulerSpec } from "./spec/scheduling.ts";

export type * from "./spec/capabilities.ts";
export type * from "./spec/egress.ts";
export type * from "./spec/join.ts";
export type * from "./spec/limits.ts";
export type * from "./spec/landlock.ts";
export type * from "./spec/identity.ts";
export type * from "./spec/mounts.ts";
export type * from "./spec/network.ts";
export * from "./spec/scheduling.ts";
export type * from "./spec/seccomp.ts";

/** The eight kinds of namespaces. namespaces(7). */
export type NamespaceKind =
  | "cgroup"
  | "ipc"
  | "mount"
  | "net"
  | "pid"
  | "time"
  | "user"
  | "uts";

/** All kinds, in alphabetical order. */
export const NAMESPACE_KINDS: readonly NamespaceKind[] = [
  "cgroup",
  "ipc",
  "mount",
  "net",
  "pid",
  "time",
  "user",
  "uts",
];

/** What becomes of one kind: a fresh one, the host's, or one that exists already. */
export type NamespaceChoice = "new" | "shared" | { join: JoinTarget };

/** Offsets of the clocks inside, e.g. `"-1h"`, `"2d"` or milliseconds. time_namespaces(7). */
export interface TimeOffsets {
  /** Added to `CLOCK_MONOTONIC`. */
  monotonic?: string | number;
  /** Added to `CLOCK_BOOTTIME`, which `/proc/uptime` shows. */
  boottime?: string | number;
}

/** Which environment the command gets. */
export interface EnvSpec {
  /** Variables with their values; they win over inherited ones. */
  set: Record<string, string | Uint8Array>;
  /** Names taken from the host program's environment, or `"all"`. */
  inherit: string[] | "all";
}

/** How large a terminal is, in characters. */
export interface TerminalSize {
  /** From left to right. */
  columns: number;
  /** From top to bottom. */
  rows: number;
}

/** A whole sandbox. Every field that is missing means what its comment says. */
export interface SandboxSpec {
  /** The command; a verb's own argument wins. */
  command?: (string | Uint8Array)[];
  /** What `/` is. */
  root: RootSpec;
  /** What is made in it, in this order. */
  mounts: MountSpec[];
  /** What becomes of each kind of namespace; a kind that is missing is shared. */
  namespaces: { [kind in NamespaceKind]?: NamespaceChoice };
  /** Who the command is. Default: the caller's own ids. */
  user?: UserSpec;
  /** Which ids exist inside. Default: the user's alone. */
  idMap?: IdMapSpec;
  /** The hostname; needs a uts namespace that is not shared. */
  hostname?: string;
  /** The NIS domain name; needs a uts namespace that is not shared. */
  domainname?: string;
  /** The environment. */
  env: EnvSpec;
  /** The working directory inside. Default: `/`. */
  cwd?: string;
  /** The file mode creation mask, e.g. `"022"`. Default: the caller's. */
  umask?: string | number;
  /** The capabilities that the command keeps. Default: none. */
  capabilities?: CapabilitiesSpec;
  /** Rules of Landlock; `"from-mounts"` is short for `{ paths: "from-mounts" }`. Default: none. */
  landlock?: "from-mounts" | LandlockSpec;
  /** The filter of system calls. Default: none. */
  seccomp?: SeccompSpec;
  /** Resource limits. */
  rlimits: { [name in RlimitName]?: RlimitValue };
  /** What all of the sandbox may use together. Default: no cgroup is made. */
  limits?: LimitsSpec;
  /** Niceness, from -20 to 19; lower ones are for root. Default: the caller's. setpriority(2). */
  nice?: number;
  /** The scheduling policy. Default: the caller's. */
  scheduler?: SchedulerSpec;
  /** The processors to run on, e.g. `"0-3,8"`. Default: the caller's. sched_setaffinity(2). */
  cpuAffinity?: string;
  /** Whose requests go to the disk first. Default: by the niceness. */
  ioPriority?: IoPrioritySpec;
  /**
   * Who is killed first when the machine is out of memory, from -1000 (never) to 1000. Default: the
   * caller's. proc_pid_oom_score_adj(5).
   */
  oomScoreAdj?: number;
  /** The execution domain and its flags. Default: the caller's. */
  personality?: PersonalityName[];
  /** Network. Default: loopback only, or what the joined or shared namespace has. */
  network?: NetworkSpec;
  /** Wall-clock time after which everything inside is killed, e.g. `"30s"`. */
  timeout?: string | number;
  /** Gives the command a terminal of its own; of this size from the start, if it is known. */
  tty: boolean | TerminalSize;
  /** Puts the command into a session of its own, out of reach of the caller's terminal. */
  newSession: boolean;
  /** Makes the command itself pid 1, with no reaper of ours above it. */
  asPid1: boolean;
  /** Offsets of the clocks; need a new time namespace. */
  timeOffsets?: TimeOffsets;
}
