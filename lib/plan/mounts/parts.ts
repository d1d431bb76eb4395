/**
 * What mount steps are put together from: a mount is made detached, gets its attributes, and only
 * then is put into the tree, so that it is never there without them. mount_setattr(2), move_mount(2).
 *
 * @module
 */

import type { Operation, Value } from "../../agent/operation.ts";
import type { Propagation } from "../../spec.ts";
import { AT_EMPTY_PATH, AT_RECURSIVE } from "../../sys/abi/fcntl.ts";
import {
  FSCONFIG_CMD_CREATE,
  FSCONFIG_SET_FLAG,
  FSCONFIG_SET_STRING,
  FSMOUNT_CLOEXEC,
  FSOPEN_CLOEXEC,
  MOVE_MOUNT_F_EMPTY_PATH,
  MOVE_MOUNT_T_EMPTY_PATH,
} from "../../sys/abi/mount.ts";
import { PROPAGATION } from "./attributes.ts";
import type { Scaffold, Target } from "./scaffold.ts";
import type { Sources } from "./sources.ts";
import { MOUNT_ATTR_SIZE, mountAttr } from "../structs.ts";

/** What the mount steps need to know. */
export interface MountContext {
  /** What is where in the new root. */
  readonly scaffold: Scaffold;
  /** Opens what is of the host. */
  readonly sources: Sources;
  /** What is optional and was not there is nobody's concern. */
  readonly quiet?: boolean;
  /** Says that the workshop must be open while the mount list is done. */
  useWorkshop(): void;
  /** The socket by which the host gets the root's ephemeral changes to look at, if it wants to. */
  readonly changesSocket?: Value;
  /** Whether overlays keep their marks in user.* attributes, as they must in a user namespace. */
  readonly userxattr: boolean;
  /** A directory for ephemeral changes, where memory cannot keep them. */
  readonly changesDirectory?: string;
  /** Whether a fresh proc can be mounted; if not, the host's is bound. */
  readonly freshProc: boolean;
  /** Whether there is a net namespace whose devices a sysfs can show; if not, the host's is bound. */
  readonly ownsNet: boolean;
}

/** Puts the detached mount of a cell at its place, and closes it unless it is to be kept. */
export function attach(tree: Value, target: Target, keep = false): Operation[] {
  const flags = MOVE_MOUNT_F_EMPTY_PATH | (target.path === "" ? MOVE_MOUNT_T_EMPTY_PATH : 0);
  return [
    ...target.operations,
    { call: "move_mount", args: [tree, "", target.dirfd, target.path, flags] },
    ...target.after,
    ...(keep ? [] : [{ call: "close", args: [tree] } as Operation]),
  ];
}

/**
 * Sets attributes on a detached tree, on all the mounts in it, and makes them private: a tree that
 * was opened on a host whose mounts are shared, as systemd has them, is a peer of the host's, and
 * what is mounted below it inside would appear there, too. mount_namespaces(7).
 */
export function setAttributes(
  tree: Value,
  attributes: number,
  propagation: Propagation = "private",
): Operation {
  const attr = mountAttr(attributes, { propagation: PROPAGATION[propagation] });
  return {
    call: "mount_setattr",
    args: [tree, "", AT_EMPTY_PATH | AT_RECURSIVE, attr, MOUNT_ATTR_SIZE],
  };
}

/** Makes a filesystem from nothing, detached, in the cell. fsopen(2), fsmount(2). */
export function freshFilesystem(
  type: string,
  options: Readonly<Record<string, string | number | true>>,
  attributes: number,
  cell: string,
): Operation[] {
  const settings = Object.entries(options).map(([key, value]): Operation => ({
    call: "fsconfig",
    args: value === true
      ? [{ load32: "filesystem" }, FSCONFIG_SET_FLAG, key, 0, 0]
      : [{ load32: "filesystem" }, FSCONFIG_SET_STRING, key, String(value), 0],
  }));
  return [
    { call: "fsopen", args: [type, FSOPEN_CLOEXEC], store: "filesystem" },
    ...settings,
    { call: "fsconfig", args: [{ load32: "filesystem" }, FSCONFIG_CMD_CREATE, 0, 0, 0] },
    { call: "fsmount", args: [{ load32: "filesystem" }, FSMOUNT_CLOEXEC, attributes], store: cell },
    { call: "close", args: [{ load32: "filesystem" }] },
  ];
}

export const TREE: Value = { load32: "tree" };

/** Mounts an empty tmpfs; what comes below it in the list can be made there. */
export function ownTmpfs(
  target: string,
  { scaffold }: MountContext,
  options: Record<string, string>,
  attributes: number,
): Operation[] {
  const place = scaffold.mountPoint(target, "directory");
  // Where a link may have led here, what is below is reached by the filesystem's own descriptor.
  const base = place.path === "" ? scaffold.label("filesystem") : undefined;
  scaffold.addOwn(target, base);
  const cell = base ?? "tree";
  return [
    ...freshFilesystem("tmpfs", options, attributes, cell),
    ...attach({ load32: cell }, place, base !== undefined),
  ];
}
