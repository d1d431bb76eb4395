/**
 * A cgroup that has no processes but other sandboxes' cgroups: its limits hold for all of them
 * together. It is made and removed by this program, and goes by the names of the agent's others, so
 * that whoever removes what is left over finds it. cgroups(7).
 *
 * @module
 */

import { SandboxError } from "../errors.ts";
import type { CgroupLayout } from "../plan/cgroup_layout.ts";
import type { LimitsSpec } from "../spec.ts";
import { SandboxCgroup } from "./cgroup.ts";
import { type Hierarchy, readHierarchies, readWords } from "./hierarchies.ts";
import { mayWrite } from "./layout.ts";
import { removeLeftovers, removeTree } from "./leftovers.ts";
import { layoutOf, nextName } from "./session.ts";

/** How long it is waited for the cgroups within to be removed, in milliseconds. */
const PATIENCE = 2000;

/** A cgroup of cgroups. */
export class CgroupGroup implements AsyncDisposable {
  /** Its handle. */
  readonly cgroup: SandboxCgroup;
  /** In hierarchies where nothing of it is limited, but something of those within it may be. */
  readonly #more: readonly string[];

  /** Made by {@linkcode openGroup}. */
  constructor(cgroup: SandboxCgroup, more: readonly string[]) {
    this.cgroup = cgroup;
    this.#more = more;
  }

  /** The hierarchies as those within it see them: what is their own is this. */
  readonly hierarchies = (): Hierarchy[] =>
    readHierarchies().map((hierarchy) => {
      const own = [...this.cgroup.paths, ...this.#more].find((path) =>
        path.startsWith(`${hierarchy.mountPoint}/`)
      );
      return own === undefined ? hierarchy : { ...hierarchy, own };
    });

  /** Removes it, and whoever is still in it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.cgroup.close();
    const end = performance.now() + PATIENCE;
    let left = [...this.cgroup.paths, ...this.#more];
    for (;;) {
      left = left.filter((path) => !isRemoved(path));
      if (left.length === 0) return;
      if (performance.now() > end) {
        throw new SandboxError(
          `"${
            left[0]
          }" could not be removed: there are processes in it; the next program that makes cgroups there does it`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

function isRemoved(path: string): boolean {
  try {
    return removeTree(path);
  } catch (error) {
    // Whoever else removes what is in it may be quicker.
    if (error instanceof Deno.errors.NotFound) return !exists(path);
    throw error;
  }
}

function exists(path: string): boolean {
  return readWords(`${path}/cgroup.procs`).length > 0 || mayWrite(path);
}

/** What of version 1 the members of a group could be limited by, and the group itself is not. */
function otherPlaces(layout: CgroupLayout): { directory: string; cpuset: boolean }[] {
  return readHierarchies()
    .filter(({ version, controllers, own }) =>
      version === 1 && controllers.length > 0 && mayWrite(own) &&
      !layout.some(({ directory }) => directory === own)
    )
    .map(({ own, controllers }) => ({ directory: own, cpuset: controllers.includes("cpuset") }));
}

/** A new group of version 1's cpuset has no processors, and so has nobody in it. */
function fillCpuset(directory: string, path: string): void {
  for (const file of ["cpuset.cpus", "cpuset.mems"]) {
    const value = readWords(`${directory}/${file}`).join(",");
    Deno.writeTextFileSync(`${path}/${file}`, value, { create: false });
  }
}

/** Makes a cgroup for cgroups, with these limits. */
export async function openGroup(limits: LimitsSpec, agent: number): Promise<CgroupGroup> {
  const layout = await layoutOf(limits, agent);
  const name = nextName(agent);
  const others = limits.parent === undefined ? otherPlaces(layout) : [];
  await removeLeftovers(others.map(({ directory }) => directory));
  const paths = layout.map(({ directory }) => `${directory}/${name}`);
  const more = others.map(({ directory }) => `${directory}/${name}`);
  const group = new CgroupGroup(
    new SandboxCgroup(layout, paths, 0),
    more,
  );
  try {
    for (const path of [...paths, ...more]) Deno.mkdirSync(path);
    others.forEach(({ cpuset, directory }, index) => {
      if (cpuset) fillCpuset(directory, more[index]!);
    });
    for (const [index, { version, cpuset, controllers, directory }] of layout.entries()) {
      if (cpuset !== undefined) fillCpuset(directory, paths[index]!);
      if (version === 1) continue;
      const control = controllers.map((controller) => `+${controller}`).join(" ");
      Deno.writeTextFileSync(`${paths[index]}/cgroup.subtree_control`, control, { create: false });
    }
    const { parent: _, ...own } = limits;
    group.cgroup.update(own);
    return group;
  } catch (error) {
    await group[Symbol.asyncDispose]();
    throw error;
  }
}
