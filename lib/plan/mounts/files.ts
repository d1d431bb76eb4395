/**
 * The steps that make links, directories and files, in memory only.
 *
 * @module
 */

import type { Operation } from "../../agent/operation.ts";
import { SpecError } from "../../errors.ts";
import { parseMode } from "../../quantity.ts";
import type { DirMount, FileMount, Owner, SymlinkMount } from "../../spec.ts";
import {
  AT_EMPTY_PATH,
  AT_SYMLINK_NOFOLLOW,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_WRONLY,
} from "../../sys/abi/fcntl.ts";
import { OPEN_TREE_CLOEXEC, OPEN_TREE_CLONE } from "../../sys/abi/mount.ts";
import { mountAttributes } from "./attributes.ts";
import { attach, type MountContext, setAttributes } from "./parts.ts";
import { WORKSHOP } from "./workshop.ts";
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

/** Gives what was made to somebody, if that is wanted. */
function owned(
  { uid, gid = uid }: Owner,
  change: (uid: number, gid: number) => Operation,
): Operation[] {
  // -1 leaves it as it is. chown(2)
  return uid === undefined && gid === undefined ? [] : [change(uid ?? -1, gid ?? -1)];
}

const OWNER_HINT = "its owner must be in the id map; see idMap()";

export function dir(mount: DirMount, context: MountContext, field: string): NewStep {
  const mode = parseMode(mount.mode ?? 0o755, `${field}.mode`);
  const { scaffold } = context;
  const { target } = mount;
  let operations: Operation[];
  const place = scaffold.place(target);
  if (place) {
    operations = [
      ...scaffold.mountPoint(target, "directory").operations,
      ...owned(mount, (uid, gid) => ({
        call: "fchownat",
        args: [place.dirfd, place.path || ".", uid, gid, AT_SYMLINK_NOFOLLOW],
      })),
      { call: "fchmodat", args: [place.dirfd, place.path || ".", mode] },
    ];
    scaffold.addMade(target);
  } else if (scaffold.isChangeable(target)) {
    const there = scaffold.mountPoint(target, "directory");
    operations = [
      ...there.operations,
      ...owned(mount, (uid, gid) => ({
        call: "fchownat",
        args: [there.dirfd, "", uid, gid, AT_EMPTY_PATH],
      })),
      ...there.after,
    ];
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
    hints: {
      ENOENT: "nothing is created on a filesystem of the host; put a tmpfs above it",
      EINVAL: OWNER_HINT,
    },
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
  const again = scaffold.label("write");
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
    ...owned(mount, (uid, gid) => ({ call: "fchown", args: [{ load32: "file" }, uid, gid] })),
    ...write,
    // Once more, for a change of the owner and writing take set-uid bits away.
    ...(mode > 0o777 ? [{ call: "fchmod", args: [{ load32: "file" }, mode] } as Operation] : []),
    { call: "close", args: [{ load32: "file" }] },
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
    context.useWorkshop();
    const copy = scaffold.label("file");
    operations = [
      { call: "openat", args: [WORKSHOP, copy, flags, mode], store: "file" },
      ...finish,
      {
        call: "open_tree",
        args: [WORKSHOP, copy, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC],
        store: "copy",
      },
      // Nobody inside writes to a file that replaces another, as nobody writes to the root.
      setAttributes({ load32: "copy" }, mountAttributes({})),
      ...attach({ load32: "copy" }, scaffold.existing(target)),
    ];
  }
  return {
    phase: "mounts",
    name: "file",
    sentence: `write ${contents.length} bytes to the file "${target}"`,
    paths: { path: target },
    hints: {
      ENOENT: "nothing is created on a filesystem of the host; put a tmpfs above it",
      EINVAL: OWNER_HINT,
    },
    operations,
  };
}
