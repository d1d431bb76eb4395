/**
 * The two sides that a `networkSetup` hook configures: the host's network and the sandbox's.
 *
 * @module
 */

import type { Inside, InsideProgram, InsideResult } from "../hook.ts";
import { hostNetwork } from "../net/host_network.ts";
import { Network } from "../net/network.ts";

/** The sandbox's side: its network, and programs that run in its first process. */
class InsideNetwork extends Network implements Inside {
  readonly #inside: Inside;

  constructor(inside: Inside) {
    super(inside);
    this.#inside = inside;
  }

  run(program: InsideProgram): Promise<InsideResult> {
    return this.#inside.run(program);
  }
}

/** Both sides, for the time of the hooks; `close` lets go of what they opened. */
export function networkSides(
  inside: Inside,
): { inside: Inside & Network; host: Network; close(): void } {
  const box = new InsideNetwork(inside), host = hostNetwork();
  return {
    inside: box,
    host,
    close() {
      // An open socket would keep the sandbox's namespace.
      box.close();
      host.close();
    },
  };
}
