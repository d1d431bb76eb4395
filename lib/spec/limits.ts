/**
 * How much a sandbox may use.
 *
 * @module
 */

/** The names of the resource limits. getrlimit(2). */
export type RlimitName =
  | "as"
  | "core"
  | "cpu"
  | "data"
  | "fsize"
  | "locks"
  | "memlock"
  | "msgqueue"
  | "nice"
  | "nofile"
  | "nproc"
  | "rss"
  | "rtprio"
  | "rttime"
  | "sigpending"
  | "stack";

/** A soft and a hard limit; a number stands for both. `"unlimited"` lifts it. */
export type RlimitValue = number | "unlimited" | {
  soft: number | "unlimited";
  hard: number | "unlimited";
};

/** How fast a block device may be read and written. cgroups(7). */
export interface IoLimit {
  /** The whole disk: its path, such as `"/dev/sda"`, or its numbers, such as `"8:0"`. */
  device: string;
  /** Bytes read a second, e.g. `"10M"`. */
  rbps?: string | number;
  /** Bytes written a second. */
  wbps?: string | number;
  /** Reads a second. */
  riops?: number;
  /** Writes a second. */
  wiops?: number;
}

/**
 * Limits of all that runs in a sandbox together, by a control group of its own. cgroups(7). Without
 * any field there is a group with no limits, for its statistics.
 */
export interface LimitsSpec {
  /** Memory, with files in tmpfs and what the kernel holds for it, e.g. `"256M"` or bytes. */
  memory?: string | number;
  /** From here on memory is reclaimed, and who asks for more is slowed down. cgroup v2 only. */
  memoryHigh?: string | number;
  /** Swap beside the memory. Default: none where `memory` is limited, else as much as there is. */
  swap?: string | number;
  /** Kills all that runs inside when memory ends, not only the largest process. cgroup v2 only. */
  oomGroup?: boolean;
  /** Processors' time, e.g. 0.5 for half of one's; at least 0.01. */
  cpus?: number;
  /** The share of the processors when others want them too, from 1 to 10000. Default: 100. */
  cpuWeight?: number;
  /** Processes and threads of the command, itself counted and its supervisor not. */
  pids?: number;
  /** The processors to run on, e.g. `"0-3,8"`; nobody inside can leave them. cpuset(7). */
  cpuset?: string;
  /** The memory nodes to use, e.g. `"0"`. cpuset(7). */
  memoryNodes?: string;
  /** How fast block devices may be used. */
  io?: IoLimit[];
  /** The share of block devices when others want them too, from 1 to 10000. Default: 100. */
  ioWeight?: number;
  /** Huge pages by their size, e.g. `{ "2M": "64M" }`. */
  hugetlb?: Record<string, string | number>;
  /**
   * The cgroup to make the sandbox's in, as `/proc/PID/cgroup` names it, e.g. one that was delegated.
   * Default: the caller's own, or one from systemd.
   */
  parent?: string;
}
