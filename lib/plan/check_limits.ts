/**
 * Checks what a description says of a sandbox's cgroup.
 *
 * @module
 */

import { SpecError } from "../errors.ts";
import { checkKeys } from "../known_keys.ts";
import { parseCpuList, parseSize } from "../quantity.ts";
import type { LimitsSpec } from "../spec.ts";
import { isRecord, show } from "./check_values.ts";

/** The least quota that the kernel takes is a millisecond of its period of 100. */
const LEAST_CPUS = 0.01;

function checkNumber(value: unknown, least: number, most: number, field: string): void {
  if (!Number.isInteger(value) || value as number < least || value as number > most) {
    const range = most === Infinity ? `of at least ${least}` : `from ${least} to ${most}`;
    throw new SpecError(field, `${show(value)} is not a whole number ${range}`);
  }
}

function checkSize(value: unknown, field: string, least: number): void {
  if (parseSize(value as string, field) < least) {
    throw new SpecError(field, `${show(value)} is too small; at least ${least} bytes`);
  }
}

const size = (value: unknown, field: string) => checkSize(value, field, 0);

function checkIo(list: unknown): void {
  if (!Array.isArray(list)) throw new SpecError("limits.io", "is a list, one entry a device");
  list.forEach((entry: unknown, index) => {
    const at = `limits.io[${index}]`;
    if (!isRecord(entry)) throw new SpecError(at, `${show(entry)} is not { device, rbps, .. }`);
    checkKeys(entry, at, ["device", "rbps", "wbps", "riops", "wiops"]);
    const { device, ...rates } = entry;
    if (typeof device !== "string" || !/^(\/.*|\d+:\d+)$/.test(device)) {
      throw new SpecError(`${at}.device`, `${show(device)} is neither a path nor e.g. "8:0"`);
    }
    if (Object.values(rates).every((rate) => rate === undefined)) {
      throw new SpecError(at, "limits nothing; give rbps, wbps, riops or wiops");
    }
    for (const [name, rate] of Object.entries(rates)) {
      if (rate === undefined) continue;
      if (name === "rbps" || name === "wbps") checkSize(rate, `${at}.${name}`, 1);
      else checkNumber(rate, 1, Infinity, `${at}.${name}`);
    }
  });
}

function checkHugetlb(limits: unknown): void {
  if (!isRecord(limits)) {
    throw new SpecError(
      "limits.hugetlb",
      'is a mapping of page sizes to limits, e.g. "2M" to "64M"',
    );
  }
  for (const [page, limit] of Object.entries(limits)) {
    checkSize(page, "limits.hugetlb", 4096);
    size(limit, `limits.hugetlb.${page}`);
  }
}

const CHECKS: { readonly [field in keyof Required<LimitsSpec>]: (value: unknown) => void } = {
  // A command cannot even be started in less; the kernel would reclaim without end.
  memory: (value) => checkSize(value, "limits.memory", 4096),
  memoryHigh: (value) => size(value, "limits.memoryHigh"),
  swap: (value) => size(value, "limits.swap"),
  oomGroup: (value) => {
    if (typeof value === "boolean") return;
    throw new SpecError("limits.oomGroup", `${show(value)} is neither true nor false`);
  },
  cpus: (value) => {
    if (typeof value === "number" && value >= LEAST_CPUS && Number.isFinite(value)) return;
    throw new SpecError("limits.cpus", `${show(value)} is not a number of at least ${LEAST_CPUS}`);
  },
  cpuWeight: (value) => checkNumber(value, 1, 10_000, "limits.cpuWeight"),
  pids: (value) => checkNumber(value, 1, 4_194_304, "limits.pids"),
  cpuset: (value) => void parseCpuList(value as string, "limits.cpuset"),
  memoryNodes: (value) => void parseCpuList(value as string, "limits.memoryNodes"),
  io: checkIo,
  ioWeight: (value) => checkNumber(value, 1, 10_000, "limits.ioWeight"),
  hugetlb: checkHugetlb,
  parent: (value) => {
    if (typeof value === "string" && /^\/[^\0]*$/.test(value) && !/(^|\/)\.\.(\/|$)/.test(value)) {
      return;
    }
    throw new SpecError("limits.parent", `${show(value)} is not the absolute path of a cgroup`);
  },
};

/** Throws a `SpecError` for a limit that there is not, or a value that it cannot have. */
export function checkLimits(limits: LimitsSpec | undefined): void {
  if (limits === undefined) return;
  if (!isRecord(limits)) throw new SpecError("limits", "is a mapping of names to limits");
  checkKeys(limits, "limits", Object.keys(CHECKS));
  for (const [name, value] of Object.entries(limits)) {
    if (value !== undefined) CHECKS[name as keyof LimitsSpec](value);
  }
}
