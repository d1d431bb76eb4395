/**
 * Limits of a sandbox as those of an OCI bundle.
 *
 * @module
 */

import { parseSize } from "../../quantity.ts";
import type { LimitsSpec } from "../../spec.ts";
import type { Leftovers } from "./conversion.ts";

/** The limits as `linux.resources`. */
export function resources(limits: LimitsSpec, left: Leftovers) {
  const { memory, swap, cpus, pids, cpuset, memoryNodes, hugetlb, io = [] } = limits;
  const unified: Record<string, string> = {};
  if (limits.memoryHigh !== undefined) {
    unified["memory.high"] = String(parseSize(limits.memoryHigh, "limits.memoryHigh"));
  }
  if (limits.oomGroup !== undefined) unified["memory.oom.group"] = limits.oomGroup ? "1" : "0";
  if (limits.cpuWeight !== undefined) unified["cpu.weight"] = String(limits.cpuWeight);
  if (limits.ioWeight !== undefined) unified["io.weight"] = `default ${limits.ioWeight}`;
  const bytes = memory === undefined ? undefined : parseSize(memory, "limits.memory");
  const throttle: Record<string, object[]> = {};
  for (const { device, rbps, wbps, riops, wiops } of io) {
    const [major, minor] = device.split(":").map(Number);
    if (minor === undefined || Number.isNaN(major)) {
      left.add("limits.io", `give "${device}" by its numbers`);
      continue;
    }
    const rates = { ReadBps: rbps, WriteBps: wbps, ReadIOPS: riops, WriteIOPS: wiops };
    for (const [name, rate] of Object.entries(rates)) {
      if (rate === undefined) continue;
      (throttle[`throttle${name}Device`] ??= []).push({
        major,
        minor,
        rate: parseSize(rate, "limits.io"),
      });
    }
  }
  return {
    ...(bytes === undefined && swap === undefined ? {} : {
      memory: {
        ...(bytes === undefined ? {} : { limit: bytes }),
        // There it is memory and swap together.
        ...(bytes === undefined ? {} : { swap: bytes + parseSize(swap ?? 0, "limits.swap") }),
      },
    }),
    ...(cpus === undefined && cpuset === undefined && memoryNodes === undefined ? {} : {
      cpu: {
        ...(cpus === undefined ? {} : { period: 100_000, quota: Math.round(cpus * 100_000) }),
        ...(cpuset === undefined ? {} : { cpus: cpuset }),
        ...(memoryNodes === undefined ? {} : { mems: memoryNodes }),
      },
    }),
    ...(pids === undefined ? {} : { pids: { limit: pids } }),
    ...(hugetlb === undefined ? {} : {
      hugepageLimits: Object.entries(hugetlb).map(([page, limit]) => ({
        pageSize: `${page.toUpperCase().replace(/I?B$/, "")}B`,
        limit: parseSize(limit, "limits.hugetlb"),
      })),
    }),
    ...(Object.keys(throttle).length === 0 ? {} : { blockIO: throttle }),
    ...(Object.keys(unified).length === 0 ? {} : { unified }),
  };
}
