/**
 * The mount API by descriptors, Linux 5.2 and later (mountSetattr: 5.12): a mount is made and
 * adjusted while it is attached nowhere, so nobody ever sees it half done.
 *
 * All descriptors are close-on-exec.
 *
 * @module
 */

import * as abi from "./abi/mount.ts";
import { AT_EMPTY_PATH, AT_FDCWD, AT_RECURSIVE, AT_SYMLINK_NOFOLLOW } from "./abi/fcntl.ts";
import { ERRNO } from "./abi/errno.ts";
import { flagNames } from "./flag_names.ts";
import { check, cString, syscall, type SyscallArgument } from "./libc.ts";

/** How {@linkcode openTree} opens. */
export interface OpenTreeOptions {
  /** The directory that a relative path starts at. */
  dirfd?: number;
  /** Make a detached copy (`OPEN_TREE_CLONE`); true when not given. Otherwise it is like O_PATH. */
  clone?: boolean;
  /** Also everything mounted below (`AT_RECURSIVE`); true when not given. Only with `clone`. */
  recursive?: boolean;
  /** Open a symbolic link itself. */
  noFollow?: boolean;
}

/**
 * Opens a mount, by default as a detached copy of the tree: the first half of a bind.
 *
 * Errors: EINVAL (in a user namespace, a tree that holds mounts must be taken recursively),
 * ENOENT, EPERM, ENOSYS. Permissions: `--allow-ffi`. Source: open_tree(2).
 *
 * @example A read-only bind of a whole tree.
 * ```ts
 * import { close, MOUNT_ATTR_RDONLY, mountSetattr, moveMount, openTree } from "@paddock/paddock/sys";
 * import { CLONE_NEWNS, makePrivate, unshare } from "@paddock/paddock/sys";
 *
 * unshare(CLONE_NEWNS); // needs root
 * makePrivate("/");
 * const tree = openTree("/usr");
 * mountSetattr(tree, { set: MOUNT_ATTR_RDONLY, recursive: true });
 * moveMount(tree, "/mnt");
 * close(tree);
 * ```
 */
export function openTree(path: string, options: OpenTreeOptions = {}): number {
  const clone = options.clone ?? true;
  const own = abi.OPEN_TREE_CLOEXEC | (clone ? abi.OPEN_TREE_CLONE : 0);
  const at = (clone && options.recursive !== false ? AT_RECURSIVE : 0) |
    (path === "" ? AT_EMPTY_PATH : 0) | (options.noFollow ? AT_SYMLINK_NOFOLLOW : 0);
  return check(
    syscall("open_tree", options.dirfd ?? AT_FDCWD, cString(path), own | at),
    "open_tree",
    {
      path: path === "" ? `fd ${options.dirfd}` : path,
      get flags() {
        return [
          flagNames(own, abi, "OPEN_TREE_"),
          flagNames(at, { AT_RECURSIVE, AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW }, "AT_"),
        ].filter((part) => part).join("|");
      },
    },
  );
}

/** Where and how {@linkcode moveMount} attaches. */
export interface MoveMountOptions {
  /** The directory that a relative target starts at; with an empty target, the target itself. */
  dirfd?: number;
  /** Follow a symbolic link at the end of the target; false when not given. */
  follow?: boolean;
  /** Further `MOVE_MOUNT_*`, or'ed. */
  flags?: number;
}

/**
 * Attaches a detached mount, or moves an attached one.
 *
 * Errors: ENOENT, ENOTDIR (a directory on a file), EINVAL, EPERM, ELOOP (below itself).
 * Permissions: `--allow-ffi`. Source: move_mount(2).
 */
