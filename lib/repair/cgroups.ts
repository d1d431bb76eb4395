/**
 * Cgroups whose agent is gone, wherever they are.
 *
 * @module
 */

import { readHierarchies } from "../cgroup/hierarchies.ts";
import { mayWrite } from "../cgroup/layout.ts";
import { findLeftovers, removeLeftovers } from "../cgroup/leftovers.ts";
import { SandboxError } from "../errors.ts";
import type { Leftover } from "./leftover.ts";

/** A directory and all below it that this user may divide. */
function* divisible(directory: string): Generator<string> {
  if (mayWrite(directory)) yield directory;
  let entries: Deno.DirEntry[];
  try {
    entries = [...Deno.readDirSync(directory)];
  } catch {
    return;
  }
  for (const { name, isDirectory } of entries) {
    if (isDirectory && !name.startsWith("paddock.")) yield* divisible(`${directory}/${name}`);
  }
}

/** Finds them. */
export function leftoverCgroups(): Leftover[] {
  const mounts = new Set(readHierarchies().map(({ mountPoint }) => mountPoint));
  const directories = [...mounts].flatMap((mount) => [...divisible(mount)]);
  return findLeftovers(directories).map((path) => ({
    kind: "cgroup",
    name: path,
    why: "the process that its name says made it is gone",
    async remove() {
      const directory = path.slice(0, path.lastIndexOf("/"));
      if ((await removeLeftovers([directory])).includes(path)) {
        throw new SandboxError(`"${path}" still has processes, which do not end`);
      }
    },
  }));
}
