/**
 * The steps of the mount list: bind, tmpfs, proc, dev, symlink, dir, file. All of them use the new
 * mount API on descriptors: a mount is made detached, gets its attributes, and only then is put
 * into the tree, so that it is never there without them. mount_setattr(2), move_mount(2).
 *
 * @module
 */

import type { Operation } from "../../agent/operation.ts";
import { SpecError } from "../../errors.ts";
import { parseMode, parseSize } from "../../quantity.ts";
import type { BindMount, MountSpec, OverlayMount, ProcMount, TmpfsMount } from "../../spec.ts";
import { MOUNT_ATTR_NODEV, MOUNT_ATTR_NOEXEC, MOUNT_ATTR_NOSUID } from "../../sys/abi/mount.ts";
import { dev } from "./dev.ts";
import { dir, file, symlink } from "./files.ts";
import { OVERLAY_HINTS, overlayOperations, overlaySentence } from "./overlay.ts";
import {
  attach,
  bindAttributes,
  freshFilesystem,
  type MountContext,
  openTree,
  ownTmpfs,
  setAttributes,
  TREE,
} from "./parts.ts";
import type { NewStep } from "../step.ts";

function bind(mount: BindMount, context: MountContext, field: string): NewStep {
  const { source, target } = mount;
  const open = context.open(
    { path: source, dest: target, recursive: true, writable: mount.writable === true },
    field,
    "tree",
  );
  const place = context.scaffold.mountPoint(target, "as source");
  const mode = mount.writable ? "writable" : "read-only";
  const operations: Operation[] = [
    open,
    setAttributes(TREE, bindAttributes(mount)),
    ...attach(TREE, place),
  ];
  context.scaffold.addForeign(target);
  return {
    phase: "mounts",
    name: "bind",
    sentence: `bind "${source}" ${mode} on "${target}"`,
    paths: { path: source, dest: target },
    hints: {
      EINVAL: "a directory can only be bound on a directory, and a file on a file",
      ENOENT: place.path === ""
        ? `"${target}" must exist there, for nothing is created on a filesystem of the host; or put a tmpfs above it`
        : `"${source}" is not there; give an existing path, or { optional: true }`,
    },
    operations,
  };
}

export function tmpfs(mount: TmpfsMount, context: MountContext, field: string): NewStep {
  const options: Record<string, string> = {
    mode: parseMode(mount.mode ?? 0o1777, `${field}.mode`).toString(8),
  };
  if (mount.size !== undefined) options.size = String(parseSize(mount.size, `${field}.size`));
  return {
    phase: "mounts",
    name: "tmpfs",
    sentence: `mount an empty tmpfs${
      mount.size === undefined ? "" : ` of ${mount.size}`
    } on "${mount.target}"`,
    paths: { path: "tmpfs", dest: mount.target },
    operations: ownTmpfs(mount.target, context, options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV),
  };
}

export function proc(mount: ProcMount, context: MountContext): NewStep {
  const place = context.scaffold.mountPoint(mount.target, "directory");
  context.scaffold.addForeign(mount.target);
  const attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  return {
    phase: "mounts",
    name: "proc",
    sentence: context.freshProc
      ? `mount a proc of the sandbox's own on "${mount.target}"`
      : `bind the proc of the shared pid namespace on "${mount.target}"`,
    paths: { path: "proc", dest: mount.target },
    hints: {
      EPERM:
        "a proc with mounts over it (as in a container) forbids a new one; run there with an unmasked /proc",
    },
    operations: [
      ...(context.freshProc
        ? freshFilesystem("proc", {}, attributes, "tree")
        : [openTree("/proc", "tree"), setAttributes(TREE, attributes)]),
      ...attach(TREE, place),
    ],
  };
}

function overlay(mount: OverlayMount, context: MountContext, field: string): NewStep {
  const { target } = mount;
  const operations = overlayOperations(mount, context, field, "tree");
  const place = context.scaffold.mountPoint(target, "directory");
  operations.push(
    setAttributes(TREE, bindAttributes({ writable: mount.upper !== undefined })),
    ...attach(TREE, place),
  );
  context.scaffold.addForeign(target);
  return {
    phase: "mounts",
    name: "overlay",
    sentence: `stack ${overlaySentence(mount)} on "${target}"`,
    paths: { path: mount.lower.join(":"), dest: target },
    hints: OVERLAY_HINTS,
    operations,
  };
}

/** The step of one entry of the mount list. */
export function mountStep(mount: MountSpec, context: MountContext, field: string): NewStep {
  switch (mount.kind) {
    case "bind":
      return bind(mount, context, field);
    case "overlay":
      return overlay(mount, context, field);
    case "tmpfs":
      return tmpfs(mount, context, field);
    case "proc":
      return proc(mount, context);
    case "dev":
      return dev(mount, context);
    case "symlink":
      return symlink(mount, context, field);
    case "dir":
      return dir(mount, context, field);
    case "file":
      return file(mount, context, field);
    default:
      throw new SpecError(
        `${field}.kind`,
        `"${
          (mount as { kind: unknown }).kind
        }" is none of bind, overlay, tmpfs, proc, dev, symlink, dir, file`,
      );
  }
}
