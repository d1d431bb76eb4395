/**
 * The mount(2) family: one function for each of the things that mount(2) does, umount(2) and
 * pivot_root(2). They work on the calling thread's mount namespace.
 *
 * @module
 */

import * as abi from "./abi/mount.ts";
import { flagNames } from "./flag_names.ts";
import { check, cString, syscall } from "./libc.ts";
import { filesystemStatus } from "./stat.ts";

/** The raw call: every function of this file is one use of it. */
function mount(
  source: string | null,
  target: string,
  type: string | null,
  flags: number,
  data: string | null = null,
  hint?: string,
): void {
  const text = (value: string | null) => value === null ? null : cString(value);
  const result = syscall("mount", text(source), cString(target), text(type), flags, text(data));
  check(result, "mount", {
    path: source ?? type ?? undefined,
    dest: target,
    get flags() {
      const names = flagNames(flags, abi, "MS_");
      return data === null || data === "" ? names : [names, data].filter((part) => part).join(", ");
    },
    hint: result < 0 ? hint : undefined,
  });
}

/** What {@linkcode mountFilesystem} takes besides the type and the target. */
export interface FilesystemOptions {
  /** A device, or for most sandboxes just a name in mountinfo; the type when not given. */
  source?: string;
  /** `MS_*`, or'ed. */
  flags?: number;
  /** The filesystem's own options, e.g. `"size=64m,mode=755"`; at most 4095 bytes. */
  data?: string;
}

/**
 * Mounts a new filesystem.
 *
 * Errors: EPERM (not CAP_SYS_ADMIN over the mount namespace; a filesystem that a user namespace may
 * not mount; a proc where the host's has mounts over it), ENODEV (an unknown type), EINVAL,
 * ENOENT, EBUSY. Permissions: `--allow-ffi`. Source: mount(2).
 *
 * @example
 * ```ts
 * import { CLONE_NEWNS, makePrivate, mountFilesystem, MS_NODEV, unshare } from "@paddock/paddock/sys";
 *
 * unshare(CLONE_NEWNS); // needs root; from here on nobody else sees this thread's mounts,
 * makePrivate("/"); // once they are not shared with the namespace they came from
 * mountFilesystem("tmpfs", "/mnt", { flags: MS_NODEV, data: "size=64m" });
 * ```
 */
export function mountFilesystem(
  type: string,
  target: string,
  options: FilesystemOptions = {},
): void {
  mount(options.source ?? type, target, type, options.flags ?? 0, options.data ?? null);
}

/** Whether a call takes the mounts below along. */
export interface RecursiveOptions {
  /** Also everything mounted below; true when not given. */
  recursive?: boolean;
}

function recursively(options: RecursiveOptions): number {
  return options.recursive === false ? 0 : abi.MS_REC;
}

/**
 * Makes a file or directory visible at a second place. The kernel ignores all other flags here:
 * {@linkcode remountReadOnly} afterwards, or in one step `openTree` and `mountSetattr`.
 *
 * Errors: EINVAL (a user namespace may not uncover what is below a mount: bind recursively),
 * ENOENT, EACCES, EPERM, ENOTDIR (a directory on a file). Permissions: `--allow-ffi`. Source:
 * mount(2), MS_BIND.
 */
export function mountBind(source: string, target: string, options: RecursiveOptions = {}): void {
  mount(source, target, null, abi.MS_BIND | recursively(options));
}

/**
 * Changes the flags and options of a filesystem wherever it is mounted; with `MS_BIND` among the
 * flags, only the flags of this one mount.
 *
 * Permissions: `--allow-ffi`. Source: mount(2), MS_REMOUNT.
 */
export function mountRemount(target: string, flags: number, data?: string): void {
  mount(null, target, null, abi.MS_REMOUNT | flags, data ?? null);
}

/**
 * Makes one mount read-only, and leaves its other flags as they are. What is mounted below stays
 * as it is: for a whole tree use `mountSetattr`.
 *
 * Permissions: `--allow-ffi`. Source: mount(2), MS_BIND with MS_REMOUNT.
 */
