/**
 * What has become of a sandbox, by its processes and by what its keeper wrote.
 *
 * @module
 */

import { bootId, isAlive, ownPidNamespace } from "./identity.ts";
import type { SandboxRecord } from "./record.ts";

/**
 * - `starting`: somebody is about to start it
 * - `running`: its keeper stands by it
 * - `ended`: its keeper, or whoever began it, wrote down how
 * - `lost`: its keeper was killed, or the machine was restarted, before that
 * - `broken`: whoever began it was killed before it ran
 * - `elsewhere`: its pids are those of another pid namespace, and cannot be told from here
 */
export type Condition = "starting" | "running" | "ended" | "lost" | "broken" | "elsewhere";

let own: string | undefined;

/** What has become of it, as of now. */
export function conditionOf(record: SandboxRecord): Condition {
  if (exists(record.status)) return "ended";
  const { processes, starter } = record;
  const since = processes?.keeper ?? starter;
  own ??= ownPidNamespace();
  if (since.boot === bootId() && record.pidNamespace !== own) return "elsewhere";
  if (processes === undefined) return isAlive(starter) ? "starting" : "broken";
  if (isAlive(processes.keeper)) return "running";
  // Until it hands the sandbox over, whoever began it is its parent; and the keeper may have written
  // the end since the first look.
  return exists(record.status) ? "ended" : "lost";
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
