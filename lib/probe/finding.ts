/**
 * What a probe finds.
 *
 * @module
 */

import { UnsupportedError } from "../errors.ts";
import type { ProbeId } from "./ids.ts";

/** A heading of the report; they come in this order. */
export type ProbeGroup = "Machine" | "Namespaces" | "Files" | "Guards" | "Limits" | "Network";

/**
 * - `works`: it was tried, or read where trying is impossible
 * - `limited`: it works, but not for all that it is good for; `cost` says what is not
 * - `missing`: it does not work here; `cost` says what that takes away
 */
export type ProbeStatus = "works" | "limited" | "missing";

/** What was found about one thing. The names of the fields, and `id`s, are stable. */
export interface Finding {
  /** Its name, e.g. `"user-namespaces"`. */
  readonly id: ProbeId;
  /** The heading it stands under. */
  readonly group: ProbeGroup;
  /** What it is, in a few words. */
  readonly title: string;
  /** Whether it works. */
  readonly status: ProbeStatus;
  /** What was seen: a version, a limit, the error of the try. */
  readonly detail: string;
  /** What cannot be done because of it. */
  readonly cost?: string;
  /** What to do about it, a command where there is one. */
  readonly remedy?: string;
}

/** All that was found. */
export interface ProbeReport {
  /** Whether a sandbox with the default description starts here. */
  readonly usable: boolean;
  /** The kernel's release. */
  readonly kernel: string;
  /** The machine, e.g. `"x86_64"`. */
  readonly arch: string;
  /** Who asked: much depends on it. */
  readonly uid: number;
  /** In the order of the groups. */
  readonly findings: readonly Finding[];
}

/** One thing that can be found out. */
export interface Probe {
  readonly id: ProbeId;
  readonly group: ProbeGroup;
  readonly title: string;
  /** What must work for this to be tried. */
  readonly needs?: ProbeId;
  /** Finds it out. What it throws becomes a finding, too. */
  readonly look: () => Finds | Promise<Finds>;
}

/** What a probe says besides its name. */
export type Finds = Pick<Finding, "status" | "detail" | "cost" | "remedy">;

/** It works. */
export function works(detail: string): Finds {
  return { status: "works", detail };
}

/** What does not work, from the error of the try: what is wrong, and what its text says to do. */
export function refused(error: unknown, cost: string, remedy: string): Finds {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (!(at instanceof UnsupportedError)) continue;
    const [reason, ...rest] = at.hint.split("; ");
    const detail = reason!, own = rest.join("; ");
    return { status: "missing", detail, cost, remedy: own === "" ? remedy : own };
  }
  return { status: "missing", detail: reasonOf(error), cost, remedy };
}

/** The first line of an error, without what names the step. */
export function reasonOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n")[0]!;
}
