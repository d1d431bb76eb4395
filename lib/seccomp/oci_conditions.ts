/**
 * Where an entry of a Docker profile applies: `includes` and `excludes` by capability, architecture
 * and kernel release.
 *
 * @module
 */

import { SpecError } from "../errors.ts";
import type { SeccompArch } from "../spec.ts";
import { listOf, show } from "./check_policy.ts";

/** One side. */
interface Side {
  readonly caps: readonly string[];
  readonly arches: readonly string[];
  readonly minKernel?: string;
}

/** Both. */
export interface OciConditions {
  readonly includes: Side;
  readonly excludes: Side;
}

/** The architectures by the names of the Go language. */
const GO_NAMES: Readonly<Record<SeccompArch, string>> = { x86_64: "amd64", aarch64: "arm64" };

function side(value: unknown, field: string): Side {
  if (value === undefined || value === null) return { caps: [], arches: [] };
  if (typeof value !== "object" || Array.isArray(value)) {
    throw new SpecError(field, `${show(value)} is not an object`);
  }
  const { caps, arches, minKernel, ...more } = value as Record<string, unknown>;
  const [unknown] = Object.keys(more);
  if (unknown !== undefined) {
    throw new SpecError(`${field}.${unknown}`, "is none of caps, arches, minKernel");
  }
  const words = (list: unknown, at: string) =>
    list === undefined || list === null ? [] : listOf(list, at, (word, place) => {
      if (typeof word === "string") return word;
      throw new SpecError(place, `${show(word)} is not a text`);
    });
  if (minKernel !== undefined && (typeof minKernel !== "string" || !/^\d+\.\d+/.test(minKernel))) {
    throw new SpecError(`${field}.minKernel`, `${show(minKernel)} is not a release such as "4.8"`);
  }
  return {
    caps: words(caps, `${field}.caps`),
    arches: words(arches, `${field}.arches`),
    minKernel,
  };
}

/** Reads `includes` and `excludes`. */
export function checkConditions(entry: Record<string, unknown>, field: string): OciConditions {
  return {
    includes: side(entry.includes, `${field}.includes`),
    excludes: side(entry.excludes, `${field}.excludes`),
  };
}

/** Whether a release is at least another one, by the first two numbers. */
function isAtLeast(release: string, least: string): boolean {
  const [major = 0, minor = 0] = release.split(".").map((part) => parseInt(part));
  const [wantedMajor = 0, wantedMinor = 0] = least.split(".").map((part) => parseInt(part));
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

/** Whether an entry applies: all that `includes` wants, and nothing of what `excludes` names. */
export function appliesHere(
  { includes, excludes }: OciConditions,
  here: { arch: SeccompArch; capabilities: ReadonlySet<string>; kernel: string },
): boolean {
  const arch = GO_NAMES[here.arch];
  const isHere = (name: string) => name === arch || name === here.arch;
  if (includes.arches.length > 0 && !includes.arches.some(isHere)) return false;
  if (!includes.caps.every((name) => here.capabilities.has(name))) return false;
  if (includes.minKernel !== undefined && !isAtLeast(here.kernel, includes.minKernel)) return false;
  if (excludes.arches.some(isHere)) return false;
  if (excludes.caps.some((name) => here.capabilities.has(name))) return false;
  return excludes.minKernel === undefined || !isAtLeast(here.kernel, excludes.minKernel);
}
