/**
 * Reads a profile of system calls from a file: a policy of ours or an OCI profile in JSON or YAML,
 * or a filter that is compiled already.
 *
 * @module
 */

import { parse } from "@std/yaml";
import { SpecError } from "../errors.ts";
import type { SeccompProfile } from "../spec.ts";

/** JSON whose numbers beyond 2^53 become their digits, for a mask of 64 bits is one. */
function parseJson(text: string): unknown {
  const exact = (_: string, value: unknown, context?: { source?: string }) =>
    typeof value === "number" && !Number.isSafeInteger(value) ? context?.source ?? value : value;
  return JSON.parse(text, exact as (key: string, value: unknown) => unknown);
}

/** Reads a file. Throws a `SpecError` for what is none of the three; `field` is who named it. */
export function readProfile(path: string, field = "--seccomp"): SeccompProfile {
  let bytes: Uint8Array;
  try {
    bytes = Deno.readFileSync(path);
  } catch (error) {
    const why = error instanceof Deno.errors.NotFound
      ? "it is not there; name a file that is"
      : String(error);
    throw new SpecError(field, `"${path}" cannot be read: ${why}`);
  }
  const yaml = /\.ya?ml$/.test(path);
  if (!yaml && !/^\s*\{/.test(new TextDecoder().decode(bytes.subarray(0, 64)))) {
    return { bpf: bytes };
  }
  const text = new TextDecoder().decode(bytes);
  let value: unknown;
  try {
    value = yaml ? parse(text) : parseJson(text);
  } catch (error) {
    throw new SpecError(field, `"${path}": ${(error as Error).message}`);
  }
  if (typeof value === "object" && value !== null) return value as SeccompProfile;
  throw new SpecError(field, `"${path}" holds neither a policy nor an OCI profile`);
}
