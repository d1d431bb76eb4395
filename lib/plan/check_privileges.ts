/**
 * Checks the part of a description that is about privileges.
 *
 * @module
 */

import { checkKeys } from "../known_keys.ts";
import { checkShape } from "../schema/check.ts";
import { CAPABILITIES_NODE, SECCOMP } from "../schema/spec.ts";
import type { SandboxSpec } from "../spec.ts";

/** Throws a `SpecError` for a capability that there is not, or a value of the wrong type. */
export function checkCapabilities(capabilities: SandboxSpec["capabilities"]): void {
  if (capabilities !== undefined) checkShape(CAPABILITIES_NODE, capabilities, "capabilities");
}

/** Throws a `SpecError` for what names no filter. What a profile says is checked where it is read. */
export function checkSeccomp(seccomp: SandboxSpec["seccomp"]): void {
  if (seccomp === undefined) return;
  checkShape(SECCOMP, seccomp, "seccomp");
  const { profile } = seccomp;
  if (typeof profile === "object" && "bpf" in profile) {
    checkKeys(profile, "seccomp.profile", ["bpf"]);
  }
}
