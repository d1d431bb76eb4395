/**
 * Removes what a Paddock that was killed, or a machine that went down, left behind. Most of it the
 * next launch removes as well; this does it at once, and names it.
 *
 * @module
 */

import { leftoverBridges } from "./bridges.ts";
import { leftoverCgroups } from "./cgroups.ts";
import { leftoverChanges, leftoverImports } from "./files.ts";
import type { Leftover } from "./leftover.ts";
import { leftoverState } from "./state.ts";

/** The families, in the order in which they are removed: processes first. */
const FAMILIES: readonly (readonly [what: string, find: () => Leftover[]])[] = [
  ["cgroups", leftoverCgroups],
  ["sandboxes", leftoverState],
  ["bridges", leftoverBridges],
  ["changes", leftoverChanges],
  ["imports", leftoverImports],
];

/** What there is of it, and what could not be looked at. */
export interface Leftovers {
  readonly leftovers: readonly Leftover[];
  readonly unknown: readonly { readonly what: string; readonly error: Error }[];
}

/** Finds what was left, and changes nothing. */
export function findAll(): Leftovers {
  const leftovers: Leftover[] = [];
  const unknown: { what: string; error: Error }[] = [];
  for (const [what, find] of FAMILIES) {
    try {
      leftovers.push(...find());
    } catch (error) {
      unknown.push({ what, error: error instanceof Error ? error : new Error(String(error)) });
    }
  }
  return { leftovers, unknown };
}
