/**
 * A plugin that watches what a sandbox uses, and ends it when that becomes too much: before the
 * machine suffers, and where a limit would only make everything slow.
 *
 * ```ts
 * import { sandbox } from "@paddock/paddock";
 * import { watch } from "@paddock/paddock/hooks/watch";
 *
 * // Killed when it has used two seconds of processors' time, or waits for memory half of the time.
 * const box = sandbox().use(watch({ cpuTime: "2s", memoryPressure: 50 })).limits({ pids: 64 });
 * console.log(box.spec.limits?.pids); // 64
 * ```
 *
 * @module
 */

import {
  type Cgroup,
  checkKeys,
  defineHook,
  parseDuration,
  parseSize,
  type Plugin,
  SpecError,
  UnsupportedError,
} from "../mod.ts";

/** When is it too much? */
export interface WatchOptions {
  /** Memory of all together, e.g. `"512M"` or bytes. Unlike the limit, it takes no effect below. */
  memory?: string | number;
  /** Processors' time of all together, e.g. `"10s"` or milliseconds. */
  cpuTime?: string | number;
  /** Percent of the last ten seconds in which something waited for memory; cgroup v2. */
  memoryPressure?: number;
  /** The same for disks. */
  ioPressure?: number;
  /** The same for processors. */
  cpuPressure?: number;
  /** How often it is looked at. Default: `"250ms"`. */
  every?: string | number;
  /** Called instead of the kill. */
  onExcess?: (reason: string, cgroup: Cgroup) => void;
}

/**
 * Ends the sandbox with SIGKILL when something is too much, and reports why: `reports.watch` of the
 * result is `{ killed: REASON }`.
 *
 * Errors: `SpecError` without `limits()`, for what is watched is a cgroup; `UnsupportedError` for a
 * pressure where the kernel does not tell it.
 */
export function watch(options: WatchOptions): Plugin {
  checkKeys(options, "watch", [
    ...["memory", "cpuTime", "memoryPressure", "ioPressure", "cpuPressure", "every", "onExcess"],
  ]);
  const memory = options.memory === undefined
    ? Infinity
    : parseSize(options.memory, "watch.memory");
  const cpu = options.cpuTime === undefined
    ? Infinity
    : parseDuration(options.cpuTime, "watch.cpuTime");
  const every = parseDuration(options.every ?? 250, "watch.every");
  const pressures = [
    ["memory", options.memoryPressure],
    ["io", options.ioPressure],
    ["cpu", options.cpuPressure],
  ] as const;

  /** What is too much now, if anything is. */
  function excess(cgroup: Cgroup): string | undefined {
    const used = cgroup.statistics();
    const bytes = used.memory?.current ?? 0, time = used.cpu?.total ?? 0;
    if (bytes > memory) return `it uses ${bytes} bytes of memory, more than ${memory}`;
    if (time > cpu) return `it has used ${Math.round(time)} ms of processors' time`;
    for (const [resource, most] of pressures) {
      if (most === undefined) continue;
      const pressure = cgroup.pressure(resource);
      if (pressure === undefined) {
        throw new UnsupportedError(
          `watch.${resource}Pressure`,
          "this kernel does not tell it; it takes cgroup v2 and psi=1 at boot",
        );
      }
      const share = pressure.some.avg10;
      if (share > most) return `it waits for ${resource} in ${share}% of the time`;
    }
    return undefined;
  }

  return defineHook({
    name: "watch",
    postStart({ cgroup, signal, report, defer }) {
      if (cgroup === undefined) {
        throw new SpecError("watch", "there is no cgroup to watch; give limits(), e.g. pids");
      }
      const act = (reason: string) => {
        if (options.onExcess) return options.onExcess(reason, cgroup);
        report({ killed: reason });
        cgroup.kill();
      };
      // At once, so that what cannot be watched fails the launch.
      const first = excess(cgroup);
      if (first !== undefined) return act(first);
      const timer = setInterval(() => {
        if (signal.aborted) return;
        try {
          const reason = excess(cgroup);
          if (reason === undefined) return;
          clearInterval(timer);
          act(reason);
        } catch { /* it has just ended */ }
      }, every);
      defer(() => clearInterval(timer));
    },
  });
}
