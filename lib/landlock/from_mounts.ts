/**
 * Derives rules from the mount policy: what is mounted to be written may be written, and nothing
 * else. A second wall: it stands where a mount would have let through what it should not have.
 *
 * @module
 */

import type { LandlockPath } from "../spec/landlock.ts";
import type { MountSpec, RootSpec } from "../spec/mounts.ts";
import type { SandboxSpec } from "../spec.ts";

/** Open for writing what exists, and empty it, as `echo > FILE` does. */
const WRITE_EXISTING: Extract<LandlockPath["allow"], unknown[]> = [
  "read",
  "write_file",
  "truncate",
];

function ofMount(mount: MountSpec): LandlockPath[] {
  const { kind, target } = mount;
  switch (kind) {
    case "bind":
      return mount.writable ? [{ path: target, allow: ["write", "execute"] }] : [];
    case "overlay":
      return mount.upper === undefined ? [] : [{ path: target, allow: ["write", "execute"] }];
    case "cgroupfs":
    case "filesystem":
      return mount.writable ? [{ path: target, allow: ["write", "execute"] }] : [];
    case "devpts":
      return [{ path: target, allow: [...WRITE_EXISTING, "ioctl_dev"] }];
    case "mqueue":
    case "tmpfs":
      return [{ path: target, allow: ["write", "execute"] }];
    case "proc":
      return [{ path: target, allow: WRITE_EXISTING }];
    case "dev":
      return [
        { path: target, allow: [...WRITE_EXISTING, "ioctl_dev"] },
        { path: `${target}/shm`, allow: ["write", "execute"] },
      ];
    default:
      return [];
  }
}

function isWritable(root: RootSpec): boolean {
  if (typeof root !== "object") return root === "empty";
  return "overlay" in root
    ? root.overlay.upper !== undefined
    : "path" in root && root.writable === true;
}

/**
 * The rules. Everything in the root can be read and executed, for it is only what is shown; rules
 * hold for all below their path, so a read-only bind within something writable has one wall.
 */
export function fromMounts(spec: SandboxSpec): LandlockPath[] {
  return [
    { path: "/", allow: isWritable(spec.root) ? ["write", "execute"] : "execute" },
    ...spec.mounts.flatMap(ofMount),
  ];
}
