/**
 * Starts a sandbox that is kept as a handle.
 *
 * @module
 */

import { SpecError } from "./errors.ts";
import type { Plugin } from "./hook.ts";
import type { Command, LaunchOptions } from "./run/begin.ts";
import { entranceOf } from "./run/joining/entrance.ts";
import { spawnBegun, type SpawnOptions } from "./run/run.ts";
import { RunningSandbox } from "./running.ts";
import type { SandboxSpec } from "./spec.ts";

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
  if (name !== undefined && !/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/.test(name)) {
    throw new SpecError(
      "name",
      `"${name}" must have 1 to 63 letters, digits, "_", "." and "-", and begin with one of the first two`,
    );
  }
  const { process, begun } = await spawnBegun(spec, plugins, command, {
    ...options,
    handOut: true,
  });
  return new RunningSandbox({ name, process, entrance: entranceOf(begun) });
}
