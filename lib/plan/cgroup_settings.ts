/**
 * What limits mean in the kernel's files: a pure function, for a cgroup that is being made as for
 * one that lives. cgroups(7), and the kernel's admin-guide/cgroup-v2 and admin-guide/cgroup-v1.
 *
 * @module
 */

import { UnsupportedError } from "../errors.ts";
import { parseSize } from "../quantity.ts";
import type { IoLimit, LimitsSpec } from "../spec.ts";
import { type CgroupLayout, type Controller, placeOf } from "./cgroup_layout.ts";

/** A value for a file of the cgroup. */
export interface CgroupSetting {
  /** Which place of the layout. */
  readonly place: number;
  readonly file: string;
  readonly value: string;
  /** What it does, e.g. `limit memory to 64M`. */
  readonly sentence: string;
  /** The limit's name in the description. */
  readonly field: keyof LimitsSpec;
  /** What an errno means here. */
  readonly hints?: Readonly<Record<string, string>>;
  /** A kernel without the file has nothing to limit. */
  readonly optional?: boolean;
}

/** Microseconds in which a quota is used up. */
const PERIOD = 100_000;

const FIELDS: Readonly<Partial<Record<keyof LimitsSpec, Controller>>> = {
  memory: "memory",
  memoryHigh: "memory",
  swap: "memory",
  oomGroup: "memory",
  cpus: "cpu",
  cpuWeight: "cpu",
  pids: "pids",
  cpuset: "cpuset",
  memoryNodes: "cpuset",
  io: "io",
  ioWeight: "io",
  hugetlb: "hugetlb",
};

/** The controllers that limits cannot do without. */
export function neededControllers(limits: LimitsSpec): Controller[] {
  const needed = (Object.keys(limits) as (keyof LimitsSpec)[]).flatMap((field) =>
    limits[field] === undefined ? [] : FIELDS[field] ?? []
  );
  return [...new Set(needed)];
}

/** The kernel's name for a size of huge pages, e.g. `2MB`. */
function pageSize(page: string): string {
  const bytes = parseSize(page, "limits.hugetlb");
  for (const [unit, size] of [["GB", 2 ** 30], ["MB", 2 ** 20], ["KB", 2 ** 10]] as const) {
    if (bytes >= size) return `${bytes / size}${unit}`;
  }
  return `${bytes}B`;
}

function v2Only(feature: string): never {
  throw new UnsupportedError(
    feature,
    "only cgroup v2 has it, and the memory controller is in v1's hierarchy here; boot with systemd.unified_cgroup_hierarchy=1 (cgroup_no_v1=all), or leave it out",
  );
}

const NO_PROCESSOR = {
  EINVAL: "none of them is there, or not in the parent's cpuset",
  ERANGE: "there are no such numbers",
  EACCES: "they are not in the parent's cpuset",
};
const NO_DISK = {
  ENODEV: "there is no such disk, or it is a partition; name the whole disk",
  EINVAL: "there is no such disk; name the whole disk by its path or numbers",
};

/** What one limit is where the controller is in the v2 hierarchy. */
function unified(limits: LimitsSpec, field: keyof LimitsSpec, extra: number): Partial<
  CgroupSetting
>[] {
  const bytes = (value: string | number) => String(parseSize(value, `limits.${field}`));
  const { memory, memoryHigh, swap, cpus, cpuWeight, pids, cpuset, memoryNodes, ioWeight } = limits;
  switch (field) {
    case "memory":
      return [
        { file: "memory.max", value: bytes(memory!), sentence: `limit memory to ${memory}` },
        ...(swap === undefined
          ? [{ file: "memory.swap.max", value: "0", sentence: "allow no swap", optional: true }]
          : []),
      ];
    case "memoryHigh":
      return [{
        file: "memory.high",
        value: bytes(memoryHigh!),
        sentence: `slow down above ${memoryHigh} of memory`,
      }];
    case "swap":
      return [{
        file: "memory.swap.max",
        value: bytes(swap!),
        sentence: `limit swap to ${swap}`,
        hints: { ENOENT: "this kernel does not count swap; boot with swapaccount=1" },
      }];
    case "oomGroup":
      return [{
        file: "memory.oom.group",
        value: limits.oomGroup ? "1" : "0",
        sentence: limits.oomGroup
          ? "kill all of it when its memory ends"
          : "kill the largest process when its memory ends",
      }];
    case "cpus":
      return [{
        file: "cpu.max",
        value: `${Math.round(cpus! * PERIOD)} ${PERIOD}`,
        sentence: `limit the processors' time to ${cpus}`,
      }];
    case "cpuWeight":
      return [{
        file: "cpu.weight",
        value: String(cpuWeight),
        sentence: `weigh ${cpuWeight} for the processors`,
      }];
    case "pids":
      return [{
        file: "pids.max",
        value: String(pids! + extra),
        sentence: `limit processes to ${pids}`,
      }];
    case "cpuset":
      return [{
        file: "cpuset.cpus",
        value: cpuset!,
        sentence: `run on the processors ${cpuset} only`,
        hints: NO_PROCESSOR,
      }];
    case "memoryNodes":
      return [{
        file: "cpuset.mems",
        value: memoryNodes!,
        sentence: `use the memory nodes ${memoryNodes} only`,
        hints: NO_PROCESSOR,
      }];
    case "io":
      return limits.io!.map((limit) => {
        const rates = ioRates(limit).map(([name, rate]) => `${name}=${rate}`).join(" ");
        return {
          file: "io.max",
          value: `${limit.device} ${rates}`,
          sentence: `limit the disk ${limit.device} to ${rates}`,
          hints: NO_DISK,
        };
      });
    case "ioWeight":
      return [{
        file: "io.weight",
        value: `default ${ioWeight}`,
        sentence: `weigh ${ioWeight} for the disks`,
        hints: {
          ENOENT: "this kernel has no weights for disks; it wants CONFIG_BLK_CGROUP_IOCOST",
        },
      }];
    case "hugetlb":
      return Object.entries(limits.hugetlb!).map(([page, limit]) => ({
        file: `hugetlb.${pageSize(page)}.max`,
        value: bytes(limit),
        sentence: `limit huge pages of ${page} to ${limit}`,
        hints: { ENOENT: "this machine has no huge pages of that size" },
      }));
    default:
      return [];
  }
}

