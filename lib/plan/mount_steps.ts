/**
 * The steps of the mount list: bind, tmpfs, proc, dev, symlink, dir, file. All of them use the new
 * mount API on descriptors: a mount is made detached, gets its attributes, and only then is put
 * into the tree, so that it is never there without them. mount_setattr(2), move_mount(2).
 *
 * @module
 */

import type { Operation, Value } from "../agent/operation.ts";
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_RECURSIVE,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_WRONLY,
} from "../sys/abi/fcntl.ts";
import {
  FSCONFIG_CMD_CREATE,
  FSCONFIG_SET_STRING,
  FSMOUNT_CLOEXEC,
  FSOPEN_CLOEXEC,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_RDONLY,
  MOVE_MOUNT_F_EMPTY_PATH,
  MOVE_MOUNT_T_EMPTY_PATH,
  OPEN_TREE_CLOEXEC,
  OPEN_TREE_CLONE,
} from "../sys/abi/mount.ts";
import { SpecError } from "../errors.ts";
import { parseMode, parseSize } from "../quantity.ts";
import type {
  BindMount,
  DevMount,
  DirMount,
  FileMount,
  MountSpec,
  ProcMount,
  SymlinkMount,
  TmpfsMount,
} from "../spec.ts";
import type { Scaffold, Target } from "./scaffold.ts";
import type { NewStep } from "./step.ts";
import { MOUNT_ATTR_SIZE, mountAttr } from "./structs.ts";

