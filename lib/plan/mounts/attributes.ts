/**
 * The attributes of mounts, and their propagation. mount_setattr(2).
 *
 * @module
 */

import type { MountFlags, Propagation } from "../../spec.ts";
import {
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_NOSYMFOLLOW,
  MOUNT_ATTR_RDONLY,
  MS_PRIVATE,
  MS_SHARED,
  MS_SLAVE,
  MS_UNBINDABLE,
} from "../../sys/abi/mount.ts";

/** What decides a mount's attributes. */
export type Flags = MountFlags & { readonly writable?: boolean; readonly devices?: boolean };

/** No set-uid bits, no devices and no writing, but where that is asked for. */
export function mountAttributes(flags: Flags): number {
  const { writable, devices, nosuid = true, nodev = !devices, noexec, nosymfollow } = flags;
  return (writable ? 0 : MOUNT_ATTR_RDONLY) |
    (nosuid ? MOUNT_ATTR_NOSUID : 0) |
    (nodev ? MOUNT_ATTR_NODEV : 0) |
    (noexec ? MOUNT_ATTR_NOEXEC : 0) |
    (nosymfollow ? MOUNT_ATTR_NOSYMFOLLOW : 0);
}

/** Attributes as mount(8) would show them. */
export function attributeWords(attributes: number): string[] {
  return [
    attributes & MOUNT_ATTR_RDONLY ? "ro" : "rw",
    ...(attributes & MOUNT_ATTR_NOSUID ? ["nosuid"] : []),
    ...(attributes & MOUNT_ATTR_NODEV ? ["nodev"] : []),
    ...(attributes & MOUNT_ATTR_NOEXEC ? ["noexec"] : []),
    ...(attributes & MOUNT_ATTR_NOSYMFOLLOW ? ["nosymfollow"] : []),
  ];
}

/** The flag of each kind of propagation. */
export const PROPAGATION: Readonly<Record<Propagation, number>> = {
  private: MS_PRIVATE,
  slave: MS_SLAVE,
  shared: MS_SHARED,
  unbindable: MS_UNBINDABLE,
};
