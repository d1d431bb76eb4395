/**
 * What a running sandbox uses: what its cgroup counts, or what proc says of its processes.
 *
 * @module
 */

import type { Cgroup, SandboxStatistics } from "../../hook.ts";
import type { Member } from "./members.ts";

/** `USER_HZ`, which is the same for all programs. proc_pid_stat(5). */
const TICK = 10;

function read(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}

/** Counts now. */
export function statisticsOf(
  members: readonly Member[],
  cgroup: Cgroup | undefined,
): SandboxStatistics {
  const at = Date.now(), processes = members.length;
  let user = 0, system = 0, memory = 0;
  const counted = cgroup?.statistics();
  if (counted?.cpu === undefined || counted.memory === undefined) {
    for (const { pid } of members) {
      const stat = read(`/proc/${pid}/stat`);
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ").map(Number);
      // utime, stime, cutime, cstime
      user += ((fields[11] ?? 0) + (fields[13] ?? 0)) * TICK;
      system += ((fields[12] ?? 0) + (fields[14] ?? 0)) * TICK;
      memory += Number(/^VmRSS:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) * 1024;
    }
  }
  return {
    source: counted === undefined ? "proc" : "cgroup",
    at,
    cpu: counted?.cpu ?? { total: user + system, user, system },
    memory: counted?.memory?.current ?? memory,
    processes,
    ...(counted === undefined ? {} : { cgroup: counted }),
  };
}
