/**
 * Checks a policy that somebody wrote: whatever it is, the answer is a `SpecError` that names the
 * field, or a policy with nothing left to be decided.
 *
 * @module
 */

import { SpecError } from "../errors.ts";
import { checkKeys } from "../known_keys.ts";
import type {
  SeccompAction,
  SeccompArch,
  SeccompComparison,
  SeccompPolicy,
  SeccompRule,
  SeccompTest,
} from "../spec.ts";
import { ACTION_NAMES, errnoNumber } from "./actions.ts";
import { callNames, callNumber, type FlatPolicy } from "./outcomes.ts";
import { wide } from "./tests.ts";

/** All architectures that filters can be compiled for. */
export const ARCHITECTURES: readonly SeccompArch[] = ["x86_64", "aarch64"];

const COMPARISONS: readonly SeccompComparison[] = [
  "equal",
  "not-equal",
  "less",
  "at-most",
  "greater",
  "at-least",
  "masked-equal",
];

/** The kernel has six, and a filter may have 4096 instructions. */
const MOST_TESTS = 64;

export function show(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return typeof value === "bigint" ? `${value}` : typeof value;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A list, with each entry checked. */
export function listOf<T>(
  value: unknown,
  field: string,
  check: (entry: unknown, field: string) => T,
): T[] {
  if (!Array.isArray(value)) throw new SpecError(field, `${show(value)} is not a list`);
  return value.map((entry, index) => check(entry, `${field}[${index}]`));
}

/** An action. */
export function checkAction(value: unknown, field: string): SeccompAction {
  if (ACTION_NAMES.includes(value as never)) return value as SeccompAction;
  if (isRecord(value) && Object.keys(value).length === 1 && "errno" in value) {
    if (errnoNumber(value.errno) !== undefined) return { errno: value.errno as number };
    throw new SpecError(`${field}.errno`, `${show(value.errno)} is no errno, by name or number`);
  }
  throw new SpecError(
    field,
    `${show(value)} is none of ${ACTION_NAMES.join(", ")}, { errno: "EPERM" }`,
  );
}

/** A number of 64 bits, as a number or as its digits. */
export function checkNumber(value: unknown, field: string): number | string {
  const safe = typeof value === "number" ? Number.isSafeInteger(value) : typeof value === "string";
  if (safe && String(value).trim() !== "") {
    try {
      const number = BigInt(value as string);
      if (number >= -(2n ** 63n) && number < 2n ** 64n) return value as number | string;
    } catch { /* no digits */ }
  }
  throw new SpecError(field, `${show(value)} is not a number of 64 bits; text has its digits`);
}

/** That a number fits into so many bits, as one with or without a sign. */
function checkWidth(value: number | string, bits: number, field: string): void {
  if (bits === 64 || (BigInt(value) < 2n ** 32n && BigInt(value) >= -(2n ** 31n))) return;
  throw new SpecError(field, `${show(value)} does not fit into 32 bits`);
}

function checkTest(value: unknown, field: string): SeccompTest {
  if (!isRecord(value)) throw new SpecError(field, `${show(value)} is not a comparison`);
  checkKeys(value, field, ["argument", "is", "value", "mask", "bits"]);
  const { argument, is, mask, bits } = value;
  if (!Number.isInteger(argument) || argument as number < 0 || argument as number > 5) {
    throw new SpecError(`${field}.argument`, `${show(argument)} is not a number from 0 to 5`);
  }
  if (!COMPARISONS.includes(is as never)) {
    throw new SpecError(`${field}.is`, `${show(is)} is none of ${COMPARISONS.join(", ")}`);
  }
  if (bits !== 32 && bits !== 64) {
    throw new SpecError(
      `${field}.bits`,
      `${show(bits)} is neither 32 (an int, a mode, a request of ioctl) nor 64 (a long, a size)`,
    );
  }
  const number = checkNumber(value.value, `${field}.value`);
  checkWidth(number, bits, `${field}.value`);
  const test: SeccompTest = {
    argument: argument as number,
    is: is as SeccompComparison,
    value: number,
    bits,
  };
  if (is !== "masked-equal") {
    if (mask === undefined) return test;
    throw new SpecError(`${field}.mask`, `a mask is for masked-equal only`);
  }
  const checked = checkNumber(mask, `${field}.mask`);
  checkWidth(checked, bits, `${field}.mask`);
  if ((BigInt.asUintN(bits, wide(number)) & ~BigInt.asUintN(bits, wide(checked))) !== 0n) {
    throw new SpecError(`${field}.value`, `has bits that the mask hides, so it never fits`);
  }
  return { ...test, mask: checked };
}

function checkCall(value: unknown, field: string): SeccompRule["calls"][number] {
  if (
    typeof value === "string" &&
    ARCHITECTURES.some((arch) => callNumber(value, arch) !== undefined)
  ) return value as SeccompRule["calls"][number];
  const word = typeof value === "string" ? value : "";
  const near = word === ""
    ? undefined
    : callNames(...ARCHITECTURES).find((name) =>
      name.startsWith(word) || name.replaceAll("_", "") === word.replaceAll("_", "")
    );
  throw new SpecError(
    field,
    `${show(value)} is no system call; ${
      near === undefined ? "see syscalls(2)" : `did you mean "${near}"?`
    }`,
  );
}

function checkRule(value: unknown, field: string): SeccompRule {
  if (!isRecord(value)) throw new SpecError(field, `${show(value)} is not a rule`);
  checkKeys(value, field, ["calls", "action", "when"]);
  const calls = listOf(value.calls, `${field}.calls`, checkCall);
  const action = checkAction(value.action, `${field}.action`);
  if (value.when === undefined) return { calls, action };
  const when = listOf(value.when, `${field}.when`, checkTest);
  if (when.length > MOST_TESTS) {
    throw new SpecError(`${field}.when`, `has ${when.length} tests; at most ${MOST_TESTS}`);
  }
  return { calls, action, when };
}

/** The architectures, each once. */
function checkArchitectures(value: unknown, own: SeccompArch, field: string): SeccompArch[] {
  if (value === undefined) return [own];
  const list = listOf(value, field, (entry, at) => {
    if (ARCHITECTURES.includes(entry as never)) return entry as SeccompArch;
    throw new SpecError(at, `${show(entry)} is none of ${ARCHITECTURES.join(", ")}`);
  });
  if (list.length === 0) throw new SpecError(field, "with none, every call would kill");
  return [...new Set(list)];
}

/** Checks a policy; what it extends comes after its own rules. */
export function checkPolicy(
  value: unknown,
  own: SeccompArch,
  defaults: () => FlatPolicy,
  field = "seccomp.profile",
): FlatPolicy {
  if (!isRecord(value)) throw new SpecError(field, `${show(value)} is not a policy`);
  checkKeys(value, field, ["extend", "rules", "otherwise", "architectures"]);
  const { extend, otherwise } = value as Partial<SeccompPolicy>;
  const architectures = checkArchitectures(value.architectures, own, `${field}.architectures`);
  const rules = listOf(value.rules, `${field}.rules`, checkRule);
  if (extend === undefined) {
    if (otherwise === undefined) {
      throw new SpecError(`${field}.otherwise`, "is missing: what a call gets that no rule fits");
    }
    return { rules, otherwise: checkAction(otherwise, `${field}.otherwise`), architectures };
  }
  if (extend !== "default") {
    throw new SpecError(`${field}.extend`, `${show(extend)} is not "default"`);
  }
  if (otherwise !== undefined) {
    throw new SpecError(`${field}.otherwise`, "is the default profile's where that is extended");
  }
  const base = defaults();
  return { ...base, rules: [...rules, ...base.rules], architectures };
}
