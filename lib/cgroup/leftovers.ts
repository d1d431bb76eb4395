/**
 * Removes what programs left that were killed together with the keepers of their cgroups.
 *
 * A cgroup's name says who made it: `paddock.PIDNS.PID.START.N`, the agent's pid namespace, its pid
 * and when it was started. A number alone could mean another process by now.
 *
 * @module
 */

import { processesIn, readText } from "./hierarchies.ts";

/**
 * When a process was started, in clock ticks since the boot; undefined for one that has ended, and
 * waits for a parent who may never ask. proc_pid_stat(5), fields 3 and 22.
 */
export function startOf(pid: number): string | undefined {
  const [state, ...fields] = readText(`/proc/${pid}/stat`)?.replace(/^.*\) /s, "").split(" ") ?? [];
  return state === undefined || "ZX".includes(state) ? undefined : fields[18];
}

function pidNamespace(): string {
  return /\d+/.exec(Deno.readLinkSync("/proc/self/ns/pid"))![0];
}

/** What the names of all cgroups begin with that this agent makes. */
export function namePrefix(agent: number): string {
  return `paddock.${pidNamespace()}.${agent}.${startOf(agent) ?? 0}.`;
}

/** Whether whoever made a cgroup of this name is gone for sure. */
function isLeftOver(name: string, namespace: string): boolean {
  const [, of, pid, start] = /^paddock\.(\d+)\.(\d+)\.(\d+)\.\d+$/.exec(name) ?? [];
  // The pids of another namespace are not to be known here.
  return of === namespace && startOf(Number(pid)) !== start;
}

/** Kills who is in a cgroup and its children, and removes it; false if that takes longer. */
export function removeTree(directory: string): boolean {
  let whole = true;
  for (const entry of Deno.readDirSync(directory)) {
    if (entry.isDirectory) whole = removeTree(`${directory}/${entry.name}`) && whole;
  }
  for (const pid of processesIn(directory)) {
    try {
      Deno.kill(pid, "SIGKILL");
    } catch { /* it has ended */ }
  }
  try {
    Deno.removeSync(directory);
  } catch (error) {
    return error instanceof Deno.errors.NotFound;
  }
  return whole;
}

/** Names and directories of what is left over in these. */
export function findLeftovers(directories: readonly string[]): string[] {
  const namespace = pidNamespace();
  return directories.flatMap((directory) => {
    try {
      return [...Deno.readDirSync(directory)]
        .filter(({ name, isDirectory }) => isDirectory && isLeftOver(name, namespace))
        .map(({ name }) => `${directory}/${name}`);
    } catch {
      return [];
    }
  });
}

/** How long killed processes may take to end, in milliseconds. */
const PATIENCE = 2000;

/** Removes what is left over in these directories. Returns what could not be removed. */
export async function removeLeftovers(directories: readonly string[]): Promise<string[]> {
  let left = findLeftovers(directories);
  const end = performance.now() + PATIENCE;
  for (;;) {
    left = left.filter((path) => !removeTree(path));
    if (left.length === 0 || performance.now() > end) return left;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
