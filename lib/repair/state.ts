/**
 * What is written down of sandboxes that nobody stands by any more.
 *
 * @module
 */

import { SandboxError } from "../errors.ts";
import { type Condition, conditionOf } from "../state/condition.ts";
import { StateDirectory } from "../state/directory.ts";
import type { Leftover } from "./leftover.ts";

const WHY: Partial<Record<Condition, string>> = {
  broken: "who was starting it was killed before it ran",
  lost: "its keeper was killed, or the machine was restarted",
};

/** Finds sandboxes that were cut off, and names that lead to nothing. */
export function leftoverState(): Leftover[] {
  const state = StateDirectory.open();
  if (state === undefined) return [];
  const found: Leftover[] = [];
  for (const { id, record } of state.entries()) {
    const why = record === undefined ? undefined : WHY[conditionOf(record)];
    if (record === undefined || why === undefined) continue;
    const { name } = record;
    found.push({
      kind: "sandbox",
      name: name === undefined ? id : `${name} (${id})`,
      why,
      async remove() {
        using _lock = await state.lock();
        if (WHY[conditionOf(record)] === undefined) throw new SandboxError("it has come back");
        state.remove(id, name);
      },
    });
  }
  for (const name of state.staleNames()) {
    found.push({
      kind: "name",
      name,
      why: "its sandbox is gone",
      async remove() {
        using _lock = await state.lock();
        state.freeName(name);
      },
    });
  }
  return found;
}
