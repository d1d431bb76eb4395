/**
 * Finds the command, runs it, and turns whatever it throws into one line and an exit code.
 *
 * Nothing is imported before it is needed: starting up is most of the time of a short sandbox.
 *
 * @module
 */

import type { CliCommand, CliContext } from "./command.ts";

interface CommandEntry {
  readonly summary: string;
  readonly load: () => Promise<CliCommand>;
}

/** All commands. */
export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  run: {
    summary: "run a command in a new sandbox",
    load: async () => (await import("./run.ts")).run,
  },
  image: {
    summary: "import, list, export and remove images",
    load: async () => (await import("./image.ts")).image,
  },
  ps: {
    summary: "list the detached sandboxes",
    load: async () => (await import("./lifecycle/ps.ts")).ps,
  },
  seccomp: {
    summary: "show, compile and test a filter of system calls",
    load: async () => (await import("./seccomp.ts")).seccomp,
  },
};

async function dispatch(args: readonly string[], context: CliContext): Promise<number> {
  const [name, ...rest] = args;
  if (name === "-h" || name === "--help") {
    const { generalHelp, print } = await import("./help.ts");
    print(generalHelp(COMMANDS));
    return 0;
  }
  if (name === "-V" || name === "--version") {
    const { print, version } = await import("./help.ts");
    print(`paddock ${await version()}`);
    return 0;
  }
  const entry = Object.hasOwn(COMMANDS, name ?? "") ? COMMANDS[name!] : undefined;
  if (entry === undefined) {
    const { unknownCommand } = await import("./failure.ts");
    throw unknownCommand(name, Object.keys(COMMANDS));
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
    report(error, context.debug);
    return exitCode(error);
  }
}