export function moveMount(mountFd: number, target: string, options: MoveMountOptions = {}): void {
  const flags = abi.MOVE_MOUNT_F_EMPTY_PATH | (target === "" ? abi.MOVE_MOUNT_T_EMPTY_PATH : 0) |
    (options.follow ? abi.MOVE_MOUNT_T_SYMLINKS : 0) | (options.flags ?? 0);
  check(
    syscall(
      "move_mount",
      mountFd,
      cString(""),
      options.dirfd ?? AT_FDCWD,
      cString(target),
      flags,
    ),
    "move_mount",
    {
      path: `fd ${mountFd}`,
      dest: target === "" ? `fd ${options.dirfd}` : target,
      get flags() {
        return flagNames(flags, abi, "MOVE_MOUNT_");
      },
    },
  );
}

/**
 * Opens a context to configure a new filesystem in.
 *
 * Errors: ENODEV (unknown type), EPERM. Permissions: `--allow-ffi`. Source: fsopen(2).
 *
 * @example
 * ```ts
 * import { close, fsconfigCreate, fsconfigString, fsmount, fsopen, moveMount } from "@paddock/paddock/sys";
 * import { CLONE_NEWNS, makePrivate, unshare } from "@paddock/paddock/sys";
 *
 * unshare(CLONE_NEWNS); // needs root
 * makePrivate("/");
 * const context = fsopen("tmpfs");
 * fsconfigString(context, "size", "64m");
 * fsconfigCreate(context);
 * const mount = fsmount(context);
 * moveMount(mount, "/mnt");
 * close(mount);
 * close(context);
 * ```
 */
export function fsopen(type: string): number {
  return check(syscall("fsopen", cString(type), abi.FSOPEN_CLOEXEC), "fsopen", { path: type });
}

/** Opens the filesystem of an existing mount, to reconfigure it. Permissions: `--allow-ffi`. Source: fspick(2). */
export function fspick(path: string): number {
  return check(syscall("fspick", AT_FDCWD, cString(path), abi.FSPICK_CLOEXEC), "fspick", { path });
}

/**
 * The messages that a filesystem left on its context since they were last read, such as
 * `"e tmpfs: Bad value for 'size'"`: `e` is an error, `w` a warning, `i` information.
 *
 * Permissions: `--allow-ffi`. Source: fsopen(2).
 */
export function fsLog(context: number): string[] {
  const lines: string[] = [];
  const buffer = new Uint8Array(4096);
  // One message a call, ENODATA after the last; the bound is against a file that is no context.
  while (lines.length < 64) {
    const count = syscall("read", context, buffer, buffer.length);
    if (count <= 0) break;
    lines.push(new TextDecoder().decode(buffer.subarray(0, count)).trimEnd());
  }
  return lines;
}

function fsconfig(
  context: number,
  command: number,
  key: string | null,
  value: SyscallArgument,
  aux: number,
  shown: string,
): void {
  const name = key === null ? null : cString(key);
  const result = syscall("fsconfig", context, command, name, value, aux);
  if (result >= 0) return;
  let hint = fsLog(context).join("; ") || undefined;
  if (result === -ERRNO.EINVAL && hint === undefined && shown.length > 255) {
    hint = "fsconfig takes strings of 255 bytes at most";
  }
  check(result, "fsconfig", { path: shown === "" ? `fd ${context}` : shown, hint });
}

/** Sets an option to a string of at most 255 bytes. Errors: EINVAL. Permissions: `--allow-ffi`. Source: fsconfig(2). */
export function fsconfigString(context: number, key: string, value: string): void {
  fsconfig(context, abi.FSCONFIG_SET_STRING, key, cString(value), 0, `${key}=${value}`);
}

/** Sets an option that has no value, such as `"ro"`. Errors: EINVAL. Permissions: `--allow-ffi`. Source: fsconfig(2). */
export function fsconfigFlag(context: number, key: string): void {
  fsconfig(context, abi.FSCONFIG_SET_FLAG, key, null, 0, key);
}

/** Sets an option to a descriptor. Errors: EINVAL. Permissions: `--allow-ffi`. Source: fsconfig(2). */
export function fsconfigFd(context: number, key: string, fd: number): void {
  fsconfig(context, abi.FSCONFIG_SET_FD, key, null, fd, `${key}=fd ${fd}`);
}

