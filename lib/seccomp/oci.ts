/**
 * Reads a seccomp profile of the OCI runtime specification, and of Docker's and Podman's variant of
 * it, as runc and libseccomp understand it.
 *
 * Where several rules name one call, the first one without conditions decides if there is one, else
 * the first whose conditions hold. Rules that say what the default says are left out, as runc does.
 *
 * @module
 */

import { SpecError } from "../errors.ts";
import type {
  FilterableCall,
  SeccompAction,
  SeccompArch,
  SeccompComparison,
  SeccompRule,
  SeccompTest,
} from "../spec.ts";
import { SECCOMP_FILTER_FLAG_LOG, SECCOMP_FILTER_FLAG_SPEC_ALLOW } from "../sys/abi/seccomp.ts";
import { actionValue, errnoNumber } from "./actions.ts";
import { ARCHITECTURES, checkNumber, listOf, show } from "./check_policy.ts";
import { argumentBits } from "./int_arguments.ts";
import { appliesHere, checkConditions, type OciConditions } from "./oci_conditions.ts";
import { callNumber, type FlatPolicy } from "./outcomes.ts";

const COMPARISONS: Readonly<Record<string, SeccompComparison>> = {
  SCMP_CMP_NE: "not-equal",
  SCMP_CMP_LT: "less",
  SCMP_CMP_LE: "at-most",
  SCMP_CMP_EQ: "equal",
  SCMP_CMP_GE: "at-least",
  SCMP_CMP_GT: "greater",
  SCMP_CMP_MASKED_EQ: "masked-equal",
};
const FLAGS: Readonly<Record<string, number>> = {
  SECCOMP_FILTER_FLAG_LOG,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW,
  // One thread installs the filter; how notifications wait is our own business.
  SECCOMP_FILTER_FLAG_TSYNC: 0,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: 0,
};
const TOP = [
  "defaultAction",
  "defaultErrnoRet",
  "defaultErrno",
  "architectures",
  "archMap",
  "syscalls",
  "flags",
  "listenerPath",
  "listenerMetadata",
];
const ENTRY = [
  "name",
  "names",
  "action",
  "errnoRet",
  "errno",
  "args",
  "comment",
  "includes",
  "excludes",
];

/** A profile, understood. */
export interface OciPolicy extends FlatPolicy {
  /** Flags for seccomp(2). */
  readonly flags: number;
}

function mapping(value: unknown, known: readonly string[], field: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new SpecError(field, `${show(value)} is not an object`);
  }
  for (const key of Object.keys(value)) {
    if (known.includes(key)) continue;
    throw new SpecError(`${field}.${key}`, `there is no such key; known: ${known.join(", ")}`);
  }
  return value as Record<string, unknown>;
}

function errno(number: unknown, name: unknown, field: string): number {
  // Podman has both, and the name wins.
  const given = typeof name === "string" && name !== "" ? name : number ?? undefined;
  if (given === undefined) return errnoNumber("EPERM")!;
  const found = errnoNumber(given);
  if (found === undefined) throw new SpecError(field, `${show(given)} is no errno`);
  return found;
}

function action(value: unknown, errnoValue: number, field: string): SeccompAction {
  switch (value) {
    case "SCMP_ACT_ALLOW":
      return "allow";
    case "SCMP_ACT_ERRNO":
      return { errno: errnoValue };
    case "SCMP_ACT_KILL":
    case "SCMP_ACT_KILL_THREAD":
      return "kill-thread";
    case "SCMP_ACT_KILL_PROCESS":
      return "kill";
    case "SCMP_ACT_TRAP":
      return "trap";
    case "SCMP_ACT_LOG":
      return "log";
    case "SCMP_ACT_NOTIFY":
      return "notify";
    case "SCMP_ACT_TRACE":
      // What the kernel makes of it where no tracer listens, and none of ours does.
      return { errno: "ENOSYS" };
  }
  throw new SpecError(field, `${show(value)} is no action of the OCI runtime specification`);
}

interface Condition {
  argument: number;
  is: SeccompComparison;
  value: number | string;
  mask?: number | string;
}

