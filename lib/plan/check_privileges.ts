/**
 * Checks the part of a description that is about privileges.
 *
 * @module
 */

import { SpecError } from "../errors.ts";
import { checkKeys } from "../known_keys.ts";
import type { SandboxSpec } from "../spec.ts";
import { nearest } from "../nearest.ts";
import { CAPABILITIES } from "../sys/abi/capability.ts";
import { isRecord, show } from "./check_values.ts";

/** Throws a `SpecError` for a capability that there is not, or a value of the wrong type. */
export function checkCapabilities(capabilities: SandboxSpec["capabilities"]): void {
  if (capabilities === undefined) return;
  if (!isRecord(capabilities) || !Array.isArray(capabilities.keep)) {
    throw new SpecError("capabilities.keep", "is a list of names such as CAP_NET_BIND_SERVICE");
  }
  checkKeys(capabilities, "capabilities", ["keep", "ambient"]);
  const { keep, ambient } = capabilities;
  keep.forEach((name: unknown, index) => {
    if (typeof name === "string" && Object.hasOwn(CAPABILITIES, name)) return;
    // People write sys_admin, SYS_ADMIN and CAP_SYS_ADMIN; the kernel's name is the last.
    const full = `CAP_${String(name).toUpperCase().replace(/^CAP_/, "")}`;
    const near = nearest(full, Object.keys(CAPABILITIES));
    throw new SpecError(
      `capabilities.keep[${index}]`,
      `${show(name)} is no capability; ${
        near === undefined ? "see capabilities(7) for their names" : `did you mean "${near}"?`
      }`,
    );
  });
  if (ambient !== undefined && typeof ambient !== "boolean") {
    throw new SpecError("capabilities.ambient", `${show(ambient)} is neither true nor false`);
  }
}

/** Throws a `SpecError` for what names no filter. What a profile says is checked where it is read. */
export function checkSeccomp(seccomp: SandboxSpec["seccomp"]): void {
  if (seccomp === undefined) return;
  if (!isRecord(seccomp)) throw new SpecError("seccomp", `${show(seccomp)} is not { profile }`);
  checkKeys(seccomp, "seccomp", ["profile", "log"]);
  const { profile, log } = seccomp;
  if (log !== undefined && typeof log !== "boolean") {
    throw new SpecError("seccomp.log", `${show(log)} is neither true nor false`);
  }
  if (isRecord(profile) && "bpf" in profile) checkKeys(profile, "seccomp.profile", ["bpf"]);
  if (profile === "default" || profile === "none" || isRecord(profile)) return;
  throw new SpecError(
    "seccomp.profile",
    `${show(profile)} is none of "default", "none", a policy, an OCI profile, { bpf }`,
  );
}
