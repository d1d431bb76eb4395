/**
 * The steps that raise hard limits of resources. prlimit(2).
 *
 * @module
 */

import type { Value } from "../agent/operation.ts";
import type { RlimitName, SandboxSpec } from "../spec.ts";
import { RLIM_INFINITY } from "../sys/abi/resource.ts";
import type { HostFacts } from "./facts.ts";
import { resourceOf } from "./rlimit_steps.ts";
import type { NewStep } from "./step.ts";

/**
 * Raises hard limits above the caller's, from outside, for the command has no right to by the time
 * it sets them; the soft ones stay, so that the set-up is not limited. prlimit(2).
 */
export function raiseSteps(
  spec: SandboxSpec,
  facts: HostFacts,
  who: Value = { load: "pid" },
): NewStep[] {
  return Object.entries(spec.rlimits).flatMap(([name, value]): NewStep[] => {
    const hard = typeof value === "object" ? value.hard : value;
    const most = facts.hardLimit(name as RlimitName);
    if (most === "unlimited" || (hard !== "unlimited" && hard <= most)) return [];
    const resource = resourceOf(name as RlimitName), pair = `limit of ${name}`;
    return [{
      phase: "maps",
      name: "raise",
      sentence: `raise the hard limit of ${name} from ${most} to ${hard}`,
      hints: { EPERM: "a hard limit above the caller's own needs CAP_SYS_RESOURCE outside" },
      operations: [
        { call: "prlimit64", args: [who, resource, 0, { words: [0, 0], name: pair }] },
        {
          call: "SET",
          args: [hard === "unlimited" ? RLIM_INFINITY : hard],
          // The largest number there is reads as an error's.
          onError: "ignore",
          store: { name: pair, offset: 8 },
        },
        { call: "prlimit64", args: [who, resource, { at: pair }, 0] },
      ],
    }];
  });
}
