/**
 * Checks what goes with what in an entry of the mount list and in the root. What each may look like
 * is in the schema.
 *
 * @module
 */

import { SpecError } from "../../errors.ts";
import { checkKeys } from "../../known_keys.ts";
import { MOUNT } from "../../schema/mounts.ts";
import type { MountSpec, OverlayLayers, RootSpec } from "../../spec.ts";

/** Throws a `SpecError` for an option that this kind of mount does not have, or that is said already. */
export function checkMountOptions(
  kind: MountSpec["kind"],
  options: object,
  said: readonly string[] = [],
): void {
  const known = Object.keys(MOUNT.kinds[kind].keys);
  checkKeys(options, kind, known.filter((name) => name !== "target" && !said.includes(name)));
}

/** Throws a `SpecError` for an entry whose fields contradict each other. */
export function checkMount(mount: MountSpec, field: string): void {
  if (mount.kind === "overlay") checkLayers(mount, field);
  if (mount.kind === "filesystem") checkOptions(mount.options ?? {}, `${field}.options`);
  if (mount.kind === "bind" && mount.devices !== undefined && mount.nodev !== undefined) {
    throw new SpecError(`${field}.devices`, "is another word for nodev; give one of the two");
  }
}

/** A filesystem's own options: the kernel takes at most 255 bytes of each. fsconfig(2). */
function checkOptions(options: Record<string, string | number | true>, field: string): void {
  for (const [name, value] of Object.entries(options)) {
    const length = new TextEncoder().encode(`${value}`).length;
    if (length <= 255 && !name.includes("\0")) continue;
    throw new SpecError(`${field}.${name}`, `"${value}" is not a value of at most 255 bytes`);
  }
}

/** What an option of overlayfs may look like: what divides them would make others of them. */
const OPTION = /^[\w.+-]+$/;

/** These are said in other words. */
const LAYER_OPTIONS = ["lowerdir", "lowerdir+", "datadir+", "upperdir", "workdir", "userxattr"];

function checkLayers(layers: OverlayLayers, field: string): void {
  const { lower, upper, work, size, options } = layers;
  // OVL_MAX_STACK
  if (lower.length > 500) throw new SpecError(`${field}.lower`, "at most 500 can be stacked");
  if (work !== undefined && (upper === undefined || upper === "ephemeral")) {
    throw new SpecError(`${field}.work`, "goes with an upper directory of the host");
  }
  if (size !== undefined && upper !== "ephemeral") {
    throw new SpecError(`${field}.size`, 'goes with upper: "ephemeral"');
  }
  for (const [name, value] of Object.entries(options ?? {})) {
    if (LAYER_OPTIONS.includes(name) || !OPTION.test(name) || !OPTION.test(value)) {
      throw new SpecError(`${field}.options.${name}`, `"${value}" cannot be given here`);
    }
  }
}

/** Throws a `SpecError` for a root whose fields contradict each other. */
export function checkRoot(root: RootSpec): void {
  if (typeof root === "string") return;
  if ("overlay" in root) return checkLayers(root.overlay, "root.overlay");
  const { size } = root;
  if ("image" in root) {
    const { readonly, upper } = root;
    if (readonly && upper !== undefined) {
      throw new SpecError("root.upper", "there are no changes to keep where it is read-only");
    }
    if (size !== undefined && (readonly || (upper ?? "ephemeral") !== "ephemeral")) {
      throw new SpecError("root.size", "goes with ephemeral changes");
    }
    return;
  }
  const { ephemeral, writable, idMap } = root;
  if (ephemeral && writable) {
    throw new SpecError("root.writable", "changes go to the directory, or to memory; not to both");
  }
  if (size !== undefined && !ephemeral) throw new SpecError("root.size", "goes with ephemeral");
  if (idMap !== undefined && ephemeral) {
    throw new SpecError("root.idMap", "does not go with ephemeral");
  }
}
