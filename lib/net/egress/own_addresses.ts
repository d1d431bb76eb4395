/**
 * This machine's own addresses: what listens on them is often meant for the machine alone.
 *
 * @module
 */

import type { Address } from "./address.ts";

/** Addresses come and go; to ask for each connection would be too much. */
const KEEP = 2_000;

let known = new Set<string>();
let until = 0;

/** Whether an address is one of this machine's. */
export function isOwnAddress({ text }: Address): boolean {
  const now = performance.now();
  if (now >= until) {
    known = new Set(Deno.networkInterfaces().map(({ address }) => address.split("%")[0]!));
    until = now + KEEP;
  }
  return known.has(text);
}
