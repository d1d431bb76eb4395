/**
 * The steps that make the sandbox's root, and that leave the host's behind. pivot_root(2).
 *
 * @module
 */

import type { Operation, Value } from "../../agent/operation.ts";
import { AT_EMPTY_PATH, AT_FDCWD } from "../../sys/abi/fcntl.ts";
import {
  MNT_DETACH,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_RDONLY,
  MOVE_MOUNT_F_EMPTY_PATH,
  MS_PRIVATE,
  MS_REC,
} from "../../sys/abi/mount.ts";
import { CLONE_NEWNS } from "../../sys/abi/clone.ts";
import type { HostEntry } from "../facts.ts";
import { CLONE_HINTS } from "../namespace_steps.ts";
import { mountAttributes } from "./attributes.ts";
import { file, symlink } from "./files.ts";
import { attach, freshFilesystem, type MountContext, setAttributes } from "./parts.ts";
import { openTree } from "./sources.ts";
import type { NewStep } from "../step.ts";
import { MOUNT_ATTR_SIZE, mountAttr } from "../structs.ts";

/** The new root. */
export const ROOT: Value = { load32: "root" };

/**
 * A mount namespace. Not a flag of the clone: a first process made ahead of time would keep what is
 * mounted on the host busy, and would miss what is mounted there later.
 */
export function mountNamespaceStep(): NewStep {
  return {
    phase: "unshare",
    name: "mount namespace",
    sentence: "make a mount namespace",
    hints: CLONE_HINTS,
    operations: [{ call: "unshare", args: [CLONE_NEWNS] }],
  };
}

/** Nothing mounted from here on is seen outside, and nothing mounted outside is seen here. */
export function privateStep(): NewStep {
  return {
    phase: "mounts",
    name: "private",
    sentence: "make every mount private to the sandbox",
    operations: [{ call: "mount", args: [0, "/", 0, MS_REC | MS_PRIVATE, 0] }],
  };
}

/** The new root lies over the old one until pivot_root; the descriptor is how it is reached. */
export const PLACE: Operation = {
  call: "move_mount",
  args: [ROOT, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH],
};

/** A fresh tmpfs as the root. */
export function emptyRootStep(): NewStep {
  return {
    phase: "mounts",
    name: "root",
    sentence: "make an empty tmpfs the new root",
    operations: [
      // Every mode from here on is meant as it stands.
      { call: "umask", args: [0] },
      ...freshFilesystem("tmpfs", { mode: "755" }, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, "root"),
      PLACE,
    ],
  };
}

/** The minimal view of the host, one step for all of it. */
export function hostViewStep(entries: readonly HostEntry[], context: MountContext): NewStep {
  const operations: Operation[] = [];
  const { scaffold } = context;
  const tree: Value = { load32: "tree" };
  for (const entry of entries) {
    if (entry.kind === "symlink") {
      const link = { kind: "symlink", source: entry.to, target: entry.path } as const;
      operations.push(...symlink(link, context, "root").operations);
    } else if (entry.kind === "copy") {
      const copy = { kind: "file", target: entry.path, contents: entry.contents } as const;
      operations.push(...file(copy, context, "root").operations);
    } else {
      const kind = entry.kind === "bind-dir" ? "directory" : "file";
      operations.push(
        openTree(entry.path, "tree"),
        setAttributes(tree, mountAttributes({})),
        ...attach(tree, scaffold.mountPoint(entry.path, kind)),
      );
      scaffold.addForeign(entry.path);
    }
  }
  return {
    phase: "mounts",
    name: "host view",
    sentence: `show a minimal view of the host, read-only: ${
      entries.filter((entry) => entry.kind !== "copy").map((entry) => entry.path).join(" ")
    } and what programs need of /etc`,
    operations,
  };
}

/** Makes the root itself read-only, once everything is in it. */
export function sealRootStep(): NewStep {
  return {
    phase: "mounts",
    name: "seal root",
    sentence: "make the root read-only",
    operations: [{
      call: "mount_setattr",
      args: [ROOT, "", AT_EMPTY_PATH, mountAttr(MOUNT_ATTR_RDONLY), MOUNT_ATTR_SIZE],
    }],
  };
}

/** Changes into the new root and lets go of the old one. */
export function pivotStep(): NewStep {
  return {
    phase: "mounts",
    name: "pivot",
    sentence: "change into the new root and detach the host's",
    hints: {
      EINVAL: "the host's root is an initramfs, which cannot be pivoted; move to a real root first",
    },
    operations: [
      { call: "fchdir", args: [ROOT] },
      // The old root ends up on top of the new one at the same place, and is detached there.
      { call: "pivot_root", args: [".", "."] },
      { call: "umount2", args: [".", MNT_DETACH] },
      { call: "chdir", args: ["/"] },
    ],
  };
}