export function remountReadOnly(target: string): void {
  // A remount clears every flag it does not name, and clearing one that came from another user
  // namespace is EPERM. So name those that are set.
  const now = filesystemStatus(target).flags;
  const kept: [number, number][] = [
    [abi.ST_NOSUID, abi.MS_NOSUID],
    [abi.ST_NODEV, abi.MS_NODEV],
    [abi.ST_NOEXEC, abi.MS_NOEXEC],
    [abi.ST_NOATIME, abi.MS_NOATIME],
    [abi.ST_NODIRATIME, abi.MS_NODIRATIME],
    [abi.ST_RELATIME, abi.MS_RELATIME],
    [abi.ST_NOSYMFOLLOW, abi.MS_NOSYMFOLLOW],
  ];
  let flags = abi.MS_BIND | abi.MS_RDONLY;
  for (const [shown, flag] of kept) if (now & shown) flags |= flag;
  // With none of the two the kernel would fall back to relatime.
  if (!(now & (abi.ST_NOATIME | abi.ST_RELATIME))) flags |= abi.MS_STRICTATIME;
  mountRemount(target, flags);
}

/** Moves a mount to another place. Errors: EINVAL (its parent is shared). Permissions: `--allow-ffi`. Source: mount(2), MS_MOVE. */
export function mountMove(source: string, target: string): void {
  mount(source, target, null, abi.MS_MOVE, null, "a mount under a shared parent cannot move");
}

/**
 * Cuts a mount off: nothing mounted here is seen elsewhere, nor the reverse.
 *
 * Permissions: `--allow-ffi`. Source: mount(2), MS_PRIVATE.
 */
export function makePrivate(target: string, options: RecursiveOptions = {}): void {
  mount(null, target, null, abi.MS_PRIVATE | recursively(options));
}

/**
 * Makes a mount a follower: it sees what is mounted on its master, and shows nothing back.
 *
 * Permissions: `--allow-ffi`. Source: mount(2), MS_SLAVE.
 */
export function makeSlave(target: string, options: RecursiveOptions = {}): void {
  mount(null, target, null, abi.MS_SLAVE | recursively(options));
}

/**
 * Makes a mount share what is mounted on it with its copies. systemd makes `/` so.
 *
 * Permissions: `--allow-ffi`. Source: mount(2), MS_SHARED.
 */
export function makeShared(target: string, options: RecursiveOptions = {}): void {
  mount(null, target, null, abi.MS_SHARED | recursively(options));
}

/**
 * Makes a mount private and refuses to bind it elsewhere.
 *
 * Permissions: `--allow-ffi`. Source: mount(2), MS_UNBINDABLE.
 */
export function makeUnbindable(target: string, options: RecursiveOptions = {}): void {
  mount(null, target, null, abi.MS_UNBINDABLE | recursively(options));
}

/**
 * Takes a mount away.
 *
 * Errors: EBUSY (in use: `MNT_DETACH` takes it from the tree at once and frees it later), EINVAL
 * (no mount, or one that came along from another user namespace), EPERM. Permissions:
 * `--allow-ffi`. Source: umount2(2).
 *
 * @param flags `MNT_DETACH`, `MNT_FORCE`, `MNT_EXPIRE`, `UMOUNT_NOFOLLOW`.
 */
export function unmount(target: string, flags = 0): void {
  check(syscall("umount2", cString(target), flags), "umount2", {
    path: target,
    get flags() {
      return flagNames(flags, abi, /^(MNT|UMOUNT)_/);
    },
  });
}

/**
 * Makes a mount the root of the mount namespace, and puts the old root below it. With `"."` for
 * both, in the new root, the old one ends on top of it and `unmount(".", MNT_DETACH)` uncovers it.
 *
 * Errors: EINVAL (no mount point, a shared parent, or the old root is the initramfs), EBUSY,
 * EPERM. Permissions: `--allow-ffi`. Source: pivot_root(2).
 */
export function pivotRoot(newRoot: string, putOld: string): void {
  check(syscall("pivot_root", cString(newRoot), cString(putOld)), "pivot_root", {
    path: newRoot,
    dest: putOld,
  });
}
