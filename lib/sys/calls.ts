/**
 * Two things that wrappers of system calls need around the call itself.
 *
 * @module
 */

import { ERRNO } from "./abi/errno.ts";

/** Makes a call again for as long as a signal interrupts it before it did anything (EINTR). */
export function uninterrupted(call: () => number): number {
  for (;;) {
    const result = call();
    if (result !== -ERRNO.EINTR) return result;
  }
}

// deno-lint-ignore no-unused-vars
let sink: unknown;

/**
 * Keeps buffers reachable up to this call. A buffer whose address stands inside another buffer is
 * garbage to V8 after its last use in JavaScript, even while the kernel still reads it.
 */
export function keepAlive(...buffers: unknown[]): void {
  sink = buffers;
}
