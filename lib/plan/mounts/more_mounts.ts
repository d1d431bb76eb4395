/**
 * The kinds of mounts that a default sandbox has none of.
 *
 * @module
 */

import type { MountSpec } from "../../spec.ts";
import { bind, overlay } from "./bind.ts";
import { mask, readonly } from "./cover.ts";
import { cgroupfs, devpts, filesystem, mqueue, sysfs } from "./more_kernel.ts";
import type { DefaultKind, Planners } from "./planner.ts";

/** A planner for each. */
export const MORE_MOUNTS: Planners<Exclude<MountSpec["kind"], DefaultKind>> = {
  bind,
  overlay,
  mask,
  readonly,
  devpts,
  mqueue,
  sysfs,
  cgroupfs,
  filesystem,
};
