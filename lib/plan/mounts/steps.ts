/**
 * The steps of the mount list. All of them use the new mount API on descriptors: a mount is made
 * detached, gets its attributes, and only then is put into the tree, so that it is never there
 * without them. mount_setattr(2), move_mount(2).
 *
 * @module
 */

import type { MountSpec } from "../../spec.ts";
import { optionalParts } from "../optional_parts.ts";
import type { NewStep } from "../step.ts";
import { dev } from "./dev.ts";
import { dir, file, symlink } from "./files.ts";
import { proc, tmpfs } from "./kernel.ts";
import type { MountContext } from "./parts.ts";
import type { DefaultKind, Planner, Planners } from "./planner.ts";

const PLANNERS: Planners<DefaultKind> = { dev, dir, file, proc, symlink, tmpfs };

/** The step of one entry of the mount list. */
export function mountStep(mount: MountSpec, context: MountContext, field: string): NewStep {
  const planners = Object.hasOwn(PLANNERS, mount.kind) ? PLANNERS : optionalParts().mounts;
  return (planners as Record<string, Planner<MountSpec>>)[mount.kind]!(mount, context, field);
}
