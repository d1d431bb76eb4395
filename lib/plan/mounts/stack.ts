/**
 * Stacks open trees by overlayfs: by their descriptors where the kernel can, otherwise by short
 * names. Documentation/filesystems/overlayfs.rst of the kernel.
 *
 * @module
 */

import type { Operation, Value } from "../../agent/operation.ts";
import {
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
  MOVE_MOUNT_F_EMPTY_PATH,
  OPEN_TREE_CLOEXEC,
  OPEN_TREE_CLONE,
} from "../../sys/abi/mount.ts";
import { OPEN_HOW_SIZE, openHow } from "../structs.ts";
import type { MountContext } from "./parts.ts";
import { WORKSHOP } from "./workshop.ts";

/** Where the upper and the work directory are: below one tree, as the kernel wants it. */
export interface Upper {
  /** What opens the tree and makes the directories. */
  readonly operations: Operation[];
  /** The cell of the tree. */
  readonly tree: string;
  /** The upper directory, from the tree's root. */
  readonly upper: string;
  /** The work directory, from the tree's root. */
  readonly work: string;
  /** Its name in the workshop, if it is there, for several stacks to share. */
  readonly place?: string;
}

/** What is stacked: cells of open trees, and where changes go. */
export interface Stack {
  /** The topmost first. */
  readonly lower: readonly string[];
  readonly upper?: Upper;
  /** The overlay's own options. */
  readonly options?: Readonly<Record<string, string>>;
  /** Where the detached overlay is left. */
  readonly cell: string;
}

/** The overlay's own options, in the order in which they were given. */
function settings(stack: Stack, context: MountContext): [string, string | true][] {
  return [
    // Without it the kernel would want trusted.* attributes, which are for the host's root only.
    ...(context.userxattr ? [["userxattr", true] as [string, true]] : []),
    ...Object.entries(stack.options ?? {}),
  ];
}

/** By descriptors, which no path can be swapped under. Linux 6.15; otherwise it goes to `instead`. */
function stackByFds(
  { lower, upper, cell }: Stack,
  options: readonly [string, string | true][],
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
    ...[...lower, ...(upper && upper.place === undefined ? [upper.tree] : [])].map((
      fd,
    ): Operation => ({
      call: "close",
      args: [{ load32: fd }],
    })),
  ];
}

/** By short names in the workshop: no option may be longer than a page, and layers are many. */
function stackByNames(
  { lower, upper, cell }: Stack,
  options: readonly [string, string | true][],
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
  const state = upper?.place === undefined ? "STATE" : `../${upper.place}`;
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
        ...(upper.place === undefined ? put(upper.tree, "STATE") : []),
        // Links, for a name of the user's may hold what divides options.
        { call: "symlinkat", args: [`${state}/${upper.upper}`, stack, "U"] } as Operation,
        { call: "symlinkat", args: [`${state}/${upper.work}`, stack, "W"] } as Operation,
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

/** Opens a directory of the changes. */
function subdirectory({ tree }: Upper, path: string, store: string): Operation {
  return {
    call: "openat2",
    args: [
      { load32: tree },
      path,
      openHow(O_PATH | O_DIRECTORY | O_CLOEXEC, 0, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS),
      OPEN_HOW_SIZE,
    ],
    store,
  };
}

/** Stacks what is open in the cells, in the best way there is. The workshop must be open. */
export function stackOperations(stack: Stack, context: MountContext): Operation[] {
  const { upper } = stack;
  if (!upper) return bestStack(stack, context);
  return [
    ...upper.operations,
    subdirectory(upper, upper.upper, "upper"),
    subdirectory(upper, upper.work, "work"),
    ...bestStack(stack, context),
    { call: "close", args: [{ load32: "upper" }] },
    { call: "close", args: [{ load32: "work" }] },
  ];
}

function bestStack(stack: Stack, context: MountContext): Operation[] {
  const { scaffold } = context;
  const options = settings(stack, context);
  const byNames = stackByNames(stack, options, scaffold.label("stack"));
  // The kernel lets nobody inside stack what is mounted nowhere and was opened outside (EPERM).
  if (context.sources.opensOutside) return byNames;
  const instead = scaffold.label("stack by names"), stacked = scaffold.label("stacked");
  const [first, ...rest] = byNames;
  return [
    ...stackByFds(stack, options, instead),
    { call: "SET", args: [0], goto: stacked },
    { ...first!, label: instead },
    ...rest,
    { call: "SET", args: [0], label: stacked },
  ];
}
