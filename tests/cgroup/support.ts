/**
 * What the tests of limits share.
 *
 * @module
 */

import { sandbox, UnsupportedError } from "../../mod.ts";
import { readHierarchies } from "../../lib/cgroup/hierarchies.ts";

async function whyNot(): Promise<string> {
  try {
    await sandbox().limits({ memory: "64M", pids: 20, cpus: 1 }).output(["true"]);
    return "";
  } catch (error) {
    if (!(error instanceof UnsupportedError)) throw error;
    return error.message;
  }
}

/** Why this machine or user has no limits; empty where it has. */
export const WHY_NOT = await whyNot();

/** Whether it has. */
export const CAN_LIMIT = WHY_NOT === "";

/** All directories below one, without their depth's end. */
function* walk(directory: string): Generator<string> {
  let entries: Deno.DirEntry[];
  try {
    entries = [...Deno.readDirSync(directory)];
  } catch {
    return;
  }
  for (const { name, isDirectory } of entries) {
    if (!isDirectory) continue;
    yield `${directory}/${name}`;
    yield* walk(`${directory}/${name}`);
  }
}

/** The cgroups of sandboxes that this program has started, in every hierarchy. */
export function cgroupsOfTests(pid: number = Deno.pid): string[] {
  return readHierarchies().flatMap(({ mountPoint }) => [...walk(mountPoint)]).filter((path) => {
    const agent = /\/paddock\.\d+\.(\d+)\.\d+\.\d+$/.exec(path)?.[1];
    if (agent === undefined) return false;
    try {
      return new RegExp(`\\) \\S ${pid} `).test(Deno.readTextFileSync(`/proc/${agent}/stat`));
    } catch {
      // Its agent is gone. This program's is not.
      return pid !== Deno.pid;
    }
  });
}
