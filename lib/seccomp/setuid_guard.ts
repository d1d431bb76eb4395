/**
 * The guard of set-uid files as a policy of its own, for a command whose profile is not the default
 * one, which has it. Of stacked filters the strictest answer counts, so no profile takes it off.
 *
 * @module
 */

import type { FilterableCall, SeccompArch } from "../spec.ts";
import { setuidRules } from "./default_arguments.ts";
import type { FlatPolicy } from "./outcomes.ts";

/** They make files past every filter: what they are to do lies in memory. */
const RINGS: readonly FilterableCall[] = [
  "io_uring_setup",
  "io_uring_enter",
  "io_uring_register",
];

/** The policy. Another ABI, whose calls it does not know, kills. */
export function setuidGuardPolicy(arch: SeccompArch): FlatPolicy {
  return {
    rules: [...setuidRules(), { calls: RINGS, action: { errno: "ENOSYS" } }],
    otherwise: "allow",
    architectures: [arch],
  };
}
