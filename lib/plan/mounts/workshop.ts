/**
 * A filesystem for what is needed on the way to a mount: names for layers, files to be bound. It
 * lies over everything else while it is in use, and is gone before anything of the user's runs.
 * Before Linux 6.15 only what is mounted somewhere can be bound or stacked, so it has to be.
 *
 * @module
 */

import type { Operation, Value } from "../../agent/operation.ts";
import { AT_FDCWD } from "../../sys/abi/fcntl.ts";
import {
  MNT_DETACH,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOSUID,
  MOVE_MOUNT_F_EMPTY_PATH,
} from "../../sys/abi/mount.ts";
import { freshFilesystem } from "./parts.ts";

/** The descriptor of the workshop while it is open. */
export const WORKSHOP: Value = { load32: "workshop" };

/** Opens the workshop. Nothing may be put in place by its path until it is closed again. */
export function openWorkshop(): Operation[] {
  return [
    ...freshFilesystem("tmpfs", { mode: "700" }, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, "workshop"),
    {
      call: "move_mount",
      args: [WORKSHOP, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH],
    },
  ];
}

/** Closes it, with all that is still mounted in it. */
export function closeWorkshop(): Operation[] {
  return [
    // It is the last that was put over "/", and so the one that its own "." means.
    { call: "fchdir", args: [WORKSHOP] },
    { call: "umount2", args: [".", MNT_DETACH] },
    { call: "chdir", args: ["/"] },
    { call: "close", args: [WORKSHOP] },
  ];
}
