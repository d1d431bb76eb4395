/**
 * What each system call number gets under a policy: rules by name become ranges of numbers.
 *
 * @module
 */

import type { SeccompAction, SeccompArch, SeccompRule, SeccompTest } from "../spec.ts";
import { SYSCALLS_AARCH64 } from "../sys/abi/syscalls_aarch64.ts";
import { SYSCALLS_X86_64 } from "../sys/abi/syscalls_x86_64.ts";
import { actionValue } from "./actions.ts";

/** A policy with nothing left to be decided. */
export interface FlatPolicy {
  /** The first that fits decides. */
  readonly rules: readonly SeccompRule[];
  /** What is left gets this. */
  readonly otherwise: SeccompAction;
  /** What numbers get that are higher than any that a rule names. Default: `otherwise`. */
  readonly beyond?: SeccompAction;
  /** The ABIs that are filtered; all others are killed. */
  readonly architectures: readonly SeccompArch[];
}

/** What a system call gets: the first case whose tests all hold, or else the last value. */
export interface Outcome {
  readonly cases: readonly { readonly tests: readonly SeccompTest[]; readonly value: number }[];
  readonly otherwise: number;
  /** Equal for equal outcomes. */
  readonly key: string;
}

/** System call numbers from here up to the next range's. */
export interface Range {
  readonly from: number;
  readonly outcome: Outcome;
}

const TABLES: Record<SeccompArch, Readonly<Record<string, number>>> = {
  x86_64: SYSCALLS_X86_64,
  aarch64: SYSCALLS_AARCH64,
};

/** The number of a call on an architecture. */
export function callNumber(name: string, arch: SeccompArch): number | undefined {
  return Object.hasOwn(TABLES[arch], name) ? TABLES[arch][name] : undefined;
}

/** All names of the architectures' calls. */
export function callNames(...arches: SeccompArch[]): string[] {
  return [...new Set(arches.flatMap((arch) => Object.keys(TABLES[arch])))];
}

/** Calls of x86_64's x32 ABI have this bit set; it shares the architecture's number. */
const X32_BIT = 0x4000_0000;
/** What a tracer writes to skip a call, and nothing else is. */
const NO_CALL = 0xffff_ffff;

function constant(value: number): Outcome {
  return { cases: [], otherwise: value, key: `${value}` };
}

function outcomeOf(rules: readonly SeccompRule[], last: SeccompAction): Outcome {
  const cases: { tests: readonly SeccompTest[]; value: number }[] = [];
  let otherwise = actionValue(last);
  for (const { action, when } of rules) {
    if (when === undefined || when.length === 0) {
      otherwise = actionValue(action);
      break;
    }
    cases.push({ tests: when, value: actionValue(action) });
  }
  // What would be decided the same way need not be asked.
  while (cases.at(-1)?.value === otherwise) cases.pop();
  if (cases.length === 0) return constant(otherwise);
  return { cases, otherwise, key: JSON.stringify([cases, otherwise]) };
}

/** The ranges of an architecture, from 0 on, each with another outcome than the one before. */
export function rangesOf(policy: FlatPolicy, arch: SeccompArch): Range[] {
  const byNumber = new Map<number, SeccompRule[]>();
  for (const rule of policy.rules) {
    for (const name of rule.calls) {
      const number = callNumber(name, arch);
      if (number === undefined) continue;
      const list = byNumber.get(number);
      if (list === undefined) byNumber.set(number, [rule]);
      else list.push(rule);
    }
  }
  const rest = constant(actionValue(policy.otherwise));
  const outcomes: [from: number, Outcome][] = [];
  let next = 0;
  for (const number of [...byNumber.keys()].sort((a, b) => a - b)) {
    if (number > next) outcomes.push([next, rest]);
    outcomes.push([number, outcomeOf(byNumber.get(number)!, policy.otherwise)]);
    next = number + 1;
  }
  outcomes.push([next, policy.beyond === undefined ? rest : constant(actionValue(policy.beyond))]);
  if (arch === "x86_64") {
    outcomes.push([X32_BIT, constant(actionValue("kill"))], [NO_CALL, rest]);
  }
  const ranges: Range[] = [];
  for (const [from, outcome] of outcomes) {
    if (ranges.at(-1)?.outcome.key !== outcome.key) ranges.push({ from, outcome });
  }
  return ranges;
}
