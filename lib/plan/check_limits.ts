/**
 * Checks what a description says of a sandbox's cgroup.
 *
 * @module
 */

import { SpecError } from "../errors.ts";
import { checkShape } from "../schema/check.ts";
import { LIMITS } from "../schema/limits.ts";
import type { LimitsSpec } from "../spec.ts";

/** Throws a `SpecError` for a limit that there is not, or a value that it cannot have. */
export function checkLimits(limits: LimitsSpec | undefined): void {
  if (limits === undefined) return;
  checkShape(LIMITS, limits, "limits");
  limits.io?.forEach(({ device: _, ...rates }, index) => {
    if (Object.values(rates).some((rate) => rate !== undefined)) return;
    throw new SpecError(`limits.io[${index}]`, "limits nothing; give rbps, wbps, riops or wiops");
  });
  if (limits.parent?.split("/").includes("..")) {
    throw new SpecError("limits.parent", `"${limits.parent}" is not the absolute path of a cgroup`);
  }
}
