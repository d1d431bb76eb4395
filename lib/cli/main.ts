/**
 * Finds the command, runs it, and turns whatever it throws into one line and an exit code.
 *
 * Nothing is imported before it is needed: starting up is most of the time of a short sandbox.
 *
 * @module
 */

import type { CliContext } from "./command.ts";

async function dispatch(args: readonly string[], context: CliContext): Promise<number> {
  const [name, ...rest] = args;
  // The one that must be quick does without the table.
  if (name === "run") return await (await import("./run.ts")).run(rest, context);
  if (name === "-V" || name === "--version") {
    const { print, version } = await import("./help.ts");
    print(`paddock ${await version()}`);
    return 0;
  }
  // `paddock help image rm`, as people try it.
  if (name === "help" && rest.length > 0) return await dispatch([...rest, "--help"], context);
  const { COMMANDS } = await import("./command_table.ts");
  if (name === "-h" || name === "--help" || name === "help") {
    const [{ print }, { generalHelp }] = await Promise.all([
      import("./help.ts"),
      import("./general_help.ts"),
    ]);
    print(generalHelp(COMMANDS));
    return 0;
  }
  const entry = COMMANDS.find((command) => command.name === name);
  if (entry === undefined) {
    const { unknownCommand } = await import("./unknown_command.ts");
    throw unknownCommand(name, COMMANDS.map((command) => command.name));
  }
  return await (await entry.load())(rest, context);
}

/**
 * The whole command: arguments to exit code. It never throws and never ends the program itself.
 *
 * Exit codes: the command's own; 128 + N for signal N; 124 timed out; 125 paddock failed; 126 not
 * executable; 127 not found.
 */
export async function main(args: readonly string[]): Promise<number> {
  const context: CliContext = { debug: false };
  try {
    return await dispatch(args, context);
  } catch (error) {
    const { exitCode, report } = await import("./failure.ts");
    await report(error, context, args);
    return exitCode(error);
  }
}
