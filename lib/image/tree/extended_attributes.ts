/**
 * Which extended attributes of an archive a tree may have. xattr(7).
 *
 * @module
 */

import { ArchiveError, SyscallError } from "../../errors.ts";
import { ERRNO } from "../../sys/abi/errno.ts";
import { setXattr } from "../../sys/attributes.ts";

/**
 * Overlayfs keeps its own notes here: a redirect or a metacopy made by an archive would show any
 * file of the layers below under any name.
 */
const OVERLAY = /^(trusted|user)\.overlay\./;

const KEPT = /^(user\.|security\.capability$|system\.posix_acl_(access|default)$)/;

/** Marks a directory whose counterparts in the layers below are hidden. */
export const OPAQUE = ["trusted.overlay.opaque", "user.overlay.opaque"] as const;

/** Names of attributes that were left out, and how often. */
export type LeftOut = Map<string, number>;

/** Sets what may be set; counts the rest. Throws an `ArchiveError` for overlayfs's own. */
export function applyXattrs(
  fd: number,
  xattrs: ReadonlyMap<string, Uint8Array>,
  entry: string,
  leftOut: LeftOut,
): void {
  for (const [name, value] of xattrs) {
    if (OVERLAY.test(name)) {
      throw new ArchiveError(entry, `it has the attribute ${name}, which is overlayfs's own`);
    }
    if (!KEPT.test(name) || !trySet(fd, name, value)) {
      leftOut.set(name, (leftOut.get(name) ?? 0) + 1);
    }
  }
}

/** Whether it could be set: not every filesystem has attributes, nor every user the right. */
function trySet(fd: number, name: string, value: Uint8Array): boolean {
  try {
    setXattr(fd, name, value);
    return true;
  } catch (error) {
    const mild = [ERRNO.EOPNOTSUPP, ERRNO.EPERM, ERRNO.EINVAL, ERRNO.ENOSPC, ERRNO.E2BIG];
    if (error instanceof SyscallError && mild.includes(error.errno as never)) return false;
    throw error;
  }
}
