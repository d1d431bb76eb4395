/**
 * Tells a plain run, `paddock run COMMAND` without options, from everything else.
 *
 * @module
 */

/**
 * The command, where it is all that is given to `run`; what begins with a dash is for the table of
 * options.
 */
export function plainCommand(args: readonly string[]): readonly string[] | undefined {
  if (args[0] === "--") return args.length > 1 ? args.slice(1) : undefined;
  return args.length > 0 && !args[0]!.startsWith("-") ? args : undefined;
}

/** Whether all that these arguments of `paddock` ask for is in the bundle's main file. */
export function isInMainFile(args: readonly string[]): boolean {
  return args[0] === "--help" || (args[0] === "run" && plainCommand(args.slice(1)) !== undefined);
}
