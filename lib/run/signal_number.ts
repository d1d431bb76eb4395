/**
 * Signals by their names. signal(7).
 *
 * @module
 */

import { SIGNALS } from "../sys/abi/signal.ts";

/** The number of a signal. */
export function signalNumber(name: Deno.Signal): number {
  const number = SIGNALS[name as keyof typeof SIGNALS];
  if (number === undefined) throw new TypeError(`Unknown signal "${name}"`);
  return number;
}
