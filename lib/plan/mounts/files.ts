/**
 * The steps that make links, directories and files, in memory only.
 *
 * @module
 */

import type { Operation } from "../../agent/operation.ts";
import { SpecError } from "../../errors.ts";
import { parseMode } from "../../quantity.ts";
import type { DirMount, FileMount, SymlinkMount } from "../../spec.ts";
import {
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_WRONLY,
} from "../../sys/abi/fcntl.ts";
import {
  MNT_DETACH,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOSUID,
  MOVE_MOUNT_F_EMPTY_PATH,
  MOVE_MOUNT_T_EMPTY_PATH,
  OPEN_TREE_CLOEXEC,
  OPEN_TREE_CLONE,
} from "../../sys/abi/mount.ts";
import {
  attach,
  bindAttributes,
  freshFilesystem,
  type MountContext,
  setAttributes,
  TREE,
} from "./parts.ts";
import type { NewStep } from "../step.ts";

export function symlink(mount: SymlinkMount, context: MountContext, field: string): NewStep {
  const { scaffold } = context;
  const { target, source } = mount;
  const place = scaffold.place(target);
  let operations: Operation[];
  if (place) {
    operations = [
      ...scaffold.parents(target),
      { call: "symlinkat", args: [source, place.dirfd, place.path] },
    ];
  } else if (scaffold.isChangeable(target)) {
    const parent = scaffold.parentOf(target);
    operations = [
      ...parent.operations,
      { call: "symlinkat", args: [source, parent.dirfd, parent.name] },
      ...parent.after,
    ];
  } else {
    throw new SpecError(
      `${field}.target`,
      `"${target}" lies on a filesystem of the host, where nothing is created; put a tmpfs above it`,
    );
  }
  scaffold.addForeign(target);
  return {
    phase: "mounts",
    name: "symlink",
    sentence: `make the link "${target}" to "${source}"`,
    paths: { path: source, dest: target },
    operations,
  };
}

export function dir(mount: DirMount, context: MountContext, field: string): NewStep {
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
  } else if (scaffold.isChangeable(target)) {
    const there = scaffold.mountPoint(target, "directory");
    operations = [...there.operations, ...there.after];
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

export function file(mount: FileMount, context: MountContext, field: string): NewStep {
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
  } else if (scaffold.isChangeable(target)) {
    const parent = scaffold.parentOf(target);
    operations = [
      ...parent.operations,
      // What is there may be a link, or a pipe that would be waited for.
      {
        call: "unlinkat",
        args: [parent.dirfd, parent.name, 0],
        onError: { tolerate: "ENOENT" },
      },
      { call: "openat", args: [parent.dirfd, parent.name, flags, mode], store: "file" },
      ...parent.after,
      ...finish,
    ];
  } else {
    // The target is the host's: the file lies in a filesystem of its own and is bound over it.
    operations = [
      ...freshFilesystem("tmpfs", { mode: "755" }, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, "tree"),
      { call: "openat", args: [TREE, "file", flags, mode], store: "file" },
      ...finish,
      // Before Linux 6.15 nothing can be bound out of a detached mount, so it lies over the root as
      // long as that takes; its own directory is the only name by which it can be let go of.
      {
        call: "move_mount",
        args: [
          TREE,
          "",
          { load32: "root" },
          "",
          MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH,
        ],
      },
      {
        call: "open_tree",
        args: [TREE, "file", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC],
        store: "copy",
      },
      { call: "fchdir", args: [TREE] },
      { call: "umount2", args: [".", MNT_DETACH] },
      { call: "fchdir", args: [{ load32: "root" }] },
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
