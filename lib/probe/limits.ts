/**
 * Probes of cgroups: each limit is set for a sandbox.
 *
 * @module
 */

import { readHierarchies } from "../cgroup/hierarchies.ts";
import { runsSystemd } from "../cgroup/systemd.ts";
import type { ProbeId } from "./ids.ts";
import { sandbox } from "../sandbox.ts";
import type { LimitsSpec } from "../spec.ts";
import { type Finds, type Probe, refused, works } from "./finding.ts";

function hierarchies(): Finds {
  const found = readHierarchies();
  const systemd = runsSystemd(Deno.uid() ?? 0) ? "; systemd is there to ask" : "";
  const unified = found.find(({ version }) => version === 2);
  const old = found.filter(({ version }) => version === 1).flatMap(({ controllers }) =>
    controllers
  );
  if (found.length === 0) {
    return {
      status: "missing",
      detail: "none is mounted",
      cost: "limits() and all options of limits but --timeout and --rlimit are refused",
      remedy: "sudo mount -t cgroup2 none /sys/fs/cgroup",
    };
  }
  const has = unified?.controllers.join(" ") || "no controllers";
  if (old.length === 0) return works(`version 2: ${has}; yours: ${unified!.own}${systemd}`);
  return {
    status: "limited",
    detail: `version 1: ${old.join(" ")}${unified ? `; version 2: ${has}` : ""}${systemd}`,
    cost: "no memoryHigh, oomGroup or pressure, and ten milliseconds more for a launch",
    remedy: "boot with systemd.unified_cgroup_hierarchy=1",
  };
}

const REMEDY_ROOT = "look at /sys/fs/cgroup/cgroup.controllers, and boot with what is missing";
const REMEDY_USER =
  "systemd-run --user --scope -p Delegate=yes paddock ..., or have root delegate a cgroup";

function limit(id: ProbeId, title: string, limits: LimitsSpec): Probe {
  return {
    id,
    needs: "sandbox",
    group: "Limits",
    title,
    async look() {
      try {
        const { success } = await sandbox().timeout("20s").limits(limits)
          .output(["/bin/sh", "-c", ":"]);
        if (success) return works(`a sandbox got ${JSON.stringify(limits)}`);
        throw new Error("the command failed under it");
      } catch (error) {
        return refused(error, `no ${title}`, Deno.uid() === 0 ? REMEDY_ROOT : REMEDY_USER);
      }
    },
  };
}

/** In their order. */
export const LIMITS: readonly Probe[] = [
  { id: "cgroups", group: "Limits", title: "cgroups", look: hierarchies },
  limit("limit-memory", "limits of memory", { memory: "256M" }),
  limit("limit-pids", "limits of processes", { pids: 64 }),
  limit("limit-cpus", "limits of processor time", { cpus: 0.5 }),
  limit("limit-cpuset", "choice of processors", { cpuset: firstProcessor() }),
];

/** One that this program may run on. */
function firstProcessor(): string {
  try {
    const status = Deno.readTextFileSync("/proc/self/status");
    return /^Cpus_allowed_list:\s*(\d+)/m.exec(status)?.[1] ?? "0";
  } catch {
    return "0";
  }
}
