/**
 * `paddock run`: runs a command in a new sandbox. Without options it is the default description as
 * it stands, and neither the builder nor the table of options is loaded.
 *
 * @module
 */

import type { CliContext } from "./command.ts";
import { plainCommand } from "./plain_command.ts";

/** Runs the command, and resolves to paddock's exit code. */
export async function run(args: readonly string[], context: CliContext): Promise<number> {
  const command = plainCommand(args);
  if (command !== undefined) {
    context.json = false;
    const { runPlain } = await import("./run_plain.ts");
    return await runPlain(command);
  }
  const { runWithOptions } = await import("./run_with_options.ts");
  return await runWithOptions(args, context);
}
