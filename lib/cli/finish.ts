/**
 * The end of a command: what is told of it, and paddock's exit code.
 *
 * @module
 */

import type { SandboxSpec } from "../spec.ts";
import type { Executed } from "./executed.ts";

/** Tells what there is to tell of the end, and makes the exit code of it. */
export async function finish(ended: Executed, json: boolean, spec: SandboxSpec): Promise<number> {
  const { status } = ended;
  const { hookErrors, filteredSyscalls: filtered = [] } = status;
  const { signal, timedOut, oomKilled } = status;
  if (
    json || signal !== null || timedOut || oomKilled || hookErrors.length > 0 || filtered.length > 0
  ) {
    const { tell } = await import("./ending.ts");
    tell(ended, json, spec);
  }
  return timedOut ? 124 : status.code;
}