/** Makes the filesystem as configured. Errors: EPERM, EINVAL, EBUSY. Permissions: `--allow-ffi`. Source: fsconfig(2). */
export function fsconfigCreate(context: number): void {
  fsconfig(context, abi.FSCONFIG_CMD_CREATE, null, null, 0, "create");
}

/** Applies the options to a filesystem that exists (see {@linkcode fspick}). Permissions: `--allow-ffi`. Source: fsconfig(2). */
export function fsconfigReconfigure(context: number): void {
  fsconfig(context, abi.FSCONFIG_CMD_RECONFIGURE, null, null, 0, "reconfigure");
}

/**
 * Makes a detached mount of a filesystem that {@linkcode fsconfigCreate} made.
 *
 * Permissions: `--allow-ffi`. Source: fsmount(2).
 *
 * @param attributes `MOUNT_ATTR_*`, or'ed.
 */
export function fsmount(context: number, attributes = 0): number {
  const result = syscall("fsmount", context, abi.FSMOUNT_CLOEXEC, attributes);
  return check(result, "fsmount", {
    path: `fd ${context}`,
    get flags() {
      return flagNames(attributes, abi, "MOUNT_ATTR_");
    },
    hint: result < 0 ? fsLog(context).join("; ") || undefined : undefined,
  });
}

/** What {@linkcode mountSetattr} changes. */
export interface MountAttributes {
  /** `MOUNT_ATTR_*` to set, or'ed. */
  set?: number;
  /** `MOUNT_ATTR_*` to clear; `MOUNT_ATTR__ATIME` goes with any setting of access times. */
  clear?: number;
  /** `MS_PRIVATE`, `MS_SLAVE`, `MS_SHARED` or `MS_UNBINDABLE`. */
  propagation?: number;
  /** The user namespace for `MOUNT_ATTR_IDMAP`. */
  userns?: number;
  /** Also everything mounted below; false when not given. */
  recursive?: boolean;
}

/** `struct mount_attr` (32 bytes): what to set, to clear, the propagation, the user namespace. */
function encodeMountAttributes(change: MountAttributes): BigUint64Array<ArrayBuffer> {
  return BigUint64Array.of(
    BigInt(change.set ?? 0),
    BigInt(change.clear ?? 0),
    BigInt(change.propagation ?? 0),
    BigInt(change.userns ?? 0),
  );
}

/**
 * Changes a mount, or with `recursive` a whole tree, all or nothing.
 *
 * Errors: EPERM (a flag locked by another user namespace; an id map on a filesystem that this user
 * namespace does not own), EINVAL (no mount; a filesystem without id maps), EBUSY (made read-only
 * while open for writing). Permissions: `--allow-ffi`. Source: mount_setattr(2), Linux 5.12.
 *
 * @param mount The mount's descriptor, or its path.
 */
export function mountSetattr(mount: number | string, change: MountAttributes): void {
  const attributes = encodeMountAttributes(change);
  const flags = (typeof mount === "number" ? AT_EMPTY_PATH : 0) |
    (change.recursive ? AT_RECURSIVE : 0);
  check(
    syscall(
      "mount_setattr",
      typeof mount === "number" ? mount : AT_FDCWD,
      cString(typeof mount === "number" ? "" : mount),
      flags,
      attributes,
      attributes.byteLength,
    ),
    "mount_setattr",
    {
      path: typeof mount === "number" ? `fd ${mount}` : mount,
      get flags() {
        const set = flagNames(change.set ?? 0, abi, "MOUNT_ATTR_");
        const clear = flagNames(change.clear ?? 0, abi, "MOUNT_ATTR_");
        return [
          set,
          clear && `clear ${clear}`,
          flagNames(change.propagation ?? 0, abi, "MS_"),
          change.recursive ? "AT_RECURSIVE" : "",
        ].filter((part) => part).join(", ");
      },
    },
  );
}
