/**
 * What decides the shape of a launch's programs, and the numbers that both sides agree on.
 *
 * @module
 */

import { HOOK_AREA } from "../agent/layout.ts";
import type { Operation, Value } from "../agent/operation.ts";
import type { CgroupLayout } from "./cgroup_layout.ts";
import type { Step } from "./step.ts";

/** Where in the descriptors of a request each one stands. */
export const REQUEST_FD = { launch: 0, firstJoin: 1 } as const;

/** The points at which a set-up can wait for the host program. */
export const Barrier = { MAPS: 1, PRE_MOUNT: 2, NETWORK: 3, COMMAND: 4 } as const;

/** The first word of what the host answers at a barrier. */
export const Answer = { CONTINUE: 0, LOAD_REST: 1, RUN: 2 } as const;

/** Where a hook's program starts: behind the words of the answer. */
export const HOOK_PROGRAM = HOOK_AREA + 32;

/** The cgroup of a launch, for its programs. */
export interface CgroupShape {
  /** Where it is made. */
  readonly places: CgroupLayout;
  /** The end of the pipe whose hang-up tells the keeper to remove it. */
  readonly pipe: Value;
}

/** What of a plan decides the shape of its programs. */
export interface LaunchShape {
  /** All steps of the plan. */
  readonly steps: readonly Step[];
  /** CLONE_NEW* flags of the sandbox's first process. */
  readonly cloneFlags: number;
  /** The sandbox has a pid namespace of its own. */
  readonly ownsPids: boolean;
  /** Some namespaces are joined first, by a process in between. */
  readonly staged: boolean;
  /** The host writes the id maps (newuidmap), at a barrier. */
  readonly mapsByHost: boolean;
  /** Someone outside must do something between the clone and the set-up. */
  readonly hasMaps: boolean;
  /**
   * The first process can be made before anything else of the launch is known: nobody outside has
   * anything to do for it but to write its id maps.
   */
  readonly ahead: boolean;
  /** Hooks wait before the first mount. */
  readonly preMount: boolean;
  /** Hooks wait before privileges are dropped. */
  readonly networkSetup: boolean;
  /** The command submits to rules of Landlock. */
  readonly landlocks: boolean;
  /** The command is to be pid 1 itself. */
  readonly asPid1: boolean;
  /** The host wants to know when the command runs. */
  readonly reportStart: boolean;
  /** The command is told when everything else is done. */
  readonly commandLater?: boolean;
  /** It is to outlive the program: its first process hands out its namespaces. */
  readonly detached?: boolean;
  /** The sandbox has a cgroup of its own. */
  readonly cgroup?: CgroupShape;
  /** What the fourth to sixth argument of the calls behind the filter must be, where it wants that. */
  readonly secret?: readonly [bigint, bigint, bigint];
}

/** A system call that is to fail, for tests: which step, which operation of it, which errno. */
export interface Fault {
  /** The step's number. */
  readonly step: number;
  /** Which of its operations, from 0. */
  readonly operation: number;
  /** The errno. */
  readonly errno: number;
  /** The operations that are put behind each step, to watch it; then `step` may be none. */
  readonly behind?: (step: Step) => Operation[];
}
