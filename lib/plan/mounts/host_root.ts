/**
 * The steps that make directories of the host the sandbox's root.
 *
 * @module
 */

import type { DirectoryRoot, OverlayRoot } from "../../spec.ts";
import type { NewStep } from "../step.ts";
import { mountAttributes } from "./attributes.ts";
import { OVERLAY_HINTS, overlayOperations, overlaySentence } from "./overlay.ts";
import { type MountContext, setAttributes } from "./parts.ts";
import { PLACE, ROOT } from "./root.ts";
import { closeWorkshop, openWorkshop } from "./workshop.ts";

export { pieceSteps } from "./pieces.ts";

/** A directory of the host as the root. */
export function directoryRootStep(root: DirectoryRoot, context: MountContext): NewStep {
  const { path, writable = false } = root;
  return {
    phase: "mounts",
    name: "root",
    sentence: `make the directory "${path}" the new root, ${writable ? "writable" : "read-only"}`,
    paths: { path },
    hints: { ENOENT: "give an existing directory", EINVAL: "the root must be a directory" },
    operations: [
      // Every mode from here on is meant as it stands.
      { call: "umask", args: [0] },
      ...context.sources.open(
        { path, dest: "/", recursive: true, writable, idMap: root.idMap },
        "root",
        "root",
      ),
      setAttributes(ROOT, mountAttributes({ writable })),
      PLACE,
    ],
  };
}

/** Stacked directories of the host as the root. */
export function overlayRootStep({ overlay }: OverlayRoot, context: MountContext): NewStep {
  return {
    phase: "mounts",
    name: "root",
    sentence: `make a stack the new root: ${overlaySentence(overlay)}`,
    paths: { path: overlay.lower.join(":") },
    hints: OVERLAY_HINTS,
    operations: [
      // Every mode from here on is meant as it stands.
      { call: "umask", args: [0] },
      ...openWorkshop(),
      ...overlayOperations(overlay, context, "root.overlay", "root", context.changesSocket),
      ...closeWorkshop(),
      setAttributes(ROOT, mountAttributes({ writable: overlay.upper !== undefined })),
      PLACE,
    ],
  };
}
