/**
 * The steps of the mount list. All of them use the new mount API on descriptors: a mount is made
 * detached, gets its attributes, and only then is put into the tree, so that it is never there
 * without them. mount_setattr(2), move_mount(2).
 *
 * @module
 */

import type { MountSpec } from "../../spec.ts";
import type { NewStep } from "../step.ts";
import { bind, overlay } from "./bind.ts";
import { mask, readonly } from "./cover.ts";
import { dev } from "./dev.ts";
import { dir, file, symlink } from "./files.ts";
import { cgroupfs, devpts, filesystem, mqueue, proc, sysfs, tmpfs } from "./kernel.ts";
import type { MountContext } from "./parts.ts";

type Planner<Mount> = (mount: Mount, context: MountContext, field: string) => NewStep;

const PLANNERS: { readonly [Kind in MountSpec["kind"]]: Planner<MountSpec & { kind: Kind }> } = {
  bind,
  overlay,
  tmpfs,
  proc,
  dev,
  devpts,
  mqueue,
  sysfs,
  cgroupfs,
  filesystem,
  symlink,
  dir,
  file,
  mask,
  readonly,
};

/** The step of one entry of the mount list. */
export function mountStep(mount: MountSpec, context: MountContext, field: string): NewStep {
  return (PLANNERS[mount.kind] as Planner<MountSpec>)(mount, context, field);
}
