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
