/**
 * Finds or makes the cgroup of version 2 in which sandboxes get theirs: one that has no processes
 * of its own and gives its controllers on to its children ("no internal processes" in cgroups(7)).
 *
 * @module
 */

import { SandboxError, UnsupportedError } from "../errors.ts";
import type { Controller } from "../plan/cgroup_layout.ts";
import { controllersOf, type Hierarchy, processesIn, readText, readWords } from "./hierarchies.ts";
import { isRootCgroup, mayWrite, refused } from "./layout.ts";

/** What is asked of a base. */
export interface BaseRequest {
  readonly hierarchy: Hierarchy;
  /** What cannot be done without. */
  readonly needed: readonly Controller[];
  /** What is had besides, where it can be. */
  readonly counted: readonly Controller[];
  /** The directory that the user named. */
  readonly parent?: string;
  /** The agent: it makes the sandboxes' processes, and has to be within the base. */
  readonly agent: number;
  readonly uid: number;
}

function enabled(directory: string): Controller[] {
  return controllersOf(readWords(`${directory}/cgroup.subtree_control`));
}

/** Gives controllers on to the children of a cgroup; the first errno's name that is in the way. */
function enable(directory: string, controllers: readonly Controller[]): string | undefined {
  const has = enabled(directory);
  const missing = controllers.filter((name) => !has.includes(name));
  if (missing.length === 0) return undefined;
  try {
    Deno.writeTextFileSync(
      `${directory}/cgroup.subtree_control`,
      missing.map((name) => `+${name}`).join(" "),
    );
    return undefined;
  } catch (error) {
    return String(error instanceof Error ? error.message : error);
  }
}

/** Gives on what is needed, or says why not; and what else there is. */
function open(directory: string, { needed, counted, uid }: BaseRequest): string {
  const there = controllersOf(readWords(`${directory}/cgroup.controllers`));
  const missing = needed.filter((name) => !there.includes(name));
  if (missing.length > 0) {
    throw new UnsupportedError(
      `limits with the controllers ${missing.join(", ")}`,
      `"${directory}" has only ${
        there.join(", ") || "none"
      }; have its parents give them on, e.g. \`echo +${
        missing.join(" +")
      } > PARENT/cgroup.subtree_control\`, or with systemd by Delegate=${missing.join(" ")}`,
    );
  }
  const error = enable(directory, needed);
  if (error !== undefined) {
    if (!mayWrite(directory)) throw refused(directory, uid);
    throw new UnsupportedError(
      "limits",
      `"${directory}" cannot give on ${
        needed.join(", ")
      }: ${error}; it may have processes of its own: move them into a child, or give limits.parent a cgroup without any`,
    );
  }
  for (const name of counted) if (there.includes(name)) enable(directory, [name]);
  return directory;
}

/** Whether a process is this program, or was started by it. */
function isOwn(pid: number): boolean {
  for (let at = pid; at > 1;) {
    if (at === Deno.pid) return true;
    at = Number(/\) \S (\d+)/.exec(readText(`/proc/${at}/stat`) ?? "")?.[1] ?? 0);
  }
  return pid === Deno.pid;
}

/** Where this program goes itself, so that its cgroup has no processes. */
const OWN_LEAF = "paddock-host";

/** Moves this program, if it is alone in its cgroup, into a child of that. */
function stepDown(directory: string): boolean {
  if (!processesIn(directory).every(isOwn) || !mayWrite(directory)) return false;
  const leaf = `${directory}/${OWN_LEAF}`;
  try {
    Deno.mkdirSync(leaf);
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) return false;
  }
  // New ones may come while it is done.
  for (let round = 0; round < 10; round++) {
    const pids = processesIn(directory);
    if (pids.length === 0) return true;
    for (const pid of pids) {
      try {
        Deno.writeTextFileSync(`${leaf}/cgroup.procs`, String(pid));
      } catch { /* it has ended */ }
    }
  }
  return processesIn(directory).length === 0;
}

