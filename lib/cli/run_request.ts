/**
 * What the options of `paddock run` fill in.
 *
 * @module
 */

import type { LogOptions } from "../state/log_options.ts";
import type { Sandbox } from "../sandbox.ts";

/** What the arguments of `paddock run` ask for. */
export interface RunRequest {
  /** The sandbox so far. */
  box: Sandbox;
  /** Modules with hooks, to be loaded. */
  readonly hooks: string[];
  /** The file with the profile of system calls, to be read. */
  profile?: string;
  /** Let the command change the root in memory. */
  overlayRoot?: boolean;
  /** The file in which what was changed is saved. */
  saveDiff?: string;
  /** Do what was changed to the directory below. */
  applyChanges?: boolean;
  /** The image that is made of what was changed. */
  commit?: string;
  /** Let the sandbox outlive this program. */
  detach?: boolean;
  /** What it is called then. */
  name?: string;
  /** How much of its output is kept then. */
  logs?: LogOptions;
  /** Tell what the command touched. */
  report?: boolean;
  /** The file in which the tightest description is written that lets it pass again. */
  learn?: string;
  /** Tell what the launch did and when. */
  trace?: boolean;
  /** Print the plan, run nothing. */
  explain: boolean;
  /** Print it as this picture. */
  picture?: "svg" | "mermaid";
  /** Print the plan, or how the command ended, as JSON. */
  json: boolean;
  /** Show stack traces. */
  debug: boolean;
  /** Print the help, run nothing. */
  help: boolean;
}
