/**
 * Stacks directories: an overlay of layers that are never written, with a directory on top that
 * takes what is changed. overlayfs, Documentation/filesystems/overlayfs.rst of the kernel.
 *
 * @module
 */

import type { Operation, Value } from "../../agent/operation.ts";
import { UnsupportedError } from "../../errors.ts";
import { parseSize } from "../../quantity.ts";
import type { OverlayLayers } from "../../spec.ts";
import {
  AT_EMPTY_PATH,
  AT_SYMLINK_NOFOLLOW,
  O_CLOEXEC,
  O_DIRECTORY,
  O_PATH,
  O_RDONLY,
} from "../../sys/abi/fcntl.ts";
import { MOUNT_ATTR_NODEV, MOUNT_ATTR_NOEXEC, MOUNT_ATTR_NOSUID } from "../../sys/abi/mount.ts";
import { freshFilesystem, type MountContext } from "./parts.ts";
import { sendDescriptor } from "../program_parts.ts";
import { stackOperations, type Upper } from "./stack.ts";

/** The directory of the work files, where none was given. */
export function workOf({ upper, work }: OverlayLayers): string {
  return work ?? `${upper}.work`;
}

/** The deepest directory above both, and what leads from there to each. */
function commonParent(a: string, b: string): { parent: string; rests: [string, string] } {
  const parts = (path: string) => path.split("/").filter((part) => part !== "");
  const left = parts(a), right = parts(b);
  let common = 0;
  while (
    common < Math.min(left.length, right.length) - 1 && left[common] === right[common]
  ) common++;
  return {
    parent: `/${left.slice(0, common).join("/")}`,
    rests: [left.slice(common).join("/"), right.slice(common).join("/")],
  };
}

/** Where changes are until the end; the root's owner and mode are those of the topmost layer. */
function ephemeralUpper(
  layers: OverlayLayers,
  context: MountContext,
  top: string,
  cell: string,
  field: string,
  changesSocket?: Value,
): Upper {
  // Several stacks of one launch may have to share a directory.
  const upper = `${cell}/upper`, work = `${cell}/work`;
  return {
    operations: [
      ...changesFilesystem(layers.size, context, cell, field),
      { call: "mkdirat", args: [{ load32: cell }, cell, 0o755] },
      { call: "mkdirat", args: [{ load32: cell }, work, 0o755] },
      ...changesDirectory(top, cell, upper),
      ...(changesSocket === undefined ? [] : handOut(cell, upper, changesSocket)),
    ],
    tree: cell,
    upper,
    work,
  };
}

/** Lets the host look at changes, also when the sandbox is gone: its descriptor keeps them. */
function handOut(cell: string, path: string, socket: Value): Operation[] {
  return [
    {
      call: "openat",
      args: [{ load32: cell }, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0],
      store: "changes",
    },
    ...sendDescriptor(socket, "changes"),
    { call: "close", args: [{ load32: "changes" }] },
  ];
}

/**
 * A filesystem for changes, detached: in memory, or on kernels that cannot keep overlayfs's marks
 * there (before Linux 6.6, in a user namespace) a directory that is removed afterwards.
 */
export function changesFilesystem(
  size: string | number | undefined,
  context: MountContext,
  cell: string,
  field: string,
): Operation[] {
  const { changesDirectory: directory } = context;
  if (directory !== undefined) {
    if (size !== undefined) {
      throw new UnsupportedError(
        `${field}.size`,
        "before Linux 6.6 changes are kept in a directory, which has no size; leave it out",
      );
    }
    return context.sources.open({ path: directory, recursive: false, writable: true }, field, cell);
  }
  const options = {
    mode: "700",
    ...(size === undefined ? {} : { size: String(parseSize(size, `${field}.size`)) }),
  };
  const attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  return freshFilesystem("tmpfs", options, attributes, cell);
}

