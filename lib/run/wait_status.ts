/**
 * What a raw wait status says. wait(2).
 *
 * @module
 */

import { SIGNALS } from "../sys/abi/signal.ts";

/** How a process ended, in `Deno.CommandStatus`'s words. */
export interface ExitStatus {
  /** Whether the code is 0. */
  readonly success: boolean;
  /** The exit code; 128 + N for signal N. */
  readonly code: number;
  /** The signal that ended it, or null. */
  readonly signal: Deno.Signal | null;
}

/** Decodes a wait status. */
export function exitStatus(raw: number): ExitStatus {
  const signal = raw & 0x7f;
  if (signal === 0) {
    const code = (raw >> 8) & 0xff;
    return { success: code === 0, code, signal: null };
  }
  const name = Object.entries(SIGNALS).find(([, number]) => number === signal)?.[0];
  return { success: false, code: 128 + signal, signal: (name as Deno.Signal | undefined) ?? null };
}
