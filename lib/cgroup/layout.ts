/**
 * Decides where a sandbox's cgroup is made, for the limits that it has. Reads, and changes nothing.
 *
 * @module
 */

import { UnsupportedError } from "../errors.ts";
import type { CgroupLayout, CgroupPlace, Controller } from "../plan/cgroup_layout.ts";
import { neededControllers } from "../plan/cgroup_settings.ts";
import type { LimitsSpec } from "../spec.ts";
import { AT_FDCWD } from "../sys/abi/fcntl.ts";
import { cString, syscall } from "../sys/libc.ts";
import {
  controllersOf,
  directoryOf,
  type Hierarchy,
  readHierarchies,
  readText,
  readWords,
} from "./hierarchies.ts";

/** What every cgroup counts, where that costs nothing to get. */
const COUNTED: readonly Controller[] = ["memory", "cpu", "cpuacct", "pids"];

/** Whether this user may make something there. access(2). */
export function mayWrite(directory: string): boolean {
  const W_OK = 2;
  return syscall("faccessat", AT_FDCWD, cString(directory), W_OK) === 0;
}

/** Whether it is the root of all cgroups of version 2, which may have processes and controllers. */
export function isRootCgroup(directory: string): boolean {
  return readText(`${directory}/cgroup.type`) === undefined &&
    readText(`${directory}/cgroup.procs`) !== undefined;
}

/** Where `limits.parent` is in a hierarchy. */
export function parentDirectory(hierarchy: Hierarchy, parent: string): string {
  const { mountPoint } = hierarchy;
  const cgroup = parent === mountPoint || parent.startsWith(`${mountPoint}/`)
    ? parent.slice(mountPoint.length) || "/"
    : parent;
  return directoryOf({ ...hierarchy, root: "/" }, cgroup);
}

function legacyPlace(hierarchy: Hierarchy, directory: string): CgroupPlace {
  const { controllers } = hierarchy;
  const text = (file: string) => readText(`${directory}/${file}`)?.trim() ?? "";
  return {
    version: 1,
    directory,
    controllers,
    ...(controllers.includes("cpuset")
      ? { cpuset: { cpus: text("cpuset.cpus"), mems: text("cpuset.mems") } }
      : {}),
    ...(controllers.includes("memory")
      ? { memsw: readText(`${directory}/memory.memsw.limit_in_bytes`) !== undefined }
      : {}),
  };
}

/** The controllers of the v2 hierarchy that limits need, where v1 has not taken them. */
export function neededUnified(limits: LimitsSpec, hierarchies: readonly Hierarchy[]): Controller[] {
  const unified = hierarchies.find(({ version }) => version === 2);
  return neededControllers(limits).filter((name) => unified?.controllers.includes(name));
}

/** What is wanted of the v2 hierarchy besides: it is had where it can be. */
export function countedUnified(hierarchies: readonly Hierarchy[]): Controller[] {
  const unified = hierarchies.find(({ version }) => version === 2);
  return COUNTED.filter((name) => unified?.controllers.includes(name));
}

/**
 * The layout for limits. `unified` is the directory of the v2 hierarchy that can have children with
 * controllers; without it, there is no part in that hierarchy.
 */
export function layoutFor(
  limits: LimitsSpec,
  hierarchies: readonly Hierarchy[],
  unified: string | undefined,
  uid: number,
): CgroupLayout {
  const places: CgroupPlace[] = [];
  if (unified !== undefined) {
    places.push({
      version: 2,
      directory: unified,
      controllers: controllersOf(readWords(`${unified}/cgroup.subtree_control`)),
    });
  }
  const needed = neededControllers(limits);
  const wanted = [...needed, ...COUNTED, ...(places.length === 0 ? ["freezer" as const] : [])];
  for (const hierarchy of hierarchies) {
    const { version, controllers, own } = hierarchy;
    if (version === 2 || !controllers.some((name) => wanted.includes(name))) continue;
    const directory = limits.parent === undefined ? own : parentDirectory(hierarchy, limits.parent);
    const must = controllers.some((name) => needed.includes(name));
    if (!mayWrite(directory)) {
      if (must) throw refused(directory, uid);
      continue;
    }
    places.push(legacyPlace(hierarchy, directory));
  }
  if (places.length === 0) {
    throw refused(limits.parent ?? hierarchies[0]?.own ?? "/sys/fs/cgroup", uid);
  }
  return places;
}

/** Why no cgroup can be made there, and what to do. */
export function refused(directory: string, uid: number): UnsupportedError {
  if (readText("/proc/self/cgroup") === undefined) {
    return new UnsupportedError("limits", "/proc is not mounted here");
  }
  return new UnsupportedError(
    "limits",
    uid === 0
      ? `no cgroup can be made in "${directory}": it is not there, or mounted read-only; mount it writable, as containers do with --cgroupns=private and a writable /sys/fs/cgroup`
      : `user ${uid} may not make cgroups in "${directory}"; run as root, or have root delegate one: mkdir DIR; chown -R ${uid} DIR; and give its path as limits.parent`,
  );
}

/** The layout as it would be, for a plan that is only printed. */
export function layoutForPlan(limits: LimitsSpec, uid: number): CgroupLayout {
  const hierarchies = readHierarchies();
  const unified = hierarchies.find(({ version }) => version === 2);
  const needed = neededUnified(limits, hierarchies);
  const directory = unified &&
    (limits.parent === undefined ? unified.own : parentDirectory(unified, limits.parent));
  if (unified === undefined || (needed.length === 0 && !mayWrite(directory!))) {
    return layoutFor(limits, hierarchies, undefined, uid);
  }
  const [place, ...more] = layoutFor(limits, hierarchies, directory, uid);
  return [{ ...place!, controllers: [...new Set([...place!.controllers, ...needed])] }, ...more];
}