/** What one limit is where the controller is in a hierarchy of version 1. */
function legacy(
  limits: LimitsSpec,
  field: keyof LimitsSpec,
  extra: number,
  memsw: boolean,
): Partial<CgroupSetting>[] {
  const [same] = unified(limits, field, extra);
  const renamed = (file: string, value = same!.value!) => [{ ...same, file, value }];
  const total = (memory: string | number, swap: string | number) =>
    String(parseSize(memory, "limits.memory") + parseSize(swap, "limits.swap"));
  switch (field) {
    case "memory":
      return [
        ...renamed("memory.limit_in_bytes"),
        ...(limits.swap !== undefined ? [] : memsw
          ? [{
            file: "memory.memsw.limit_in_bytes",
            value: same!.value!,
            sentence: "allow no swap",
          }]
          : [{ file: "memory.swappiness", value: "0", sentence: "avoid swap" }]),
      ];
    case "swap":
      if (!memsw) {
        throw new UnsupportedError("a limit of swap", "boot the kernel with swapaccount=1");
      }
      if (limits.memory === undefined) {
        throw new UnsupportedError(
          "a limit of swap alone",
          "cgroup v1 counts swap and memory together; limit memory too",
        );
      }
      return renamed("memory.memsw.limit_in_bytes", total(limits.memory, limits.swap!));
    case "memoryHigh":
      return v2Only("a limit that slows down");
    case "oomGroup":
      return limits.oomGroup ? v2Only("killing all of a sandbox when its memory ends") : [];
    case "cpus":
      return [
        {
          ...same,
          file: "cpu.cfs_period_us",
          value: String(PERIOD),
          sentence: "count the processors' time in periods of 100 ms",
        },
        ...renamed("cpu.cfs_quota_us", String(Math.round(limits.cpus! * PERIOD))),
      ];
    case "cpuWeight":
      // 100 is 1024 there, and 2 the least.
      return renamed(
        "cpu.shares",
        String(Math.max(2, Math.round(limits.cpuWeight! * 1024 / 100))),
      );
    case "io":
      return limits.io!.flatMap((limit) =>
        ioRates(limit).map(([name, rate]) => ({
          file: `blkio.throttle.${name.startsWith("r") ? "read" : "write"}_${name.slice(1)}_device`,
          value: `${limit.device} ${rate}`,
          sentence: `limit the disk ${limit.device} to ${name}=${rate}`,
          hints: NO_DISK,
        }))
      );
    case "ioWeight":
      // 100 is the default there too.
      if (limits.ioWeight! > 1000) {
        throw new UnsupportedError(
          `limits.ioWeight of ${limits.ioWeight}`,
          "1000 is the most in cgroup v1",
        );
      }
      return [{
        ...same,
        file: "blkio.bfq.weight",
        value: String(limits.ioWeight),
        hints: { ENOENT: "only disks with the scheduler bfq have weights in cgroup v1" },
      }];
    case "hugetlb":
      return unified(limits, field, extra).map((setting) => ({
        ...setting,
        file: setting.file!.replace(/max$/, "limit_in_bytes"),
      }));
    default:
      return unified(limits, field, extra);
  }
}

function ioRates(limit: IoLimit): [string, number][] {
  return (["rbps", "wbps", "riops", "wiops"] as const).flatMap((name) => {
    const rate = limit[name];
    return rate === undefined ? [] : [[name, parseSize(rate, `limits.io.${name}`)]];
  });
}

/**
 * The values of all limits, in the order in which to write them. `supervisors` processes of
 * Paddock's own are in the cgroup and not of the command. Throws an `UnsupportedError` for a limit
 * that nothing here can enforce.
 */
export function cgroupSettings(
  limits: LimitsSpec,
  layout: CgroupLayout,
  supervisors: number,
): CgroupSetting[] {
  const settings: CgroupSetting[] = [];
  for (const [field, controller] of Object.entries(FIELDS) as [keyof LimitsSpec, Controller][]) {
    if (limits[field] === undefined) continue;
    const place = placeOf(layout, controller);
    if (place === undefined) {
      throw new UnsupportedError(
        `limits.${field}`,
        `there is no ${controller} controller here; see /proc/cgroups, and the kernel's options cgroup_disable and cgroup_no_v1`,
      );
    }
    const { version, memsw = false } = layout[place]!;
    const list = version === 2
      ? unified(limits, field, supervisors)
      : legacy(limits, field, supervisors, memsw);
    for (const setting of list) settings.push({ place, field, ...setting } as CgroupSetting);
  }
  return settings;
}