/**
 * The nearest cgroup above this program's that this user may divide and that has no processes of its
 * own: one that was delegated, or for root any. What limits only this program's own cgroup does not
 * hold for what is made beside it, so this comes last.
 */
function baseAbove(request: BaseRequest): { base?: string; error?: UnsupportedError } {
  const { hierarchy, needed } = request;
  const { own, mountPoint } = hierarchy;
  let first: UnsupportedError | undefined;
  for (let at = own; at.length > mountPoint.length;) {
    at = at.slice(0, at.lastIndexOf("/"));
    // To go into a cgroup beside one's own takes the right to write here.
    if (!mayWrite(at) || !mayWrite(`${at}/cgroup.procs`)) break;
    const gives = needed.every((name) => enabled(at).includes(name));
    if (!gives && processesIn(at).length > 0 && !isRootCgroup(at)) continue;
    try {
      return { base: open(at, request) };
    } catch (error) {
      if (!(error instanceof UnsupportedError)) throw error;
      first ??= error;
    }
  }
  return { error: first };
}

/** The directory that holds both. */
function commonAncestor(one: string, other: string): string {
  const parts = one.split("/"), others = other.split("/");
  const differs = parts.findIndex((part, index) => part !== others[index]);
  return differs === -1 ? one : parts.slice(0, differs).join("/");
}

/** What an ordinary user named has to lie within what was delegated together with his own cgroup. */
function checkEntrance({ hierarchy, uid }: BaseRequest, parent: string): void {
  const ancestor = commonAncestor(hierarchy.own, parent);
  if (mayWrite(`${ancestor}/cgroup.procs`)) return;
  throw new UnsupportedError(
    "limits",
    `user ${uid} may not move processes from "${hierarchy.own}" to "${parent}", for that takes the right to write "${ancestor}/cgroup.procs"; have root start the program in a child of the delegated cgroup, or run it by \`systemd-run --user --scope -p Delegate=yes\``,
  );
}

/** Finds or makes the base. Throws an `UnsupportedError` that says what would make it possible. */
export async function findBase(request: BaseRequest): Promise<string> {
  const { hierarchy, needed, parent, uid, agent } = request;
  const { own } = hierarchy;
  if (parent !== undefined) {
    if (readText(`${parent}/cgroup.procs`) === undefined) throw refused(parent, uid);
    checkEntrance(request, parent);
    return open(parent, request);
  }
  if (isRootCgroup(own)) return open(own, request);
  // Children without controllers are possible beside processes.
  if (needed.length === 0 && mayWrite(own)) return own;
  // This program, or one that started it, has stepped down already.
  if (own.endsWith(`/${OWN_LEAF}`)) {
    const base = own.slice(0, own.lastIndexOf("/"));
    if (mayWrite(base) && processesIn(base).length === 0) return open(base, request);
  }
  const { systemdScope, runsSystemd } = await import("./systemd.ts");
  if (runsSystemd(uid)) {
    try {
      return open(await systemdScope(hierarchy, agent, uid), request);
    } catch (cause) {
      if (!(cause instanceof SandboxError)) throw cause;
      const { base } = baseAbove(request);
      if (base !== undefined) return base;
      throw cause;
    }
  }
  // Root's sandboxes stay within what limits root's program, where that can be.
  if (uid === 0 && stepDown(own)) return open(own, request);
  const { base, error } = baseAbove(request);
  if (base !== undefined) return base;
  if (stepDown(own)) return open(own, request);
  if (error !== undefined) throw error;
  if (!mayWrite(own)) throw refused(own, uid);
  throw new UnsupportedError(
    "limits",
    `the cgroup "${own}" has other processes, so it cannot give its controllers on; move them into a child of it (\`mkdir ${own}/init; for pid in $(cat ${own}/cgroup.procs); do echo $pid > ${own}/init/cgroup.procs; done\`), or give limits.parent a cgroup without processes`,
  );
}