function condition(value: unknown, field: string): Condition {
  const { index, op, ...values } = mapping(value, ["index", "value", "valueTwo", "op"], field);
  if (!Number.isInteger(index) || index as number < 0 || index as number > 5) {
    throw new SpecError(`${field}.index`, `${show(index)} is not a number from 0 to 5`);
  }
  const is = typeof op === "string" && Object.hasOwn(COMPARISONS, op) ? COMPARISONS[op] : undefined;
  if (is === undefined) {
    throw new SpecError(
      `${field}.op`,
      `${show(op)} is none of ${Object.keys(COMPARISONS).join(", ")}`,
    );
  }
  const first = checkNumber(values.value, `${field}.value`);
  if (is !== "masked-equal") return { argument: index as number, is, value: first };
  const mask = first, wanted = checkNumber(values.valueTwo ?? 0, `${field}.valueTwo`);
  return { argument: index as number, is, value: wanted, mask };
}

/** One entry, before it is known which calls it is for here. */
interface Entry {
  names: string[];
  action: SeccompAction;
  conditions: Condition[];
  only: OciConditions;
}

function entry(value: unknown, field: string): Entry {
  const given = mapping(value, ENTRY, field);
  const text = (name: unknown, at: string) => {
    if (typeof name === "string" && name !== "") return name;
    throw new SpecError(at, `${show(name)} is not the name of a system call`);
  };
  const names = given.names === undefined || given.names === null
    ? []
    : listOf(given.names, `${field}.names`, text);
  if (given.name !== undefined) names.push(text(given.name, `${field}.name`));
  if (names.length === 0) throw new SpecError(`${field}.names`, "names no system call");
  return {
    names,
    action: action(
      given.action,
      errno(given.errnoRet, given.errno, `${field}.errnoRet`),
      `${field}.action`,
    ),
    conditions: given.args === undefined || given.args === null
      ? []
      : listOf(given.args, `${field}.args`, condition),
    only: checkConditions(given, field),
  };
}

/** The same conditions for one call, with the width that the kernel takes. */
function tests(call: string, conditions: readonly Condition[]): SeccompTest[] {
  return conditions.map((it) => ({ ...it, bits: argumentBits(call, it.argument) }));
}

/** As runc does: two conditions on one argument are alternatives, for libseccomp cannot join them. */
function alternatives(conditions: readonly Condition[]): (readonly Condition[])[] {
  const seen = new Set(conditions.map(({ argument }) => argument));
  return seen.size < conditions.length ? conditions.map((it) => [it]) : [conditions];
}

/** What a profile means on this machine, for a command that keeps these capabilities. */
export function readOciProfile(
  profile: unknown,
  here: { arch: SeccompArch; capabilities: ReadonlySet<string>; kernel: string },
  field = "seccomp.profile",
): OciPolicy {
  const top = mapping(profile, TOP, field);
  const otherwise = action(
    top.defaultAction,
    errno(top.defaultErrnoRet, top.defaultErrno, `${field}.defaultErrnoRet`),
    `${field}.defaultAction`,
  );
  const entries = top.syscalls === undefined || top.syscalls === null
    ? []
    : listOf(top.syscalls, `${field}.syscalls`, entry);
  const always: SeccompRule[] = [], sometimes: SeccompRule[] = [];
  for (const [index, { names, action, conditions, only }] of entries.entries()) {
    if (!appliesHere(only, here) || actionValue(action) === actionValue(otherwise)) continue;
    for (const name of names) {
      if (ARCHITECTURES.every((arch) => callNumber(name, arch) === undefined)) {
        // Many a name is another architecture's. To allow one that is not known is to allow nothing.
        if (action === "allow" || action === "log" || otherwise !== "allow") continue;
        throw new SpecError(
          `${field}.syscalls[${index}].names`,
          `"${name}" is not known here, so it could not be blocked`,
        );
      }
      const calls = [name as FilterableCall];
      if (conditions.length === 0) always.push({ calls, action });
      else {
        for (const list of alternatives(conditions)) {
          sometimes.push({ calls, action, when: tests(name, list) });
        }
      }
    }
  }
  const flags = top.flags === undefined || top.flags === null
    ? []
    : listOf(top.flags, `${field}.flags`, (flag, at) => {
      if (typeof flag === "string" && Object.hasOwn(FLAGS, flag)) return FLAGS[flag]!;
      throw new SpecError(at, `${show(flag)} is none of ${Object.keys(FLAGS).join(", ")}`);
    });
  return {
    rules: [...always, ...sometimes],
    otherwise,
    // As runc does, so that a C library falls back to an older call.
    ...(otherwise === "allow" || otherwise === "log" ? {} : { beyond: { errno: "ENOSYS" } }),
    architectures: [here.arch],
    flags: flags.reduce((sum, flag) => sum | flag, 0),
  };
}
