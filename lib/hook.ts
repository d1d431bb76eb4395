/**
 * Plugins: TypeScript that runs in the host program while a sandbox is being built, and that can
 * send system calls into it. Types only, and the check of a plugin's shape.
 *
 * @module
 */

import type { Operation } from "./agent/operation.ts";
import { SpecError } from "./errors.ts";
import { checkKeys } from "./known_keys.ts";
import type { Network } from "./net/network.ts";
import type { MountSpec, SandboxSpec } from "./spec.ts";
import type { SyscallName } from "./sys/syscall_numbers.ts";
import type { Cgroup, SandboxStatistics } from "./hook/cgroup.ts";

export type * from "./hook/cgroup.ts";

/** What a system call of a hook may be given: numbers, text (with a NUL added), or bytes. */
export type InsideArgument = number | bigint | string | Uint8Array;

/** A program that a hook sends into the sandbox. */
export interface InsideProgram {
  /** The operations, in order. They stop at the first error unless they say otherwise. */
  operations: readonly Operation[];
  /** Sizes in bytes of the buffers that the operations name; other names are cells of 8 bytes. */
  buffers?: Readonly<Record<string, number>>;
  /** Initial contents of buffers. */
  contents?: Readonly<Record<string, Uint8Array>>;
  /** Cells whose descriptors are to be handed out to the host program. */
  send?: readonly string[];
}

/** What a program left behind. */
export interface InsideResult {
  /** The 64-bit word in a cell. */
  cell(name: string): bigint;
  /** The bytes at a cell or buffer. */
  bytes(name: string, length: number): Uint8Array;
  /** The descriptors that were asked for, close-on-exec and the caller's to close. */
  fds: number[];
}

/** The inside of a sandbox that is being built. */
export interface Inside {
  /**
   * Makes one system call in the sandbox's first process, in all its namespaces and with full
   * capabilities over them. Resolves to the result; rejects with a `SyscallError`.
   */
  syscall(name: SyscallName, ...args: InsideArgument[]): Promise<number>;
  /** Makes a system call that gives a descriptor, and hands that out to the host program. */
  descriptor(name: SyscallName, ...args: InsideArgument[]): Promise<number>;
  /** Runs a whole program there. */
  run(program: InsideProgram): Promise<InsideResult>;
}

/** What every hook is given. */
export interface HookContext {
  /** The description, as the `configure` hooks left it. */
  readonly spec: SandboxSpec;
  /** The same number in every stage of one launch, and in no other launch of this program. */
  readonly launch: number;
  /** Aborted when the sandbox is torn down, or the hook's time is over. */
  readonly signal: AbortSignal;
  /** Runs when the sandbox has ended or failed, whatever happened; last in, first out. */
  defer(cleanup: () => unknown): void;
  /**
   * Puts something into the result of the launch: `reports`, under the plugin's name. Plain data, so
   * that it can be printed as JSON; a later one takes the place of the one before.
   */
  report(value: unknown): void;
}

/** What a hook before the command can use. */
export interface BuildContext extends HookContext {
  /** The sandbox's first process, as the host numbers it. */
  readonly pid: number;
  /** Sends system calls in. */
  readonly inside: Inside;
}

/** For `preMount`: all namespaces and id maps are made, nothing is mounted yet. */
export interface PreMountContext extends BuildContext {
  /** Adds an entry at the end of the mount list. */
  addMount(mount: MountSpec): void;
}

/** For `networkSetup`: everything is mounted, privileges are not dropped yet. */
export interface NetworkSetupContext extends BuildContext {
  /**
   * The sandbox's network, and system calls in it: `inside.link.add(..)`, `inside.route.add(..)`.
   * For the time of the hook.
   */
  readonly inside: Inside & Network;
  /** The host's network, in the same words. */
  readonly host: Network;
  /** The path of the sandbox's network namespace, for whoever wants to open it. */
  readonly netns: string;
}

/** How a hook's command runs in the sandbox. */
export interface HookExecOptions {
  /** Variables besides the sandbox's own, which they win over. */
  env?: Readonly<Record<string, string | Uint8Array>>;
  /** The working directory inside. Default: the sandbox's. */
  cwd?: string;
  /** Who it is, by a number inside. Default: the sandbox's user. */
  user?: number;
  /** Kills the command when it is aborted. Default: the hook's own signal. */
  signal?: AbortSignal;
  /** Kills the command after this time: `"30s"` or milliseconds. */
  timeout?: string | number;
}

/** How a hook's command ended, and what it wrote. */
export interface HookExecOutput {
  /** Whether the code is 0. */
  readonly success: boolean;
  /** The exit code; 128 + N for signal N. */
  readonly code: number;
  /** The signal that ended it, or null. */
  readonly signal: Deno.Signal | null;
  /** What came on standard output. */
  readonly stdout: Uint8Array<ArrayBuffer>;
  /** What came on standard error. */
  readonly stderr: Uint8Array<ArrayBuffer>;
}

