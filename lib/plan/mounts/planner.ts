/**
 * What makes a step of an entry of the mount list.
 *
 * @module
 */

import type { MountSpec } from "../../spec.ts";
import type { NewStep } from "../step.ts";
import type { MountContext } from "./parts.ts";

/** Plans one kind of mount. */
export type Planner<Mount> = (mount: Mount, context: MountContext, field: string) => NewStep;

/** A planner for each of these kinds. */
export type Planners<Kinds extends MountSpec["kind"]> = {
  readonly [Kind in Kinds]: Planner<MountSpec & { kind: Kind }>;
};

/** The kinds that a default sandbox has. */
export type DefaultKind = "dev" | "dir" | "file" | "proc" | "symlink" | "tmpfs";
