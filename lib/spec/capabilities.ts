/**
 * Which capabilities a command keeps, as plain data.
 *
 * @module
 */

import type { CapabilityName } from "../sys/abi/capability.ts";

export type { CapabilityName };

/** The capabilities that the command keeps. All others leave all five sets. capabilities(7). */
export interface CapabilitiesSpec {
  /**
   * By the kernel's names, e.g. `CAP_NET_BIND_SERVICE`. They hold over the sandbox's own user
   * namespace, where it has one.
   */
  keep: CapabilityName[];
  /**
   * Puts them into the ambient set, and so into the inheritable one: programs that are not user
   * 0's keep them at execve. Default: only where the command is not user 0, which keeps them
   * without. `false` then leaves them to programs with file capabilities.
   */
  ambient?: boolean;
}
