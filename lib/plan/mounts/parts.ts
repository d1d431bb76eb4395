/**
 * What mount steps are put together from: a mount is made detached, gets its attributes, and only
 * then is put into the tree, so that it is never there without them. mount_setattr(2), move_mount(2).
 *
 * @module
 */

import type { Operation, Value } from "../../agent/operation.ts";
import type { BindMount } from "../../spec.ts";
import { AT_EMPTY_PATH, AT_FDCWD, AT_RECURSIVE } from "../../sys/abi/fcntl.ts";
import {
  FSCONFIG_CMD_CREATE,
  FSCONFIG_SET_STRING,
  FSMOUNT_CLOEXEC,
  FSOPEN_CLOEXEC,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_RDONLY,
  MOVE_MOUNT_F_EMPTY_PATH,
  MOVE_MOUNT_T_EMPTY_PATH,
  MS_PRIVATE,
  OPEN_TREE_CLOEXEC,
  OPEN_TREE_CLONE,
} from "../../sys/abi/mount.ts";
import type { Scaffold, Target } from "./scaffold.ts";
import { MOUNT_ATTR_SIZE, mountAttr } from "../structs.ts";

/** A file or directory of the host that is to be seen inside. */
export interface Source {
  /** Its absolute path on the host. */
  readonly path: string;
  /** Where it will be, for errors. */
  readonly dest?: string;
  /** With all that is mounted below it. */
  readonly recursive: boolean;
  /** The sandbox may change it, so that its files must have the sandbox's owners. */
  readonly writable: boolean;
}

/** What the mount steps need to know. */
export interface MountContext {
  /** What is where in the new root. */
  readonly scaffold: Scaffold;
  /** What leaves a detached copy of a tree of the host in the cell, wherever it is opened. */
  open(source: Source, field: string, cell: string): Operation;
  /** Whether that is outside, with the rights of the host's root. */
  readonly opensOutside: boolean;
  /** Whether overlays keep their marks in user.* attributes, as they must in a user namespace. */
  readonly userxattr: boolean;
  /** Whether a fresh proc can be mounted; if not, the host's is bound. */
  readonly freshProc: boolean;
}

/** Bind mounts that must not honour set-uid bits; devices only where asked for. */
export function bindAttributes(mount: Pick<BindMount, "writable" | "devices">): number {
  return MOUNT_ATTR_NOSUID |
    (mount.writable ? 0 : MOUNT_ATTR_RDONLY) |
    (mount.devices ? 0 : MOUNT_ATTR_NODEV);
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

/** Opens a copy of a mount tree of the host, detached, in the cell. */
export function openTree(source: string, cell: string, recursive = true): Operation {
  const flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0);
  return {
    call: "open_tree",
    args: [AT_FDCWD, source, flags],
    store: cell,
  };
}

/**
 * Sets attributes on a detached tree, on all the mounts in it, and makes them private: a tree that
 * was opened on a host whose mounts are shared, as systemd has them, is a peer of the host's, and
 * what is mounted below it inside would appear there, too. mount_namespaces(7).
 */
export function setAttributes(tree: Value, attributes: number): Operation {
  const attr = mountAttr(attributes, { propagation: MS_PRIVATE });
  return {
    call: "mount_setattr",
    args: [tree, "", AT_EMPTY_PATH | AT_RECURSIVE, attr, MOUNT_ATTR_SIZE],
  };
}

/** Makes a filesystem from nothing, detached, in the cell. fsopen(2), fsmount(2). */
export function freshFilesystem(
  type: string,
  options: Record<string, string>,
  attributes: number,
  cell: string,
): Operation[] {
  const settings = Object.entries(options).map(([key, value]): Operation => ({
    call: "fsconfig",
    args: [{ load32: "filesystem" }, FSCONFIG_SET_STRING, key, value, 0],
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
