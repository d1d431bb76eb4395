/**
 * Checks that a description has the types it declares, and that what is said goes together.
 * TypeScript does the first for those who write TypeScript; a kind that is not known, or an `"of"`
 * for `"off"`, must not be passed over silently for anybody else.
 *
 * @module
 */

import { SpecError } from "../errors.ts";
import { checkShape } from "../schema/check.ts";
import { SPEC } from "../schema/spec.ts";
import type { SandboxSpec } from "../spec.ts";
import { checkNetwork } from "./check_network.ts";
import { checkLandlock } from "./check_landlock.ts";
import { checkLimits } from "./check_limits.ts";
import { checkMount, checkRoot } from "./mounts/check.ts";
import { checkScheduling } from "./check_scheduling.ts";

function checkRlimits(spec: SandboxSpec): void {
  for (const [name, value] of Object.entries(spec.rlimits)) {
    if (typeof value !== "object") continue;
    const { soft, hard } = value;
    const most = hard === "unlimited" ? Infinity : hard;
    if ((soft === "unlimited" ? Infinity : soft) > most) {
      throw new SpecError(
        `rlimits.${name}`,
        `the soft limit ${soft} is above the hard one, ${hard}`,
      );
    }
  }
}

/** Throws a `SpecError` for a field that is not known, or a value of the wrong type. */
export function checkSpec(spec: SandboxSpec): void {
  checkShape(SPEC, spec, "");
  checkRoot(spec.root);
  spec.mounts.forEach((mount, index) => checkMount(mount, `mounts[${index}]`));
  checkLandlock(spec);
  checkRlimits(spec);
  checkScheduling(spec);
  checkLimits(spec.limits);
  if (spec.network !== undefined) checkNetwork(spec.network);
}