/** For `postStart`: the command is running. */
export interface PostStartContext extends HookContext {
  /** The command's process, as the host numbers it. */
  readonly pid: number;
  /** The sandbox's cgroup, if it has `limits`. */
  readonly cgroup?: Cgroup;
  /** Sends it a signal. */
  kill(signal?: Deno.Signal): void;
  /** Runs a further command in the sandbox to its end, as `execOutput` of a handle does. */
  exec(
    command: readonly (string | Uint8Array)[],
    options?: HookExecOptions,
  ): Promise<HookExecOutput>;
  /** What the sandbox uses now, by its cgroup where it has one. */
  stats(): Promise<SandboxStatistics>;
}

/** For `postStop`: the command has ended, and everything inside with it. */
export interface PostStopContext extends HookContext {
  /** How it ended. */
  readonly status: { success: boolean; code: number; signal: Deno.Signal | null };
  /** What it took. */
  readonly usage: Usage;
  /** Whether a process in it was killed because its memory ended. */
  readonly oomKilled: boolean;
  /** Whether the time limit ended it. */
  readonly timedOut: boolean;
}

/** What a command took. */
export interface Usage {
  /** Milliseconds from the launch to the end, by the wall clock. */
  wall: number;
  /**
   * Milliseconds of CPU time in user mode, of the command and the children it waited for; with
   * `limits()`, of all processes inside.
   */
  user: number;
  /** Milliseconds of CPU time in the kernel. */
  system: number;
  /** The largest resident set of one process, in bytes. */
  maxRss: number;
  /** With `limits()`: the most memory of all together, with files in tmpfs, in bytes. */
  memoryPeak?: number;
  /** With `limits()`: the most processes and threads, the supervisor counted; Linux 6.11. */
  pidsPeak?: number;
  /** With `limits()`: milliseconds for which it was held back by `cpus`. */
  throttled?: number;
}

/** A hook: a function, or one with its place in the order and the time it may take. */
export type Hook<Context, Result = unknown> =
  | ((context: Context) => Result | Promise<Result>)
  | {
    /** What to run. */
    handler: (context: Context) => Result | Promise<Result>;
    /** Before or after the plain hooks of this stage. */
    order?: "pre" | "post";
    /** How long it may take: `"5s"` or milliseconds; `Infinity` is no limit. Default: 30 seconds. */
    timeout?: string | number;
  };

/** A plugin: a name and its hooks. */
export interface Plugin {
  /** What errors call it; unique within a sandbox. */
  readonly name: string;
  /** Changes the description before anything is planned: return a new one, or nothing. */
  readonly configure?: Hook<SandboxSpec, SandboxSpec | void>;
  /** Namespaces and id maps are made; nothing is mounted. */
  readonly preMount?: Hook<PreMountContext>;
  /** Everything is mounted; privileges are not dropped. */
  readonly networkSetup?: Hook<NetworkSetupContext>;
  /** The command is running. */
  readonly postStart?: Hook<PostStartContext>;
  /** The command has ended. Errors are reported with the result; tear-down goes on. */
  readonly postStop?: Hook<PostStopContext>;
}

/** The name of a stage. */
export type Stage = "configure" | "preMount" | "networkSetup" | "postStart" | "postStop";

/** The stages, in the order of time. */
export const STAGES: readonly Stage[] = [
  "configure",
  "preMount",
  "networkSetup",
  "postStart",
  "postStop",
];

function checkHook(plugin: string, stage: Stage, hook: unknown): void {
  if (hook === undefined || typeof hook === "function") return;
  const field = `plugin "${plugin}".${stage}`;
  if (
    typeof hook !== "object" || hook === null ||
    typeof (hook as { handler: unknown }).handler !== "function"
  ) {
    throw new SpecError(field, "a hook is a function or { handler, order, timeout }");
  }
  checkKeys(hook, field, ["handler", "order", "timeout"]);
  const { order } = hook as { order?: unknown };
  if (order !== undefined && order !== "pre" && order !== "post") {
    throw new SpecError(`${field}.order`, `"${order}" is neither "pre" nor "post"`);
  }
}

/**
 * Checks a plugin's shape and returns it, typed. A key it does not know is a `SpecError`, so a
 * misspelt stage is not silently left out.
 *
 * ```ts
 * import { defineHook } from "@paddock/paddock";
 *
 * export default defineHook({
 *   name: "scratch",
 *   preMount(ctx) {
 *     ctx.addMount({ kind: "tmpfs", target: "/scratch" });
 *   },
 * });
 * ```
 */
export function defineHook(plugin: Plugin): Plugin {
  if (typeof plugin?.name !== "string" || plugin.name === "") {
    throw new SpecError("plugin.name", "a plugin needs a name");
  }
  checkKeys(plugin, `plugin "${plugin.name}"`, ["name", ...STAGES]);
  for (const stage of STAGES) checkHook(plugin.name, stage, plugin[stage]);
  return plugin;
}
