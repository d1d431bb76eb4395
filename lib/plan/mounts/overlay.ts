/**
 * Stacks directories: an overlay of layers that are never written, with a directory on top that
 * takes what is changed. overlayfs, Documentation/filesystems/overlayfs.rst of the kernel.
 *
 * @module
 */

import type { Operation, Value } from "../../agent/operation.ts";
import { parseSize } from "../../quantity.ts";
import type { OverlayLayers } from "../../spec.ts";
import {
  AT_EMPTY_PATH,
  AT_SYMLINK_NOFOLLOW,
  O_CLOEXEC,
  O_DIRECTORY,
  O_PATH,
  RESOLVE_BENEATH,
  RESOLVE_NO_MAGICLINKS,
} from "../../sys/abi/fcntl.ts";
import {
  FSCONFIG_CMD_CREATE,
  FSCONFIG_SET_FD,
  FSCONFIG_SET_FLAG,
  FSCONFIG_SET_STRING,
  FSMOUNT_CLOEXEC,
  FSOPEN_CLOEXEC,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOVE_MOUNT_F_EMPTY_PATH,
  OPEN_TREE_CLOEXEC,
  OPEN_TREE_CLONE,
} from "../../sys/abi/mount.ts";
import { OPEN_HOW_SIZE, openHow } from "../structs.ts";
import { freshFilesystem, type MountContext } from "./parts.ts";
import { WORKSHOP } from "./workshop.ts";

/** Where the upper and the work directory are: below one tree, as the kernel wants it. */
interface Upper {
  /** What opens the tree and makes the directories. */
  readonly operations: Operation[];
  /** The cell of the tree. */
  readonly tree: string;
  /** The upper directory, from the tree's root. */
  readonly upper: string;
  /** The work directory, from the tree's root. */
  readonly work: string;
}

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

/** A memory filesystem for the changes; its root's owner and mode are those of the topmost layer. */
function ephemeralUpper(layers: OverlayLayers, top: string, cell: string, field: string): Upper {
  const options: Record<string, string> = { mode: "700" };
  if (layers.size !== undefined) options.size = String(parseSize(layers.size, `${field}.size`));
  const attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  const tree: Value = { load32: cell };
  const stat = (offset: number): Value => ({ load32: { name: "statx", offset } });
  return {
    operations: [
      ...freshFilesystem("tmpfs", options, attributes, cell),
      { call: "mkdirat", args: [tree, "work", 0o755] },
      { call: "mkdirat", args: [tree, "upper", 0o755] },
      { call: "statx", args: [{ load32: top }, "", AT_EMPTY_PATH, 0x7ff, { at: "statx" }] },
      { call: "AND", args: [stat(28), 0o7777], store: "mode" },
      { call: "fchmodat", args: [tree, "upper", { load: "mode" }] },
      // Where the owner has no number in this user namespace, the set-up's own stays.
      {
        call: "fchownat",
        args: [tree, "upper", stat(20), stat(24), AT_SYMLINK_NOFOLLOW],
        onError: "ignore",
      },
    ],
    tree: cell,
    upper: "upper",
    work: "work",
  };
}

/** Directories of the host for the changes; both are made where they are missing. */
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
      ...rests.map((rest): Operation => ({
        call: "mkdirat",
        args: [tree, rest, 0o755],
        onError: { tolerate: "EEXIST" },
      })),
    ],
    tree: cell,
    upper: rests[0],
    work: rests[1],
  };
}

/** The overlay's own options, in the order in which they were given. */
function settings(layers: OverlayLayers, context: MountContext): [string, string | true][] {
  return [
    // Without it the kernel would want trusted.* attributes, which are for the host's root only.
    ...(context.userxattr ? [["userxattr", true] as [string, true]] : []),
    ...Object.entries(layers.options ?? {}),
  ];
}

/** By descriptors, which no path can be swapped under. Linux 6.15; otherwise it goes to `instead`. */
function stackByFds(
  lower: readonly string[],
  upper: Upper | undefined,
  options: readonly [string, string | true][],
  cell: string,
  instead: string,
): Operation[] {
  const filesystem: Value = { load32: "filesystem" };
  const layer = (key: string, fd: string): Operation => ({
    call: "fsconfig",
    args: [filesystem, FSCONFIG_SET_FD, key, 0, { load32: fd }],
    onError: { goto: instead },
  });
  return [
    { call: "fsopen", args: ["overlay", FSOPEN_CLOEXEC], store: "filesystem" },
    { call: "fsconfig", args: [filesystem, FSCONFIG_SET_STRING, "source", "overlay", 0] },
    ...options.map(([key, value]): Operation => ({
      call: "fsconfig",
      args: value === true
        ? [filesystem, FSCONFIG_SET_FLAG, key, 0, 0]
        : [filesystem, FSCONFIG_SET_STRING, key, value, 0],
      onError: { goto: instead },
    })),
    ...lower.map((fd) => layer("lowerdir+", fd)),
    ...(upper ? [layer("upperdir", "upper"), layer("workdir", "work")] : []),
    {
      call: "fsconfig",
      args: [filesystem, FSCONFIG_CMD_CREATE, 0, 0, 0],
      onError: { goto: instead },
    },
    { call: "fsmount", args: [filesystem, FSMOUNT_CLOEXEC, 0], store: cell },
    { call: "close", args: [filesystem] },
    ...[...lower, ...(upper ? [upper.tree] : [])].map((fd): Operation => ({
      call: "close",
      args: [{ load32: fd }],
    })),
  ];
}

