/**
 * What a command is.
 *
 * @module
 */

/** What a command learns of how its failure is to be shown, and tells. */
export interface CliContext {
  /** Show stack traces. Set once the options are read. */
  debug: boolean;
}

/** A command: its arguments to an exit code. */
export type CliCommand = (args: readonly string[], context: CliContext) => Promise<number>;