/** What the mount steps need to know. */
export interface MountContext {
  /** What is where in the new root. */
  readonly scaffold: Scaffold;
  /** Opens a bind's source outside and returns the place of its descriptor, or undefined: inside. */
  openOutside(mount: BindMount, field: string): Value | undefined;
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

/** Mounts an empty tmpfs; what comes below it in the list can be made there. */
function ownTmpfs(
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

/** Opens a copy of a mount tree of the host, detached, in the cell. */
export function openTree(source: string, cell: string): Operation {
  return {
    call: "open_tree",
    args: [AT_FDCWD, source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE],
    store: cell,
  };
}

/** Sets attributes on a detached tree, on all the mounts in it. */
export function setAttributes(tree: Value, attributes: number): Operation {
  return {
    call: "mount_setattr",
    args: [tree, "", AT_EMPTY_PATH | AT_RECURSIVE, mountAttr(attributes), MOUNT_ATTR_SIZE],
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

const TREE: Value = { load32: "tree" };

function bind(mount: BindMount, context: MountContext, field: string): NewStep {
  const { source, target } = mount;
  const outside = context.openOutside(mount, field);
  const open: Operation = outside === undefined
    ? openTree(source, "tree")
    : { call: "SET", args: [outside], store: "tree" };
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

function tmpfs(mount: TmpfsMount, context: MountContext, field: string): NewStep {
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

function proc(mount: ProcMount, context: MountContext): NewStep {
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

const DEVICES = ["null", "zero", "full", "random", "urandom", "tty"];
const DEVICE_LINKS: [string, string][] = [
  ["fd", "/proc/self/fd"],
  ["stdin", "/proc/self/fd/0"],
  ["stdout", "/proc/self/fd/1"],
  ["stderr", "/proc/self/fd/2"],
  ["ptmx", "pts/ptmx"],
];

function dev(mount: DevMount, context: MountContext): NewStep {
  const { target } = mount;
  const { scaffold } = context;
  const operations = ownTmpfs(
    target,
    context,
    { mode: "755" },
    MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC,
  );
  for (const name of DEVICES) {
    operations.push(
      openTree(`/dev/${name}`, "tree"),
      ...attach(TREE, scaffold.mountPoint(`${target}/${name}`, "file")),
    );
    scaffold.addForeign(`${target}/${name}`);
  }
  for (const [name, to] of DEVICE_LINKS) {
    const { dirfd, path } = scaffold.place(`${target}/${name}`)!;
    operations.push({ call: "symlinkat", args: [to, dirfd, path] });
    scaffold.addForeign(`${target}/${name}`);
  }
  const shm = scaffold.place(`${target}/shm`)!;
  operations.push(
    // POSIX shared memory wants the sticky bit and everybody's leave.
    { call: "mkdirat", args: [shm.dirfd, shm.path, 0o1777] },
    // No gid=5: under a map of one id there is no such group (EINVAL).
    ...freshFilesystem(
      "devpts",
      { ptmxmode: "666", mode: "620" },
      MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC,
      "tree",
    ),
    ...attach(TREE, scaffold.mountPoint(`${target}/pts`, "directory")),
  );
  scaffold.addOwn(`${target}/shm`);
  scaffold.addForeign(`${target}/pts`);
  return {
    phase: "mounts",
    name: "dev",
    sentence: `make a minimal set of devices, with terminals of its own, in "${target}"`,
    paths: { path: "/dev", dest: target },
    operations,
  };
}

function symlink(mount: SymlinkMount, context: MountContext, field: string): NewStep {
  const { scaffold } = context;
  const { target, source } = mount;
  const place = scaffold.place(target);
  if (!place) {
    throw new SpecError(
      `${field}.target`,
      `"${target}" lies on a filesystem of the host, where nothing is created; put a tmpfs above it`,
    );
  }
  const operations: Operation[] = [
    ...scaffold.parents(target),
    { call: "symlinkat", args: [source, place.dirfd, place.path] },
  ];
  scaffold.addForeign(target);
  return {
    phase: "mounts",
    name: "symlink",
    sentence: `make the link "${target}" to "${source}"`,
    paths: { path: source, dest: target },
    operations,
  };
}

function dir(mount: DirMount, context: MountContext, field: string): NewStep {
  const mode = parseMode(mount.mode ?? 0o755, `${field}.mode`);
  const { scaffold } = context;
  const { target } = mount;
  let operations: Operation[];
  const place = scaffold.place(target);
  if (place) {
    operations = [
      ...scaffold.mountPoint(target, "directory").operations,
      { call: "fchmodat", args: [place.dirfd, place.path || ".", mode] },
    ];
    scaffold.addMade(target);
  } else {
    // On a filesystem of the host it may exist, but is never made.
    const there = scaffold.existing(target, O_PATH | O_DIRECTORY | O_CLOEXEC);
    operations = [...there.operations, ...there.after];
  }
  return {
    phase: "mounts",
    name: "dir",
    sentence: `make the directory "${target}"`,
    paths: { path: target },
    hints: { ENOENT: "nothing is created on a filesystem of the host; put a tmpfs above it" },
    operations,
  };
}

function file(mount: FileMount, context: MountContext, field: string): NewStep {
  const { scaffold } = context;
  const { target } = mount;
  const mode = parseMode(mount.mode ?? 0o644, `${field}.mode`);
  const contents = typeof mount.contents === "string"
    ? new TextEncoder().encode(mount.contents)
    : mount.contents;
  const flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  const again = scaffold.label("write"), done = scaffold.label("written");
  const write: Operation[] = contents.length === 0 ? [] : [
    { call: "SET", args: [contents.length], store: "left" },
    { call: "SET", args: [contents], store: "from" },
    {
      call: "write",
      args: [{ load32: "file" }, { load: "from" }, { load: "left" }],
      store: "count",
      label: again,
    },
    { call: "ADD", args: [{ load: "from" }, { load: "count" }], store: "from" },
    {
      call: "SUBTRACT",
      args: [{ load: "left" }, { load: "count" }],
      store: "left",
      when: { differs: 0 },
      goto: again,
    },
  ];
  const finish: Operation[] = [
    ...write,
    { call: "close", args: [{ load32: "file" }], label: done },
  ];
  let operations: Operation[];
  const place = scaffold.place(target);
  if (place) {
    operations = [
      ...scaffold.parents(target),
      { call: "openat", args: [place.dirfd, place.path, flags, mode], store: "file" },
      ...finish,
    ];
    scaffold.addForeign(target);
  } else {
    // The target is the host's: the file lies in a filesystem of its own and is bound over it.
    operations = [
      ...freshFilesystem("tmpfs", { mode: "755" }, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, "tree"),
      { call: "openat", args: [TREE, "file", flags, mode], store: "file" },
      ...finish,
      { call: "close", args: [{ load32: "file" }], onError: "ignore" },
      {
        call: "open_tree",
        args: [TREE, "file", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC],
        store: "copy",
      },
      { call: "close", args: [TREE] },
      // Nobody inside writes to a file that replaces another, as nobody writes to the root.
      setAttributes({ load32: "copy" }, bindAttributes({})),
      ...attach({ load32: "copy" }, scaffold.existing(target)),
    ];
  }
  return {
    phase: "mounts",
    name: "file",
    sentence: `write ${contents.length} bytes to the file "${target}"`,
    paths: { path: target },
    hints: { ENOENT: "nothing is created on a filesystem of the host; put a tmpfs above it" },
    operations,
  };
}

/** The step of one entry of the mount list. */
export function mountStep(mount: MountSpec, context: MountContext, field: string): NewStep {
  switch (mount.kind) {
    case "bind":
      return bind(mount, context, field);
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
        }" is none of bind, tmpfs, proc, dev, symlink, dir, file`,
      );
  }
}
