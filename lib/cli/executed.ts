/**
 * What is known of a command that was executed.
 *
 * @module
 */

import type { SandboxStatus } from "../run/child.ts";

/** How a command ended, and which signals paddock sent on to it. */
export interface Executed {
  readonly status: SandboxStatus;
  readonly passed: ReadonlySet<Deno.Signal>;
}
