/**
 * Where a sandbox's cgroup is made: one directory for each hierarchy that it takes part in. What
 * there is on a machine is found by `lib/cgroup/`; plans only read it. cgroups(7).
 *
 * @module
 */

/** Bytes of the place for the cgroup's name, which differs from launch to launch. */
export const CGROUP_NAME_SIZE = 128;

/** The place of the name in the outside program. */
export const CGROUP_NAME = "cgroup name";

/** What controls a resource, by the names of cgroup v2 (v1's `blkio` is `io`). */
export type Controller =
  | "memory"
  | "cpu"
  | "cpuacct"
  | "pids"
  | "cpuset"
  | "io"
  | "hugetlb"
  | "freezer";

/** A hierarchy, and the directory in it below which sandboxes get theirs. */
export interface CgroupPlace {
  readonly version: 1 | 2;
  /** An absolute path, e.g. `/sys/fs/cgroup/memory`. */
  readonly directory: string;
  readonly controllers: readonly Controller[];
  /** v1's cpuset: what the directory has; a new group is empty, and nobody can enter it so. */
  readonly cpuset?: { readonly cpus: string; readonly mems: string };
  /** v1's memory: swap is counted. */
  readonly memsw?: boolean;
}

/** All places of a sandbox's cgroup; the one of version 2, if any, comes first. */
export type CgroupLayout = readonly CgroupPlace[];

/** The place that has a controller. */
export function placeOf(layout: CgroupLayout, controller: Controller): number | undefined {
  const index = layout.findIndex(({ controllers }) => controllers.includes(controller));
  return index === -1 ? undefined : index;
}
