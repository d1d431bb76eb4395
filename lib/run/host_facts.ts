/**
 * Gathers what plans need to know of the machine and the caller. The answers are kept for two
 * seconds, so that a burst of launches asks once and a long-running program still sees a changed
 * `/etc/passwd`.
 *
 * @module
 */

import { accountName, subordinate } from "../ids/subordinate.ts";
import type { HostEntry, HostFacts } from "../plan/facts.ts";
import { hostTree } from "./host_tree.ts";
import { hostView } from "./host_view.ts";
import type { RlimitName } from "../spec.ts";
import { landlockVersion } from "../sys/landlock.ts";

const KEEP_MILLISECONDS = 2000;

/**
 * Deno raises its soft limit of open files to the hard one, and its children would inherit that;
 * programs that loop over all possible descriptors then take forever. The parent's limit is what
 * the caller's shell had.
 */
function softNofile(): number | undefined {
  try {
    const line = Deno.readTextFileSync(`/proc/${Deno.ppid}/limits`).split("\n")
      .find((entry) => entry.startsWith("Max open files"));
    const soft = line?.split(/\s+/)[3];
    return soft === undefined || soft === "unlimited" ? undefined : Number(soft);
  } catch {
    return 1024;
  }
}

/** How `/proc/PID/limits` calls each of them. */
const LIMIT_TITLES: Readonly<Record<RlimitName, string>> = {
  as: "address space",
  core: "core file size",
  cpu: "cpu time",
  data: "data size",
  fsize: "file size",
  locks: "file locks",
  memlock: "locked memory",
  msgqueue: "msgqueue size",
  nice: "nice priority",
  nofile: "open files",
  nproc: "processes",
  rss: "resident set",
  rtprio: "realtime priority",
  rttime: "realtime timeout",
  sigpending: "pending signals",
  stack: "stack size",
};

/** A hard limit of this program. proc_pid_limits(5). */
function hardLimit(name: RlimitName): number | "unlimited" {
  const title = `Max ${LIMIT_TITLES[name]} `;
  const line = Deno.readTextFileSync("/proc/self/limits").split("\n")
    .find((entry) => entry.startsWith(title));
  const hard = line?.slice(title.length).trim().split(/\s+/)[1];
  return hard === undefined || hard === "unlimited" ? "unlimited" : Number(hard);
}

/** Where a descriptor of this program leads. proc_pid_fd(5). */
function descriptorPath(fd: number): string | undefined {
  try {
    const path = Deno.readLinkSync(`/proc/self/fd/${fd}`);
    return path.startsWith("/") ? path : undefined;
  } catch {
    return undefined;
  }
}

interface Lasting {
  uid: number;
  gid: number;
  umask: number;
  softNofile: number | undefined;
}

let lasting: Lasting | undefined;
let kept: { at: number; hostView: HostEntry[] } | undefined;

/** What may change from one line of the program to the next is asked for when it is wanted. */
const NOW: Pick<
  HostFacts,
  | "cwd"
  | "descriptorPath"
  | "env"
  | "envNames"
  | "hardLimit"
  | "hostTree"
  | "landlockVersion"
  | "subordinate"
> = {
  hostTree,
  descriptorPath,
  hardLimit,
  cwd: () => Deno.cwd(),
  env: (name) => Deno.env.get(name),
  envNames: () => Object.keys(Deno.env.toObject()),
  landlockVersion,
  subordinate: () => {
    const uid = Deno.uid() ?? 0, name = accountName(uid);
    return {
      uids: subordinate("/etc/subuid", uid, name),
      gids: subordinate("/etc/subgid", uid, name),
    };
  },
};

/** The facts, as they are now or were at most two seconds ago. */
export function hostFacts(): HostFacts {
  lasting ??= {
    uid: Deno.uid() ?? 0,
    gid: Deno.gid() ?? 0,
    umask: Deno.umask(),
    softNofile: softNofile(),
  };
  const now = performance.now();
  if (kept === undefined || now - kept.at > KEEP_MILLISECONDS) {
    kept = { at: now, hostView: hostView() };
  }
  return { ...lasting, hostView: kept.hostView, ...NOW };
}
