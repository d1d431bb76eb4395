/**
 * `paddock doctor --repair`.
 *
 * @module
 */

import { findAll } from "../../repair/repair.ts";
import { complain, oneLine } from "../failure.ts";
import { print } from "../help.ts";

/** How it is to be done. */
export interface RepairRequest {
  /** Only say what would be removed. */
  readonly dryRun: boolean;
  readonly json: boolean;
  readonly quiet: boolean;
}

/** Removes what was left, naming each; 1 if something of it is still there. */
export async function repair({ dryRun, json, quiet }: RepairRequest): Promise<number> {
  const { leftovers, unknown } = findAll();
  const done: { kind: string; name: string; why: string; removed: boolean; error?: string }[] = [];
  for (const { kind, name, why, remove } of leftovers) {
    let error: string | undefined;
    try {
      if (!dryRun) await remove();
    } catch (cause) {
      error = oneLine(cause);
    }
    const removed = !dryRun && error === undefined;
    done.push({ kind, name, why, removed, ...error === undefined ? {} : { error } });
    if (error !== undefined) complain(`paddock: the ${kind} ${name} cannot be removed: ${error}`);
    else if (!json && !quiet) {
      print(`${dryRun ? "would remove" : "removed"} ${kind} ${name}: ${why}`);
    }
  }
  for (const { what, error } of unknown) {
    complain(`paddock: the ${what} could not be looked at: ${oneLine(error)}`);
  }
  if (json) print(JSON.stringify({ dryRun, leftovers: done }, undefined, 2));
  else if (done.length === 0 && !quiet) print("nothing was left behind");
  return unknown.length > 0 || done.some(({ error }) => error !== undefined) ? 1 : 0;
}
