/**
 * Checks that the entries of the mount list, and the root, have the types they declare.
 *
 * @module
 */

import { SpecError } from "../../errors.ts";
import type { MountSpec, RootSpec } from "../../spec.ts";
import { isRecord, show } from "../check_values.ts";

const MOUNT_KINDS = ["bind", "tmpfs", "proc", "dev", "symlink", "dir", "file"];

/** Throws a `SpecError` for an entry that is not one. */
export function checkMount(mount: MountSpec, field: string): void {
  if (!isRecord(mount) || !MOUNT_KINDS.includes(mount.kind)) {
    const kind = isRecord(mount) ? (mount as { kind: unknown }).kind : mount;
    throw new SpecError(`${field}.kind`, `${show(kind)} is none of ${MOUNT_KINDS.join(", ")}`);
  }
  if ((mount.kind === "bind" || mount.kind === "symlink") && typeof mount.source !== "string") {
    throw new SpecError(`${field}.source`, `${show(mount.source)} is not a path`);
  }
  if (mount.kind === "bind") {
    for (const flag of ["writable", "devices", "optional"] as const) {
      if (!["boolean", "undefined"].includes(typeof mount[flag])) {
        throw new SpecError(`${field}.${flag}`, `${show(mount[flag])} is neither true nor false`);
      }
    }
  }
  if (
    mount.kind === "file" && typeof mount.contents !== "string" &&
    !((mount.contents as unknown) instanceof Uint8Array)
  ) {
    throw new SpecError(`${field}.contents`, "the contents of a file are text or bytes");
  }
}

/** Throws a `SpecError` for a root that is none. */
export function checkRoot(root: RootSpec): void {
  const path = isRecord(root) ? root.path : undefined;
  if (root !== "host" && root !== "empty" && (typeof path !== "string" || path === "")) {
    throw new SpecError("root", `${show(root)} is none of "host", "empty", a directory`);
  }
}
