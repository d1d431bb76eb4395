/**
 * Reads what a cgroup has used, from the files of either version. cgroups(7).
 *
 * @module
 */

import type { CgroupStatistics, Pressure, PressureAverages } from "../hook/cgroup.ts";
import type { CgroupLayout, Controller } from "../plan/cgroup_layout.ts";
import { readText } from "./hierarchies.ts";

/** The directories of one sandbox's cgroup, beside the layout's places. */
export interface CgroupDirectories {
  readonly layout: CgroupLayout;
  readonly paths: readonly string[];
  /** Reads a file of it; without, as it is now. */
  readonly read?: (path: string) => string | undefined;
}

/** The lines `name number` of a file. */
function table(text: string | undefined): Map<string, number> {
  const entries = (text ?? "").split("\n").map((line) => line.split(" "));
  return new Map(entries.map(([name, value]) => [name!, Number(value)]));
}

function number(text: string | undefined): number | undefined {
  return text === undefined || !/^\d+\s*$/.test(text) ? undefined : Number(text);
}

class Reader {
  readonly #text: (path: string) => string | undefined;

  constructor(readonly of: CgroupDirectories) {
    this.#text = of.read ?? readText;
  }

  /** Where a controller's files are. */
  place(controller: Controller): { version: 1 | 2; path: string } | undefined {
    const { layout, paths } = this.of;
    const index = layout.findIndex(({ controllers }) => controllers.includes(controller));
    return index === -1 ? undefined : { version: layout[index]!.version, path: paths[index]! };
  }

  get unified(): string | undefined {
    return this.of.layout[0]?.version === 2 ? this.of.paths[0] : undefined;
  }

  cpu(): CgroupStatistics["cpu"] {
    // Also without its controller, version 2 counts time.
    const base = table(this.unified === undefined ? "" : this.#text(`${this.unified}/cpu.stat`));
    const cpu = this.place("cpu"), account = this.place("cpuacct");
    const throttle = cpu === undefined ? undefined : table(this.#text(`${cpu.path}/cpu.stat`));
    const throttled = throttle?.get("throttled_usec") ?? throttle?.get("throttled_time");
    const scale = cpu?.version === 2 ? 1e3 : 1e6;
    const held = throttled === undefined ? {} : {
      throttled: throttled / scale,
      throttledPeriods: throttle!.get("nr_throttled") ?? 0,
    };
    if (base.has("usage_usec")) {
      return {
        total: base.get("usage_usec")! / 1e3,
        user: base.get("user_usec")! / 1e3,
        system: base.get("system_usec")! / 1e3,
        ...held,
      };
    }
    if (account === undefined) return undefined;
    const nanoseconds = (file: string) => number(this.#text(`${account.path}/${file}`)) ?? 0;
    return {
      total: nanoseconds("cpuacct.usage") / 1e6,
      user: nanoseconds("cpuacct.usage_user") / 1e6,
      system: nanoseconds("cpuacct.usage_sys") / 1e6,
      ...held,
    };
  }

  memory(): CgroupStatistics["memory"] {
    const place = this.place("memory");
    if (place === undefined) return undefined;
    const read = (file: string) => this.#text(`${place.path}/memory.${file}`);
    const stat = table(read("stat"));
    if (place.version === 2) {
      const events = table(read("events"));
      return {
        current: number(read("current")) ?? 0,
        peak: number(read("peak")),
        swap: number(read("swap.current")),
        anonymous: stat.get("anon"),
        file: stat.get("file"),
        limitHits: events.get("max"),
        oomKills: events.get("oom_kill") ?? 0,
      };
    }
    return {
      current: number(read("usage_in_bytes")) ?? 0,
      peak: number(read("max_usage_in_bytes")),
      swap: stat.get("total_swap"),
      anonymous: stat.get("total_rss"),
      file: stat.get("total_cache"),
      limitHits: number(read("failcnt")),
      oomKills: table(read("oom_control")).get("oom_kill") ?? 0,
    };
  }

  pids(): CgroupStatistics["pids"] {
    const path = this.place("pids")?.path;
    if (path === undefined) return undefined;
    return {
      current: number(this.#text(`${path}/pids.current`)) ?? 0,
      peak: number(this.#text(`${path}/pids.peak`)),
      refused: table(this.#text(`${path}/pids.events`)).get("max"),
    };
  }

  io(): CgroupStatistics["io"] {
    const place = this.place("io");
    if (place === undefined) return undefined;
    const devices: NonNullable<CgroupStatistics["io"]> = {};
    const of = (device: string) => devices[device] ??= { read: 0, written: 0, reads: 0, writes: 0 };
    if (place.version === 2) {
      for (const line of (this.#text(`${place.path}/io.stat`) ?? "").split("\n")) {
        const [device, ...pairs] = line.split(" ");
        const values = new Map(pairs.map((pair) => pair.split("=") as [string, string]));
        const value = (name: string) => Number(values.get(name) ?? 0);
        if (!values.has("rbytes")) continue;
        Object.assign(of(device!), {
          read: value("rbytes"),
          written: value("wbytes"),
          reads: value("rios"),
          writes: value("wios"),
        });
      }
      return devices;
    }
    const files = [
      ["io_service_bytes", "read", "written"],
      ["io_serviced", "reads", "writes"],
    ] as const;
    for (const [file, read, write] of files) {
      const text = this.#text(`${place.path}/blkio.throttle.${file}_recursive`) ?? "";
      for (const line of text.split("\n")) {
        const [device, kind, count] = line.split(" ");
        if (kind === "Read") of(device!)[read] = Number(count);
        if (kind === "Write") of(device!)[write] = Number(count);
      }
    }
    return devices;
  }
}

/** All that the kernel has counted. */
export function readStatistics(directories: CgroupDirectories): CgroupStatistics {
  const reader = new Reader(directories);
  const all: CgroupStatistics = {
    cpu: reader.cpu(),
    memory: reader.memory(),
    pids: reader.pids(),
    io: reader.io(),
  };
  for (const key of Object.keys(all) as (keyof CgroupStatistics)[]) {
    if (all[key] === undefined) delete all[key];
  }
  return all;
}

/** How many processes of it have been killed because memory ended. */
export function readOomKills(directories: CgroupDirectories): number {
  return new Reader(directories).memory()?.oomKills ?? 0;
}

/** The averages of a `*.pressure` file. */
export function parsePressure(text: string): Pressure | undefined {
  const averages = (kind: string): PressureAverages | undefined => {
    const line = text.split("\n").find((entry) => entry.startsWith(`${kind} `));
    if (line === undefined) return undefined;
    const value = (name: string) => Number(new RegExp(`${name}=([\\d.]+)`).exec(line)?.[1] ?? 0);
    return {
      avg10: value("avg10"),
      avg60: value("avg60"),
      avg300: value("avg300"),
      total: value("total") / 1e3,
    };
  };
  const some = averages("some"), full = averages("full");
  return some === undefined ? undefined : { some, ...(full === undefined ? {} : { full }) };
}

/** Who waits for a resource; only version 2 tells. */
export function readPressure(
  directories: CgroupDirectories,
  resource: "cpu" | "memory" | "io",
): Pressure | undefined {
  const { unified } = new Reader(directories);
  const text = unified && readText(`${unified}/${resource}.pressure`);
  return text ? parsePressure(text) : undefined;
}
