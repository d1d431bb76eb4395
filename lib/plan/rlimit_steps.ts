/**
 * The steps that set resource limits. getrlimit(2).
 *
 * @module
 */

import type { Value } from "../agent/operation.ts";
import type { RlimitName, RlimitValue, SandboxSpec } from "../spec.ts";
import { RLIM_INFINITY, RLIMITS } from "../sys/abi/resource.ts";
import type { HostFacts } from "./facts.ts";
import type { NewStep } from "./step.ts";
import { rlimit64 } from "./structs.ts";

function resourceOf(name: RlimitName): number {
  return RLIMITS[`RLIMIT_${name.toUpperCase()}` as keyof typeof RLIMITS];
}

/** One resource limit. */
export function rlimitStep(name: RlimitName, value: RlimitValue): NewStep {
  const pair = typeof value === "object" ? value : { soft: value, hard: value };
  const word = (limit: number | "unlimited") =>
    limit === "unlimited" ? RLIM_INFINITY : BigInt(limit);
  return {
    phase: "command",
    name: "rlimit",
    sentence: `limit ${name} to ${pair.soft}${
      pair.soft === pair.hard ? "" : ` (hard ${pair.hard})`
    }`,
    hints: { EPERM: "a hard limit above the caller's own needs CAP_SYS_RESOURCE outside" },
    operations: [{
      call: "prlimit64",
      args: [0, resourceOf(name), rlimit64(word(pair.soft), word(pair.hard)), 0],
    }],
  };
}

/** Sets a soft limit and leaves the hard one. */
export function softNofileStep(soft: number): NewStep {
  return {
    phase: "command",
    name: "open files",
    sentence: `put the soft limit of open files back to ${soft}, as it was before Deno raised it`,
    operations: [
      { call: "prlimit64", args: [0, RLIMITS.RLIMIT_NOFILE, 0, { at: "nofile" }] },
      { call: "SET", args: [soft], store: "nofile" },
      { call: "prlimit64", args: [0, RLIMITS.RLIMIT_NOFILE, { at: "nofile" }, 0] },
    ],
  };
}

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
