/**
 * Stands by a launch until its end: time limit, abort signal, hooks, and the record of what it took.
 *
 * @module
 */

import { TimeoutError } from "../errors.ts";
import type { CgroupStatistics, Usage } from "../hook.ts";
import { parseDuration } from "../quantity.ts";
import type { Begun } from "./begin.ts";
import type { SandboxStatus } from "./child.ts";
import { exitStatus } from "./wait_status.ts";

/** Time limit, abort signal and hooks around a launch: resolves to how it ended. */
export function supervise(begun: Begun, options: { signal?: AbortSignal }): Promise<SandboxStatus> {
  const { launch, hooks } = begun;
  const { spec } = launch;
  let timedOut = false;
  const limit = spec.timeout === undefined ? undefined : parseDuration(spec.timeout, "timeout");
  const timer = limit === undefined ? undefined : setTimeout(() => {
    timedOut = true;
    launch.kill(new TimeoutError(`The set-up took longer than the time limit of ${spec.timeout}`));
  }, Math.max(0, limit - (performance.now() - begun.at)));
  const abort = () => launch.kill(options.signal!.reason);
  options.signal?.addEventListener("abort", abort);
  // It may have been aborted while the launch began, before anybody listened.
  if (options.signal?.aborted) abort();
  const postStart = hooks.has("postStart")
    ? launch.started.then(async () => {
      const { postStartContext } = await import("./joining/post_start.ts");
      await hooks.run("postStart", (base) => postStartContext(begun, base));
    })
    : undefined;
  let hookFailure: unknown;
  const guarded = postStart?.catch((error) => {
    hookFailure ??= error;
    launch.kill();
  });
  const finish = async (): Promise<SandboxStatus> => {
    try {
      const ending = await launch.ended;
      const used = begun.cgroup?.end();
      await guarded;
      if (hookFailure !== undefined) throw hookFailure;
      if (options.signal?.aborted) throw options.signal.reason;
      const usage: Usage = {
        wall: performance.now() - begun.at,
        user: ending.usage.user / 1000,
        system: ending.usage.system / 1000,
        maxRss: ending.usage.maxRss * 1024,
        ...(used === undefined ? {} : cgroupUsage(used)),
      };
      const oomKilled = (used?.memory?.oomKills ?? 0) > 0;
      const status = exitStatus(ending.status);
      const hookErrors: SandboxStatus["hookErrors"][number][] = [];
      if (hooks.has("postStop")) {
        await hooks.run(
          "postStop",
          (base) => ({ ...base, spec: structuredClone(spec), status, usage, oomKilled, timedOut }),
        )
          .catch((error) => hookErrors.push(error));
      }
      hookErrors.push(...launch.supervision?.errors ?? []);
      hookErrors.push(...await hooks.end());
      return {
        ...status,
        usage,
        oomKilled,
        timedOut,
        skipped: launch.skipped,
        hookErrors,
        reports: hooks.reports,
        ...(spec.seccomp?.log ? { filteredSyscalls: launch.supervision?.filtered ?? [] } : {}),
      };
    } finally {
      // Deno loads all of node:timers for the first timer, even for clearing none.
      if (timer !== undefined) clearTimeout(timer);
      options.signal?.removeEventListener("abort", abort);
      begun.cgroup?.end();
      begun.lease?.[Symbol.dispose]();
      await hooks.end();
    }
  };
  const status = finish();
  status.catch(() => {});
  return status;
}

/** What the cgroup counted, of all processes, also of those that nobody waited for. */
export function cgroupUsage({ cpu, memory, pids }: CgroupStatistics): Partial<Usage> {
  const usage: { -readonly [key in keyof Usage]?: Usage[key] } = {};
  if (cpu !== undefined) {
    usage.user = cpu.user;
    usage.system = cpu.system;
  }
  if (cpu?.throttled !== undefined) usage.throttled = cpu.throttled;
  if (memory?.peak !== undefined) usage.memoryPeak = memory.peak;
  if (pids?.peak !== undefined) usage.pidsPeak = pids.peak;
  return usage;
}
