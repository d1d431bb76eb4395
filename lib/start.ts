/**
 * Starts a sandbox that is kept as a handle.
 *
 * @module
 */

import { SpecError } from "./errors.ts";
import type { Plugin } from "./hook.ts";
// A description that is written down can want anything.
import "./run/all_parts.ts";
import type { Command, LaunchOptions } from "./run/begin.ts";
import type { LogOptions } from "./state/log_options.ts";
import { ownSource, recordedSource } from "./run/joining/source.ts";
import { spawnBegun, type SpawnOptions } from "./run/run.ts";
import { RunningSandbox } from "./running.ts";
import type { SandboxSpec } from "./spec.ts";
import { find } from "./state/find.ts";
import { PATTERN_NAME } from "./state/record.ts";

/** How to start. */
export interface StartOptions extends SpawnOptions {
  /** What it is called: letters, digits, `_`, `.` and `-`, beginning with a letter or a digit. */
  name?: string;
  /**
   * The sandbox outlives this program, without a daemon; `Sandbox.attach` and the commands find it by
   * its name or id. Its standard input is `/dev/null`, and what it writes goes into logs.
   */
  detach?: boolean;
  /** Of a detached one: how much of its output is kept. */
  logs?: LogOptions;
  /** Of a detached one: modules with the plugins whose `postStop` is to run when it has ended. */
  hooks?: readonly string[];
}

/** What only one of the two kinds can be given. */
const ATTACHED_ONLY = ["stdin", "stdout", "stderr", "signal"] as const;
const DETACHED_ONLY = ["logs", "hooks"] as const;

/** Starts one that outlives this program. */
async function startAndLeave(
  spec: SandboxSpec,
  plugins: readonly Plugin[],
  command: Command | undefined,
  options: StartOptions & LaunchOptions,
): Promise<RunningSandbox> {
  const wrong = ATTACHED_ONLY.find((name) => options[name] !== undefined);
  if (wrong !== undefined) {
    throw new SpecError(
      wrong,
      "is this program's, which a detached sandbox outlives; its output is in its logs",
    );
  }
  const [{ startDetached }, { moduleUrl }] = await Promise.all([
    import("./run/detached/start.ts"),
    import("./run/hook_module.ts"),
  ]);
  const { name, logs, hooks, handler, fault } = options;
  const { id } = await startDetached(spec, plugins, command, {
    name,
    logs,
    hooks: hooks?.map(moduleUrl),
    handler,
    fault,
  });
  // It may have ended by now, and is told of all the same.
  return new RunningSandbox(recordedSource(find(id), true));
}

/** Starts a command in a sandbox and resolves to its handle. */
export async function start(
  spec: SandboxSpec,
  plugins: readonly Plugin[],
  command: Command | undefined,
  options: StartOptions & LaunchOptions,
): Promise<RunningSandbox> {
  const { name } = options;
  if (name !== undefined && !PATTERN_NAME.test(name)) {
    throw new SpecError(
      "name",
      `"${name}" must have 1 to 63 letters, digits, "_", "." and "-", and begin with one of the first two`,
    );
  }
  if (options.detach) return await startAndLeave(spec, plugins, command, options);
  const wrong = DETACHED_ONLY.find((field) => options[field] !== undefined);
  if (wrong !== undefined) {
    throw new SpecError(wrong, "is for a sandbox that outlives this program; add detach: true");
  }
  const { process, begun } = await spawnBegun(spec, plugins, command, {
    ...options,
    handOut: true,
  });
  return new RunningSandbox(ownSource(process, begun, name));
}

/** The handle of a detached sandbox, by its name or the beginning of its id. */
export function attach(word: string): RunningSandbox {
  return new RunningSandbox(recordedSource(find(word)));
}
