/**
 * When and where the command gets the processor, the disk and the memory of the machine.
 *
 * @module
 */

/** A scheduling policy, by the names of sched(7) and chrt(1). */
export type SchedulingPolicy = "other" | "batch" | "idle" | "fifo" | "rr";

/** How the command is scheduled. sched(7). */
export interface SchedulerSpec {
  /** The policy. `"fifo"` and `"rr"` are for root, or within `RLIMIT_RTPRIO`. */
  policy: SchedulingPolicy;
  /** From 1 to 99, for `"fifo"` and `"rr"` only, which need it. */
  priority?: number;
  /** What the command starts is scheduled as usual. Default: false. */
  resetOnFork?: boolean;
}

/** Which requests go to the disk first, by the names of ionice(1). ioprio_set(2). */
export interface IoPrioritySpec {
  /** The class. `"realtime"` is for root. */
  class: "realtime" | "best-effort" | "idle";
  /** From 0, the first, to 7; not for `"idle"`. Default: 4. */
  level?: number;
}

/** An execution domain or a flag of personality(2), in small letters. */
export type PersonalityName =
  | "linux32"
  | "uname26"
  | "addr_no_randomize"
  | "addr_compat_layout"
  | "addr_limit_32bit"
  | "addr_limit_3gb"
  | "read_implies_exec"
  | "mmap_page_zero"
  | "short_inode"
  | "whole_seconds"
  | "sticky_timeouts"
  | "fdpic_funcptrs";

/** All names of {@linkcode PersonalityName}. */
export const PERSONALITIES: readonly PersonalityName[] = [
  "linux32",
  "uname26",
  "addr_no_randomize",
  "addr_compat_layout",
  "addr_limit_32bit",
  "addr_limit_3gb",
  "read_implies_exec",
  "mmap_page_zero",
  "short_inode",
  "whole_seconds",
  "sticky_timeouts",
  "fdpic_funcptrs",
];