/** By short names in the workshop: no option may be longer than a page, and layers are many. */
function stackByNames(
  lower: readonly string[],
  upper: Upper | undefined,
  options: readonly [string, string | true][],
  cell: string,
  folder: string,
): Operation[] {
  const stack: Value = { load32: "stack" };
  const put = (fd: string, name: string): Operation[] => [
    { call: "mkdirat", args: [stack, name, 0o700] },
    {
      call: "move_mount",
      args: [{ load32: fd }, "", stack, name, MOVE_MOUNT_F_EMPTY_PATH],
    },
    { call: "close", args: [{ load32: fd }] },
  ];
  const data = [
    `lowerdir=${lower.map((_, index) => index.toString(36)).join(":")}`,
    ...(upper ? ["upperdir=U", "workdir=W"] : []),
    ...options.map(([key, value]) => value === true ? key : `${key}=${value}`),
  ].join(",");
  return [
    { call: "mkdirat", args: [WORKSHOP, folder, 0o700] },
    {
      call: "openat",
      args: [WORKSHOP, folder, O_PATH | O_DIRECTORY | O_CLOEXEC, 0],
      store: "stack",
    },
    ...lower.flatMap((fd, index) => put(fd, index.toString(36))),
    ...(upper
      ? [
        ...put(upper.tree, "STATE"),
        // Links, for a name of the user's may hold what divides options.
        { call: "symlinkat", args: [`STATE/${upper.upper}`, stack, "U"] } as Operation,
        { call: "symlinkat", args: [`STATE/${upper.work}`, stack, "W"] } as Operation,
      ]
      : []),
    { call: "mkdirat", args: [stack, "STACK", 0o700] },
    { call: "fchdir", args: [stack] },
    { call: "mount", args: ["overlay", "STACK", "overlay", 0, data] },
    {
      call: "open_tree",
      args: [stack, "STACK", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC],
      store: cell,
    },
    { call: "close", args: [stack] },
    { call: "chdir", args: ["/"] },
  ];
}

/** What leaves the overlay of these layers, detached, in the cell. The workshop must be open. */
export function overlayOperations(
  layers: OverlayLayers,
  context: MountContext,
  field: string,
  cell: string,
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
    ? ephemeralUpper(layers, lower[0]!, tree, field)
    : lastingUpper(layers, context, tree, field);
  const options = settings(layers, context);
  const subdirectory = (rest: string, store: string): Operation => ({
    call: "openat2",
    args: [
      { load32: tree },
      rest,
      openHow(O_PATH | O_DIRECTORY | O_CLOEXEC, 0, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS),
      OPEN_HOW_SIZE,
    ],
    store,
  });
  const closeUpper: Operation[] = upper
    ? ["upper", "work"].map((fd) => ({ call: "close", args: [{ load32: fd }] }))
    : [];
  return [
    ...open,
    ...(upper
      ? [...upper.operations, subdirectory(upper.upper, "upper"), subdirectory(upper.work, "work")]
      : []),
    ...stack(lower, upper, options, context, cell),
    ...closeUpper,
  ];
}

/** Stacks what is open in the cells, in the best way there is. */
function stack(
  lower: readonly string[],
  upper: Upper | undefined,
  options: readonly [string, string | true][],
  context: MountContext,
  cell: string,
): Operation[] {
  const byNames = stackByNames(lower, upper, options, cell, context.scaffold.label("stack"));
  // The kernel lets nobody inside stack what is mounted nowhere and was opened outside (EPERM).
  if (context.sources.opensOutside) return byNames;
  const { scaffold } = context;
  const instead = scaffold.label("stack by names"), stacked = scaffold.label("stacked");
  const [first, ...rest] = byNames;
  return [
    ...stackByFds(lower, upper, options, cell, instead),
    { call: "SET", args: [0], goto: stacked },
    { ...first!, label: instead },
    ...rest,
    { call: "SET", args: [0], label: stacked },
  ];
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
  ENOENT: "every layer, and the directory above the upper one, must exist",
  EINVAL:
    "a layer must be a directory that the kernel can stack, and upper and work on one filesystem that can take changes; an ordinary user cannot leave out what is mounted below a layer; the kernel's log says which",
  EPERM: "this kernel lets only root make overlays; it needs Linux 5.11 or newer",
  ELOOP: "one layer lies in another one, or upper and work overlap",
  EBUSY: "the upper or work directory is in use by another overlay",
  ENODEV: "this kernel has no overlayfs; modprobe overlay",
};
