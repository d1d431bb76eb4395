/**
 * The names of all that can be probed.
 *
 * @module
 */

/** In the order of the report. They are stable: a new one may come, none changes. */
export const PROBE_IDS = [
  ...["sandbox", "kernel", "architecture", "system-calls", "outer-filter"] as const,
  ...["executable-memory", "ptrace"] as const,
  ...["user-namespaces", "user-rights", "namespaces", "id-ranges", "id-programs"] as const,
  ...["tmpfs", "proc", "overlay", "overlay-changes", "idmapped-mounts"] as const,
  ...["seccomp", "supervision", "landlock"] as const,
  ...["cgroups", "limit-memory", "limit-pids", "limit-cpus", "limit-cpuset"] as const,
  ...["gate", "links", "nft", "tun", "pasta"] as const,
] as const;

/** The name of something that can be probed. */
export type ProbeId = typeof PROBE_IDS[number];
