/**
 * Which cgroup hierarchies this machine has mounted, and where in each this program is: one of
 * version 2, several of version 1, or both. cgroups(7), proc_pid_mountinfo(5).
 *
 * @module
 */

import type { Controller } from "../plan/cgroup_layout.ts";

/** A mounted hierarchy. */
export interface Hierarchy {
  readonly version: 1 | 2;
  /** Of version 1, what its mount says; of version 2, all that the kernel has there. */
  readonly controllers: readonly Controller[];
  /** Where it is mounted. */
  readonly mountPoint: string;
  /** Which cgroup is seen there; `/` but in containers. */
  readonly root: string;
  /** The directory of this program's cgroup. */
  readonly own: string;
}

const CONTROLLERS: Readonly<Record<string, Controller>> = {
  memory: "memory",
  cpu: "cpu",
  cpuacct: "cpuacct",
  pids: "pids",
  cpuset: "cpuset",
  blkio: "io",
  io: "io",
  hugetlb: "hugetlb",
  freezer: "freezer",
};

/** The controllers of a list, without those that have nothing to do with limits. */
export function controllersOf(words: readonly string[]): Controller[] {
  return words.flatMap((word) => CONTROLLERS[word] ?? []);
}

/** A small file's text, or undefined where it is not there or not to be read. */
export function readText(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
}

/** The words of a file. */
export function readWords(path: string): string[] {
  return (readText(path) ?? "").split(/\s+/).filter((word) => word !== "");
}

/** The processes in a cgroup. */
export function processesIn(directory: string): number[] {
  return readWords(`${directory}/cgroup.procs`).map(Number).filter((pid) => pid > 0);
}

/** Octal escapes of spaces and the like. */
function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits) => String.fromCharCode(parseInt(digits, 8)));
}

/** The directory of a cgroup, given as the kernel names it. */
export function directoryOf(
  { mountPoint, root }: Pick<Hierarchy, "mountPoint" | "root">,
  cgroup: string,
): string {
  const inside = root === "/"
    ? cgroup
    : cgroup.startsWith(`${root}/`) || cgroup === root
    ? cgroup.slice(root.length)
    // It lies outside of what this mount shows.
    : "/";
  return inside === "/" || inside === "" ? mountPoint : mountPoint + inside.replace(/\/+$/, "");
}

/** Takes the two files of the kernel's apart. */
export function parseHierarchies(mountinfo: string, cgroups: string): Hierarchy[] {
  const own = new Map<string, string>();
  for (const line of cgroups.split("\n")) {
    const [, , names, path] = /^(\d+):([^:]*):(.*)$/.exec(line) ?? [];
    if (names === undefined) continue;
    for (const name of names.split(",")) own.set(name, path!);
  }
  const found: Hierarchy[] = [];
  for (const line of mountinfo.split("\n")) {
    const [before, after] = line.split(" - ");
    const [type, , options = ""] = after?.split(" ") ?? [];
    if (type !== "cgroup" && type !== "cgroup2") continue;
    const [, , , root, mountPoint] = before!.split(" ").map(unescape);
    const place = { root: root!, mountPoint: mountPoint! };
    const words = options.split(",");
    const version = type === "cgroup2" ? 2 : 1;
    const controllers = version === 2
      ? controllersOf(readWords(`${place.mountPoint}/cgroup.controllers`))
      : controllersOf(words);
    const path = version === 2 ? own.get("") : words.map((word) => own.get(word)).find(Boolean);
    if (path === undefined || (version === 1 && controllers.length === 0)) continue;
    // The same one mounted twice is one.
    const known = found.some((other) =>
      other.version === version && other.controllers.join() === controllers.join()
    );
    if (!known) found.push({ version, controllers, ...place, own: directoryOf(place, path) });
  }
  return found;
}

/** The hierarchies of this machine. */
export function readHierarchies(): Hierarchy[] {
  return parseHierarchies(
    readText("/proc/self/mountinfo") ?? "",
    readText("/proc/self/cgroup") ?? "",
  );
}
