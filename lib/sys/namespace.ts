/**
 * What a namespace's descriptor tells: of which kind it is, whose, and what it is within.
 * ioctl_ns(2).
 *
 * @module
 */

import * as abi from "./abi/ioctl.ts";
import { ERRNO } from "./abi/errno.ts";
import { O_CLOEXEC, O_PATH } from "./abi/fcntl.ts";
import { NSFS_MAGIC } from "./abi/mount.ts";
import { close, open } from "./file.ts";
import { check, syscall, type SyscallArgument } from "./libc.ts";
import { filesystemStatus } from "./stat.ts";

type Request = "NS_GET_USERNS" | "NS_GET_PARENT" | "NS_GET_NSTYPE" | "NS_GET_OWNER_UID";

function ioctl(fd: number, request: Request, argument: SyscallArgument = 0, hint?: string): number {
  const result = syscall("ioctl", fd, abi[request], argument);
  return check(result, "ioctl", {
    path: `fd ${fd}`,
    flags: request,
    hint: result === -ERRNO.ENOTTY ? "it is no namespace" : hint,
  });
}

/**
 * Opens a namespace by its file: `/proc/PID/ns/net`, `/proc/PID/fd/N`, or a file that one is bound
 * on. Anything else that is found there is not opened, so that nobody who swaps the file (for a
 * FIFO, say) can keep the caller waiting: that is EINVAL.
 *
 * Errors: ENOENT, EACCES, EPERM (not that process's ptrace rights), EINVAL. Permissions:
 * `--allow-ffi`. Source: open(2), namespaces(7).
 *
 * @example
 * ```ts
 * import { close, CLONE_NEWUTS, namespaceType, openNamespace } from "@paddock/paddock/sys";
 *
 * const fd = openNamespace("/proc/self/ns/uts");
 * console.log(namespaceType(fd) === CLONE_NEWUTS); // true
 * close(fd);
 * ```
 */
export function openNamespace(path: string): number {
  const place = open(path, { flags: O_PATH });
  try {
    if (filesystemStatus(place).type !== NSFS_MAGIC) {
      check(-ERRNO.EINVAL, "openat", { path, hint: "it is no namespace" });
    }
    return open(`/proc/thread-self/fd/${place}`, { flags: O_CLOEXEC });
  } finally {
    close(place);
  }
}

/**
 * The kind of a namespace, one of `CLONE_NEW*`. Errors: ENOTTY (no namespace). Permissions:
 * `--allow-ffi`. Source: ioctl_ns(2), NS_GET_NSTYPE.
 */
export function namespaceType(fd: number): number {
  return ioctl(fd, "NS_GET_NSTYPE");
}

/**
 * A new descriptor of the user namespace that owns this one: who has capabilities there has them
 * over this one. Of a user namespace it is the parent.
 *
 * Errors: EPERM (it is outside of the caller's user namespace, as the owner of the first one is).
 * Permissions: `--allow-ffi`. Source: ioctl_ns(2), NS_GET_USERNS.
 */
export function namespaceOwner(fd: number): number {
  return ioctl(fd, "NS_GET_USERNS", 0, "its owner is outside of your own user namespace");
}

/**
 * A new descriptor of the parent of a user or a pid namespace.
 *
 * Errors: EINVAL (another kind, which has no parents), EPERM (it is outside of the caller's own
 * namespace of that kind, or there is none). Permissions: `--allow-ffi`. Source: ioctl_ns(2),
 * NS_GET_PARENT.
 */
export function namespaceParent(fd: number): number {
  return ioctl(fd, "NS_GET_PARENT", 0, "only user and pid namespaces have parents, seen from them");
}

/**
 * The uid that made a user namespace, as the caller's own user namespace counts; the overflow uid
 * (65534) where it has none there.
 *
 * Errors: EINVAL (another kind). Permissions: `--allow-ffi`. Source: ioctl_ns(2),
 * NS_GET_OWNER_UID.
 */
export function namespaceOwnerUid(fd: number): number {
  const uid = new Uint32Array(1);
  ioctl(fd, "NS_GET_OWNER_UID", uid, "only user namespaces have an owner's uid");
  return uid[0]!;
}