/** A directory for changes, with the mode and the owner of what it lies over. */
export function changesDirectory(top: string, cell: string, path: string): Operation[] {
  const tree: Value = { load32: cell };
  const stat = (offset: number): Value => ({ load32: { name: "statx", offset } });
  return [
    { call: "mkdirat", args: [tree, path, 0o755] },
    { call: "statx", args: [{ load32: top }, "", AT_EMPTY_PATH, 0x7ff, { at: "statx" }] },
    { call: "AND", args: [stat(28), 0o7777], store: "mode" },
    { call: "fchmodat", args: [tree, path, { load: "mode" }] },
    // Where the owner has no number in this user namespace, the set-up's own stays.
    {
      call: "fchownat",
      args: [tree, path, stat(20), stat(24), AT_SYMLINK_NOFOLLOW],
      onError: "ignore",
    },
  ];
}

/** Directories of the host for the changes; that of the work files is made where it is missing. */
function lastingUpper(
  layers: OverlayLayers,
  context: MountContext,
  cell: string,
  field: string,
): Upper {
  const { parent, rests } = commonParent(layers.upper!, workOf(layers));
  const tree: Value = { load32: cell };
  return {
    operations: [
      ...context.sources.open(
        { path: parent, recursive: false, writable: true },
        `${field}.upper`,
        cell,
      ),
      // Not made: it would be where nobody looks for the changes if its name was misspelt.
      {
        call: "openat",
        args: [tree, rests[0], O_PATH | O_DIRECTORY | O_CLOEXEC, 0],
        store: "upper",
      },
      { call: "close", args: [{ load32: "upper" }] },
      { call: "mkdirat", args: [tree, rests[1], 0o755], onError: { tolerate: "EEXIST" } },
    ],
    tree: cell,
    upper: rests[0],
    work: rests[1],
  };
}

/** What leaves the overlay of these layers, detached, in the cell. The workshop must be open. */
export function overlayOperations(
  layers: OverlayLayers,
  context: MountContext,
  field: string,
  cell: string,
  changesSocket?: Value,
): Operation[] {
  const { scaffold } = context;
  const writable = layers.upper !== undefined;
  const lower = layers.lower.map(() => scaffold.label("layer"));
  const open = layers.lower.flatMap((path, index) =>
    context.sources.open(
      { path, recursive: false, writable },
      `${field}.lower[${index}]`,
      lower[index]!,
    )
  );
  // One layer that nobody writes to is no stack, and the kernel refuses it as one.
  if (lower.length === 1 && !writable) {
    return [...open, { call: "SET", args: [{ load32: lower[0]! }], store: cell, store32: true }];
  }
  const tree = scaffold.label("changes");
  const upper = layers.upper === undefined
    ? undefined
    : layers.upper === "ephemeral"
    ? ephemeralUpper(layers, context, lower[0]!, tree, field, changesSocket)
    : lastingUpper(layers, context, tree, field);
  return [...open, ...stackOperations({ lower, upper, options: layers.options, cell }, context)];
}

/** The layers in words. */
export function overlaySentence({ lower, upper }: OverlayLayers): string {
  const layers = lower.length > 4
    ? `${lower.length} directories`
    : lower.map((path) => `"${path}"`).join(" over ");
  if (upper === undefined) return `${layers} read-only`;
  return `${layers}, with changes ${upper === "ephemeral" ? "in memory" : `in "${upper}"`}`;
}

/** What the errors of an overlay mean. */
export const OVERLAY_HINTS: Readonly<Record<string, string>> = {
  ENOENT:
    "every layer, the upper directory, and the place it is put on must exist; make them first",
  EINVAL:
    "a layer must be a directory that the kernel can stack, and upper and work on one filesystem that can take changes; an ordinary user cannot leave out what is mounted below a layer; the kernel's log says which",
  EPERM: "this kernel lets only root make overlays; it needs Linux 5.11 or newer",
  ELOOP: "one layer lies in another one, or upper and work overlap",
  EBUSY: "the upper or work directory is in use by another overlay",
  ENODEV: "this kernel has no overlayfs; modprobe overlay",
};
