/**
 * Checks that the entries of the mount list, and the root, have the types they declare.
 *
 * @module
 */

import { SpecError } from "../../errors.ts";
import { parseSize } from "../../quantity.ts";
import type { MountSpec, OverlayLayers, OverlayRoot, RootSpec } from "../../spec.ts";
import { isRecord, show } from "../check_values.ts";

const MOUNT_KINDS = ["bind", "overlay", "tmpfs", "proc", "dev", "symlink", "dir", "file"];

/** Throws a `SpecError` for an entry that is not one. */
export function checkMount(mount: MountSpec, field: string): void {
  if (!isRecord(mount) || !MOUNT_KINDS.includes(mount.kind)) {
    const kind = isRecord(mount) ? (mount as { kind: unknown }).kind : mount;
    throw new SpecError(`${field}.kind`, `${show(kind)} is none of ${MOUNT_KINDS.join(", ")}`);
  }
  if ((mount.kind === "bind" || mount.kind === "symlink") && typeof mount.source !== "string") {
    throw new SpecError(`${field}.source`, `${show(mount.source)} is not a path`);
  }
  if (mount.kind === "overlay") checkLayers(mount, field);
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

/** What an option of overlayfs may look like: what divides them would make others of them. */
const OPTION = /^[\w.+-]+$/;

/** These are said in other words. */
const LAYER_OPTIONS = ["lowerdir", "lowerdir+", "datadir+", "upperdir", "workdir", "userxattr"];

function checkLayers(layers: OverlayLayers, field: string): void {
  const { lower, upper, work, size, options } = layers;
  if (!Array.isArray(lower) || lower.length === 0) {
    throw new SpecError(`${field}.lower`, "is a list of directories, the topmost first");
  }
  // OVL_MAX_STACK
  if (lower.length > 500) throw new SpecError(`${field}.lower`, "at most 500 can be stacked");
  const path = (value: unknown, at: string) => {
    if (typeof value !== "string" || value === "" || value.includes("\0")) {
      throw new SpecError(`${field}.${at}`, `${show(value)} is not a path`);
    }
  };
  lower.forEach((value, index) => path(value, `lower[${index}]`));
  if (upper !== undefined) path(upper, "upper");
  if (work !== undefined) {
    path(work, "work");
    if (upper === undefined || upper === "ephemeral") {
      throw new SpecError(`${field}.work`, "goes with an upper directory of the host");
    }
  }
  if (size !== undefined) {
    parseSize(size, `${field}.size`);
    if (upper !== "ephemeral") throw new SpecError(`${field}.size`, 'goes with upper: "ephemeral"');
  }
  if (options !== undefined && !isRecord(options)) {
    throw new SpecError(`${field}.options`, "is a mapping of names to values");
  }
  for (const [name, value] of Object.entries(options ?? {})) {
    if (LAYER_OPTIONS.includes(name) || !OPTION.test(name) || !OPTION.test(value)) {
      throw new SpecError(`${field}.options.${name}`, `${show(value)} cannot be given here`);
    }
  }
}

/** Throws a `SpecError` for a root that is none. */
export function checkRoot(root: RootSpec): void {
  if (root === "host" || root === "empty") return;
  if (isRecord(root) && "overlay" in root) {
    if (!isRecord(root.overlay)) throw new SpecError("root.overlay", "is a mapping with lower");
    return checkLayers((root as OverlayRoot).overlay, "root.overlay");
  }
  const path = isRecord(root) ? root.path : undefined;
  if (typeof path !== "string" || path === "") {
    throw new SpecError("root", `${show(root)} is none of "host", "empty", a directory`);
  }
}
