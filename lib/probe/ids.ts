/**
 * The names of all that can be probed.
 *
 * @module
 */

/** The name of something that can be probed. They are stable: a new one may come, none changes. */
export type ProbeId =
  | "sandbox"
  | "kernel"
  | "architecture"
  | "system-calls"
  | "outer-filter"
  | "executable-memory"
  | "ptrace"
  | "user-namespaces"
  | "user-rights"
  | "namespaces"
  | "id-ranges"
  | "id-programs"
  | "tmpfs"
  | "proc"
  | "overlay"
  | "overlay-changes"
  | "idmapped-mounts"
  | "seccomp"
  | "supervision"
  | "landlock"
  | "cgroups"
  | "limit-memory"
  | "limit-pids"
  | "limit-cpus"
  | "limit-cpuset"
  | "gate"
  | "links"
  | "nft"
  | "tun"
  | "pasta";

/** All of them, in the order of the report. */
export const PROBE_IDS: readonly ProbeId[] = [
  "sandbox",
  "kernel",
  "architecture",
  "system-calls",
  "outer-filter",
  "executable-memory",
  "ptrace",
  "user-namespaces",
  "user-rights",
  "namespaces",
  "id-ranges",
  "id-programs",
  "tmpfs",
  "proc",
  "overlay",
  "overlay-changes",
  "idmapped-mounts",
  "seccomp",
  "supervision",
  "landlock",
  "cgroups",
  "limit-memory",
  "limit-pids",
  "limit-cpus",
  "limit-cpuset",
  "gate",
  "links",
  "nft",
  "tun",
  "pasta",
];
