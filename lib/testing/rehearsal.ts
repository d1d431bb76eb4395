/**
 * Runs a plugin's hooks against a context that writes down what they do, without privileges and
 * without a sandbox.
 *
 * @module
 */

import { SpecError } from "../errors.ts";
import type {
  Cgroup,
  CgroupStatistics,
  HookContext,
  NetworkSetupContext,
  Plugin,
  PostStartContext,
  PostStopContext,
  PreMountContext,
  Pressure,
} from "../hook.ts";
import { defineHook } from "../hook.ts";
import { checkKeys } from "../known_keys.ts";
import { HookRunner } from "../run/hooks.ts";
import { Sandbox, sandbox } from "../sandbox.ts";
import type { LimitsSpec, MountSpec, SandboxSpec } from "../spec.ts";
import { type RecordedCall, recorder } from "./recorder.ts";

/** What a rehearsal plays. */
export interface RehearsalOptions {
  /** The sandbox that the plugin would be used with. Default: `sandbox()`. */
  readonly box?: Sandbox;
  /**
   * Answers a call that the plugin makes inside or on a network: a result, or an error by throwing
   * it. Default: 0 for system calls, undefined for all else.
   */
  readonly answer?: (call: RecordedCall) => unknown;
  /** How the command ends. Default: well, with code 0. */
  readonly end?: Partial<Pick<PostStopContext, "oomKilled" | "timedOut" | "usage">> & {
    readonly code?: number;
    readonly signal?: Deno.Signal | null;
  };
  /** What the cgroup tells, if the sandbox has limits. */
  readonly cgroup?: {
    readonly statistics?: CgroupStatistics;
    readonly pressure?: (resource: "cpu" | "memory" | "io") => Pressure | undefined;
  };
  /** How long the command runs, in milliseconds, for plugins that do something meanwhile. Default: 0. */
  readonly runs?: number;
}

/** What a plugin did. */
export interface Rehearsal {
  /** The description as `configure` left it. */
  readonly spec: SandboxSpec;
  /** What `preMount` added. */
  readonly mounts: readonly MountSpec[];
  /** Its calls inside, on both networks and to the cgroup, in their order. */
  readonly calls: readonly RecordedCall[];
  /** Signals that it sent to the command. */
  readonly signals: readonly Deno.Signal[];
  /** What it reported. */
  readonly report: unknown;
  /** What `postStop` and deferred clean-ups threw: with a real sandbox, the result's `hookErrors`. */
  readonly errors: readonly Error[];
}

const PID = 4242;

/**
 * Plays a launch for a plugin: its hooks in their order, each within its time, with contexts that
 * write down what it does, and at the end its deferred clean-ups.
 *
 * ```ts
 * import { defineHook } from "@paddock/paddock";
 * import { rehearse } from "@paddock/paddock/testing";
 *
 * const plugin = defineHook({
 *   name: "scratch",
 *   preMount: (ctx) => ctx.addMount({ kind: "tmpfs", target: "/scratch" }),
 * });
 * console.log((await rehearse(plugin)).mounts); // [ { kind: "tmpfs", target: "/scratch" } ]
 * ```
 *
 * Errors: what a launch would fail with, a `HookError` of a hook up to `postStart`; the clean-ups
 * have run then.
 */
export async function rehearse(plugin: Plugin, options: RehearsalOptions = {}): Promise<Rehearsal> {
  checkKeys(options, "rehearse", ["box", "answer", "end", "cgroup", "runs"]);
  const { box = sandbox(), end = {}, runs = 0 } = options;
  if (!(box instanceof Sandbox)) throw new SpecError("rehearse.box", "is no sandbox");
  const hooks = new HookRunner([defineHook(plugin)]);
  const mounts: MountSpec[] = [], signals: Deno.Signal[] = [], calls: RecordedCall[] = [];
  const record = recorder(calls, options.answer);
  let spec = structuredClone(box.spec);
  type Base = Pick<HookContext, "launch" | "signal" | "defer" | "report">;
  const common = (base: Base) => ({ ...base, spec: structuredClone(spec), pid: PID });
  const inside = record("inside", ["syscall", "descriptor", "run"]);
  const errors: Error[] = [];
  try {
    await hooks.run("configure", () => structuredClone(spec), (changed) => {
      if (changed !== undefined) spec = changed as SandboxSpec;
    });
    await hooks.run("preMount", (base): PreMountContext => ({
      ...common(base),
      inside,
      addMount: (mount) => void mounts.push(mount),
    }));
    await hooks.run("networkSetup", (base): NetworkSetupContext => ({
      ...common(base),
      inside: record("inside"),
      host: record("host"),
      netns: `/proc/${PID}/ns/net`,
    }));
    await hooks.run("postStart", (base): PostStartContext => ({
      ...common(base),
      cgroup: spec.limits && cgroupOf(options, calls),
      kill: (signal = "SIGTERM") => void signals.push(signal),
      exec(...args) {
        calls.push({ on: "inside", name: "exec", args });
        const nothing = new Uint8Array();
        return Promise.resolve({
          success: true,
          code: 0,
          signal: null,
          stdout: nothing,
          stderr: nothing,
        });
      },
      stats: () =>
        Promise.resolve({
          source: "proc",
          at: Date.now(),
          cpu: { total: 0, user: 0, system: 0 },
          memory: 0,
          processes: 1,
        }),
    }));
    if (runs > 0) await new Promise((resolve) => setTimeout(resolve, runs));
    await hooks.run("postStop", (base): PostStopContext => {
      const { code = 0, signal = null, oomKilled = false, timedOut = false } = end;
      const usage = end.usage ?? { wall: runs, user: 0, system: 0, maxRss: 0 };
      const status = { success: code === 0, code, signal };
      return { ...base, spec: structuredClone(spec), status, usage, oomKilled, timedOut };
    }).catch((error: Error) => errors.push(error));
  } finally {
    errors.push(...await hooks.end());
  }
  return { spec, mounts, calls, signals, report: hooks.reports[plugin.name], errors };
}

/** A cgroup that tells what it is told to, and writes down what is done to it. */
function cgroupOf({ cgroup = {} }: RehearsalOptions, calls: RecordedCall[]): Cgroup {
  const path = "/sys/fs/cgroup/rehearsal";
  const call = (name: string, ...args: unknown[]) => void calls.push({ on: "cgroup", name, args });
  return {
    path,
    paths: [path],
    statistics: () => cgroup.statistics ?? {},
    pressure: (resource) => cgroup.pressure?.(resource),
    processes: () => [PID],
    freeze: () => Promise.resolve(call("freeze")),
    thaw: () => Promise.resolve(call("thaw")),
    kill: () => call("kill"),
    update: (limits: Omit<LimitsSpec, "parent">) => call("update", limits),
    onOom: () => ({ [Symbol.dispose]: () => {} }),
  };
}
