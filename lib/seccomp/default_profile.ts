/**
 * The default profile: everything that ordinary programs need, in namespaces of their own, and
 * nothing else.
 *
 * @module
 */

import type { FilterableCall, SeccompArch, SeccompRule } from "../spec.ts";
import { ALLOWED } from "./default_allowed.ts";
import { argumentRules, type DefaultProfileOptions, setuidRules } from "./default_arguments.ts";
import { BLOCKED } from "./default_blocked.ts";
import type { FlatPolicy } from "./outcomes.ts";

export type { DefaultProfileOptions };

/** Its rules. */
export function defaultRules(options: DefaultProfileOptions): SeccompRule[] {
  const { capabilities } = options;
  return [
    ...argumentRules(options),
    ...BLOCKED.map(({ calls, errno = "EPERM", unless = [] }): SeccompRule => ({
      calls,
      action: unless.some((name) => capabilities.has(name)) ? "allow" : { errno },
    })),
    ...Object.values(ALLOWED).map((calls): SeccompRule => ({ calls, action: "allow" })),
  ];
}

/** The whole of it. A call that nobody has heard of does not exist. */
export function defaultPolicy(
  options: DefaultProfileOptions,
  architectures: readonly SeccompArch[],
): FlatPolicy {
  return { rules: defaultRules(options), otherwise: { errno: "ENOSYS" }, architectures };
}

/** They make files past every filter: what they are to do lies in memory. */
const RINGS: readonly FilterableCall[] = [
  "io_uring_setup",
  "io_uring_enter",
  "io_uring_register",
];

/**
 * The guard of set-uid files as a policy of its own, for a command whose profile is another one. Of
 * stacked filters the strictest answer counts, so no profile takes it off. Another ABI, whose calls
 * it does not know, kills.
 */
export function setuidGuardPolicy(arch: SeccompArch): FlatPolicy {
  return {
    rules: [...setuidRules(), { calls: RINGS, action: { errno: "ENOSYS" } }],
    otherwise: "allow",
    architectures: [arch],
  };
}
