/**
 * Checks the part of a description that is about Landlock.
 *
 * @module
 */

import { SpecError } from "../errors.ts";
import { checkShape } from "../schema/check.ts";
import { LANDLOCK } from "../schema/spec.ts";
import type { SandboxSpec } from "../spec.ts";

/** Throws a `SpecError` for a rule that is none, or for rules that restrict nothing. */
export function checkLandlock(spec: Pick<SandboxSpec, "landlock">): void {
  const { landlock } = spec;
  if (landlock === undefined) return;
  checkShape(LANDLOCK, landlock, "landlock");
  if (landlock === "from-mounts") return;
  const { paths, tcp, scopes = [] } = landlock;
  const sides = [tcp?.bind, tcp?.connect].filter((side) => side !== undefined);
  if (paths === undefined && sides.length === 0 && scopes.length === 0) {
    throw new SpecError("landlock", "restricts nothing; give paths, tcp or scopes");
  }
}
