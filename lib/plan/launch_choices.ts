/**
 * What a launch adds to its description, and what a plan is.
 *
 * @module
 */

import type { CgroupLayout } from "./cgroup_layout.ts";
import type { Identity } from "./identity.ts";
import type { LandlockRuleset } from "./landlock_steps.ts";
import type { LaunchShape } from "./launch_shape.ts";
import type { NewStep } from "./step.ts";

/** A filter, as far as a plan has to know it. */
export interface LaunchFilter {
  /** Put it in force; several filters hold beside each other. */
  readonly steps: readonly NewStep[];
  /** What the launch's own calls behind it have to show; see {@linkcode LaunchShape.secret}. */
  readonly secret?: readonly [bigint, bigint, bigint];
}

/** What a launch adds to the description. */
export interface LaunchChoices {
  /** Some plugin has a preMount hook. */
  readonly preMount: boolean;
  /** Some plugin has a networkSetup hook. */
  readonly networkSetup: boolean;
  /** The host wants to know when the command runs. */
  readonly reportStart: boolean;
  /** The command line and its streams come when everything else is done. */
  readonly commandLater?: boolean;
  /** It is to outlive the program. */
  readonly detached?: boolean;
  /** The host wants to see what the sandbox changes, where that is in memory. */
  readonly keepChanges?: boolean;
  /** The host is to be able to enter it later. */
  readonly handOut?: boolean;
  /** Where in memory each received descriptor is. */
  readonly requestFd: (index: number) => number;
  /** Mounts whose source was opened and handed in: the index in the list to the descriptor inside. */
  readonly adoptedFds?: ReadonlyMap<number, number>;
  /** Rules of Landlock, as this kernel takes them. */
  readonly landlock?: LandlockRuleset;
  /** What puts the command's filter of system calls in force; undefined where it has none. */
  readonly filter: LaunchFilter | undefined;
  /** Where the sandbox's cgroup is made; needed where the description has limits. */
  readonly cgroup?: CgroupLayout;
}

/** A plan: the steps, and what decides the shape of its programs. */
export interface PlannedLaunch extends LaunchShape {
  /** Who the command is, and which ids exist. */
  readonly identity: Identity;
}
