/**
 * `paddock run COMMAND` without options: what nothing was said about is the default description.
 *
 * @module
 */

import { DEFAULT_SPEC } from "../defaults.ts";
import { spawn } from "../run/run.ts";
import { type Executable, execute } from "./execute.ts";
import { finish } from "./finish.ts";

/** What a builder would be that nothing was said to. */
const PLAIN: Executable = {
  spec: DEFAULT_SPEC,
  spawn: (command, options) => spawn(DEFAULT_SPEC, [], command, options),
};

/** Runs the command, and resolves to paddock's exit code. */
export async function runPlain(command: readonly string[]): Promise<number> {
  return await finish(await execute(PLAIN, command), false, DEFAULT_SPEC);
}
