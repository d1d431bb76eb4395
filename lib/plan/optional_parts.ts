/**
 * Parts of planning that only some descriptions need. To load them all takes as long as a launch,
 * so `paddock run` without options starts without them; the builder brings them
 * (`lib/run/all_parts.ts`), and with it everybody who describes something himself.
 *
 * A part that is not there is an error and never left out: no check and no guard is lost.
 *
 * @module
 */

import type { SandboxSpec, SeccompArch } from "../spec.ts";
import type { LandlockRuleset } from "./landlock_steps.ts";

/** What an image means for a launch. */
export interface ImageParts {
  /** The image that the root is; its name may mean another one the next time. */
  imageOf(spec: SandboxSpec): { readonly id: string } | undefined;
  /** The description with the image's layers and defaults. */
  withImage(spec: SandboxSpec): SandboxSpec;
  /** What it is to run when nobody says anything else. */
  imageCommand(spec: SandboxSpec): string[] | undefined;
  /** Keeps it from being removed. */
  holdImage(spec: SandboxSpec): (Disposable & { readonly fd: number }) | undefined;
}

/** The parts, each as its module has it. */
export interface OptionalParts {
  /** Checks a description that is not the default one. */
  readonly checkSpec: typeof import("./check_spec.ts").checkSpec;
  /** For `limits`. */
  readonly cgroup: typeof import("./cgroup_steps.ts");
  /** The same: the process beside the sandbox. */
  readonly keeper: typeof import("./keeper_program.ts");
  /** For `landlock`. */
  readonly landlock: typeof import("./landlock_steps.ts");
  /** The same: the rules as the running kernel takes them. */
  readonly landlockRuleset: (
    spec: SandboxSpec,
    version: () => number,
  ) => { ruleset?: LandlockRuleset; skipped: string[] };
  /** For `nice`, `scheduler` and what else is in {@linkcode hasScheduling}. */
  readonly scheduling: typeof import("./scheduling_steps.ts");
  /** For `tty`. */
  readonly terminal: typeof import("./terminal_step.ts");
  /** For `rlimits`. */
  readonly raise: typeof import("./raise_steps.ts");
  /** For whoever is to enter a sandbox later. */
  readonly held: typeof import("./held_steps.ts");
  /** For CAP_SYS_ADMIN. */
  readonly lock: typeof import("./mounts/lock_steps.ts");
  /** For a directory or a stack as the root. */
  readonly roots: typeof import("./mounts/host_root.ts");
  /** For an image as the root. */
  readonly images: ImageParts;
  /** For a profile that is not the default one: the guard of set-uid files, in base64. */
  readonly guardFilters: Readonly<Record<SeccompArch, string>>;
  /** For kinds of mounts that a default sandbox has none of. */
  readonly mounts: typeof import("./mounts/more_mounts.ts").MORE_MOUNTS;
}

let parts: OptionalParts | undefined;

/** Brings the parts. */
export function provideParts(all: OptionalParts): void {
  parts = all;
}

/** The parts. Asked for only where a description wants one of them. */
export function optionalParts(): OptionalParts {
  if (parts === undefined) throw new Error("Import lib/run/all_parts.ts before planning this");
  return parts;
}

/** Whether the root is an image. */
export function hasImage({ root }: SandboxSpec): boolean {
  return typeof root === "object" && "image" in root;
}

/** Whether a description says something about processors, priorities or personalities. */
export function hasScheduling(spec: SandboxSpec): boolean {
  return spec.nice !== undefined || spec.scheduler !== undefined ||
    spec.ioPriority !== undefined || spec.cpuAffinity !== undefined ||
    spec.personality !== undefined || spec.oomScoreAdj !== undefined;
}
