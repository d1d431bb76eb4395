/**
 * From a description to its filter, whatever the profile is written in.
 *
 * @module
 */

import { SpecError } from "../errors.ts";
import type { SandboxSpec } from "../spec.ts";
import { checkPolicy } from "./check_policy.ts";
import { checkProgram } from "./check_program.ts";
import { compilePolicy } from "./compile.ts";
import { withExemptions } from "./exemption.ts";
import { asking, asks } from "./listening.ts";
import { defaultPolicy } from "./default_profile.ts";
import type { Filter, FilterPlace } from "./filter.ts";
import { readOciProfile } from "./oci.ts";
import type { FlatPolicy } from "./outcomes.ts";

/** The policy of a description, if it has one: a compiled program and `"none"` have none. */
export function policyOf(
  spec: SandboxSpec,
  place: FilterPlace,
): FlatPolicy & { flags?: number } | undefined {
  const profile = spec.seccomp?.profile ?? "none";
  const capabilities = new Set(spec.capabilities?.keep);
  const { guardSetuid } = place;
  const defaults = () => defaultPolicy({ capabilities, guardSetuid }, [place.arch]);
  if (profile === "none") return undefined;
  if (profile === "default") return defaults();
  if (typeof profile !== "object" || profile === null) {
    throw new SpecError(
      "seccomp.profile",
      `${JSON.stringify(profile)} is none of "default", "none", a policy, an OCI profile, { bpf }`,
    );
  }
  if ("bpf" in profile) return undefined;
  if ("defaultAction" in profile) {
    return readOciProfile(profile, { arch: place.arch, capabilities, kernel: place.kernel() });
  }
  return checkPolicy(profile, place.arch, defaults);
}

function originalOf(spec: SandboxSpec, place: FilterPlace): Filter | undefined {
  const profile = spec.seccomp?.profile;
  if (typeof profile === "object" && profile !== null && "bpf" in profile) {
    const { bpf } = profile;
    if (!(bpf instanceof Uint8Array)) {
      throw new SpecError("seccomp.profile.bpf", "is not the bytes of a filter");
    }
    checkProgram(bpf);
    return { program: Uint8Array.from(bpf), flags: 0, title: "a given program" };
  }
  const policy = policyOf(spec, place);
  if (policy === undefined) return undefined;
  const title = profile === "default" ? "the default profile" : "a given profile";
  return { program: compilePolicy(policy), flags: policy.flags ?? 0, title };
}

/** Compiles a description's filter; undefined for none. Throws a `SpecError` for a broken one. */
export function compileFilter(spec: SandboxSpec, place: FilterPlace): Filter | undefined {
  const original = originalOf(spec, place);
  const log = spec.seccomp?.log === true;
  if (original === undefined) {
    if (log) throw new SpecError("seccomp.log", "without a filter there is nothing to log");
    return undefined;
  }
  if (!place.hasHandler && asks(original.program)) {
    throw new SpecError(
      "seccomp.profile",
      "it asks about some calls, and nobody would answer; give seccomp() a handler",
    );
  }
  const secret = place.secret?.();
  const exempted = secret && withExemptions(original.program, place.arch, secret);
  const judge = exempted ?? original.program;
  const program = log ? asking(judge) : judge;
  return {
    ...original,
    program,
    ...(exempted === undefined ? {} : { secret }),
    ...(asks(program) ? { judge } : {}),
  };
}
