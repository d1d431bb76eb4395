/**
 * The steps that set resource limits. getrlimit(2).
 *
 * @module
 */

import type { RlimitName, RlimitValue } from "../spec.ts";
import { RLIM_INFINITY, RLIMITS } from "../sys/abi/resource.ts";
import type { NewStep } from "./step.ts";
import { rlimit64 } from "./structs.ts";

/** The kernel's number of a resource. */
export function resourceOf(name: RlimitName): number {
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
