/**
 * Checks that the entries of the mount list, and the root, have the types they declare.
 *
 * @module
 */

import { SpecError } from "../../errors.ts";
import { checkKeys } from "../../known_keys.ts";
import { parseMode, parseSize } from "../../quantity.ts";
import type {
  DirectoryRoot,
  ImageRoot,
  MountIdMap,
  MountSpec,
  OverlayLayers,
  OverlayRoot,
  RootSpec,
} from "../../spec.ts";
import { isRecord, noneOf, show } from "../check_values.ts";

/** What is wrong with a value, or undefined. */
type Check = (value: unknown) => string | undefined;

const flag: Check = (value) => typeof value === "boolean" ? undefined : "is neither true nor false";
const text: Check = (value) =>
  typeof value === "string" && value !== "" && !value.includes("\0") ? undefined : "is not a text";
const path: Check = (value) => text(value) === undefined ? undefined : "is not a path";
const size: Check = (value) => void parseSize(value as string, "size");
const mode: Check = (value) => void parseMode(value as string, "mode");
const id: Check = (value) =>
  Number.isInteger(value) && value as number >= 0 && value as number <= 0xffff_fffe
    ? undefined
    : "is not an id";
const count: Check = (value) =>
  Number.isSafeInteger(value) && value as number > 0 ? undefined : "is not a number above 0";
const one = (...words: string[]): Check => (value) =>
  words.includes(value as string) ? undefined : noneOf(value, words).slice(show(value).length + 1);
const source: Check = (value) =>
  isRecord(value) ? id(value.fd) && "is not { fd: a number }" : path(value);
const contents: Check = (value) =>
  typeof value === "string" || value instanceof Uint8Array
    ? undefined
    : "is not what a file can hold; the contents of a file are text or bytes";
const idMap: Check = (value) =>
  isRecord(value) && Array.isArray(value.uids) && Array.isArray(value.gids) &&
    value.uids.length > 0 && value.gids.length > 0 &&
    [...value.uids, ...value.gids].every((range) =>
      isRecord(range) && id(range.inside) === undefined && id(range.outside) === undefined &&
      (range.count === undefined || count(range.count) === undefined)
    )
    ? undefined
    : "is not { uids: [{ inside, outside, count }], gids: [..] }";
const anything: Check = () => undefined;

const FLAGS = { nosuid: flag, nodev: flag, noexec: flag, nosymfollow: flag };
const OWNER = { uid: id, gid: id };
const LAYERS = { lower: anything, upper: path, work: path, size, options: anything };
const BIND = { writable: flag, idMap };

/** The fields of each kind beside `kind` and `target`. */
const FIELDS: { readonly [Kind in MountSpec["kind"]]: Readonly<Record<string, Check>> } = {
  bind: {
    ...FLAGS,
    ...BIND,
    source,
    devices: flag,
    optional: flag,
    recursive: flag,
    propagation: one("private", "slave", "shared", "unbindable"),
  },
  overlay: { ...FLAGS, ...LAYERS },
  tmpfs: { ...FLAGS, ...OWNER, size, inodes: count, mode },
  proc: { hidepid: one("off", "noaccess", "invisible", "ptraceable"), subset: one("pid") },
  dev: {},
  devpts: { mode, gid: id, max: count },
  mqueue: {},
  sysfs: {},
  cgroupfs: { writable: flag },
  filesystem: { ...FLAGS, type: text, source: text, writable: flag, options: anything },
  symlink: { source: path },
  dir: { ...OWNER, mode },
  file: { ...OWNER, contents, mode },
  mask: { optional: flag },
  readonly: { optional: flag },
};

const NEEDED: { readonly [Kind in MountSpec["kind"]]?: readonly string[] } = {
  bind: ["source"],
  filesystem: ["type"],
  symlink: ["source"],
  file: ["contents"],
};

/** Throws a `SpecError` for an option that this kind of mount does not have, or that is said already. */
export function checkMountOptions(
  kind: MountSpec["kind"],
  options: object,
  said: readonly string[] = [],
): void {
  checkKeys(options, kind, Object.keys(FIELDS[kind]).filter((name) => !said.includes(name)));
}

/** Throws a `SpecError` for an entry that is not one. */
export function checkMount(mount: MountSpec, field: string): void {
  if (!isRecord(mount) || !Object.hasOwn(FIELDS, mount.kind)) {
    const kind = isRecord(mount) ? (mount as { kind: unknown }).kind : mount;
    throw new SpecError(`${field}.kind`, noneOf(kind, Object.keys(FIELDS)));
  }
  const fields = FIELDS[mount.kind];
  checkKeys(mount, field, ["kind", "target", ...Object.keys(fields)]);
  for (const [name, value] of Object.entries(mount)) {
    if (name === "kind" || name === "target" || value === undefined) continue;
    checkField(value, `${field}.${name}`, fields[name]!);
  }
  for (const name of NEEDED[mount.kind] ?? []) {
    if ((mount as unknown as Record<string, unknown>)[name] === undefined) {
      checkField(undefined, `${field}.${name}`, fields[name]!);
    }
  }
  if (mount.kind === "overlay") checkLayers(mount, field);
  if (mount.kind === "filesystem") checkOptions(mount.options, `${field}.options`);
  if (mount.kind === "bind" && mount.devices !== undefined && mount.nodev !== undefined) {
    throw new SpecError(`${field}.devices`, "is another word for nodev; give one of the two");
  }
}

function checkField(value: unknown, field: string, check: Check): void {
  let wrong: string | undefined;
  try {
    wrong = check(value);
  } catch (error) {
    // Sizes and modes say themselves what is wrong, under a name of their own.
    if (!(error instanceof SpecError)) throw error;
    throw new SpecError(field, error.message.slice(error.field.length + 2));
  }
  if (wrong !== undefined) throw new SpecError(field, `${show(value)} ${wrong}`);
  if (check === source && isRecord(value)) checkKeys(value, field, ["fd"]);
  if (check === idMap) checkIdMapKeys(value as MountIdMap, field);
}

/** Throws a `SpecError` for a key of an id map, or of its ranges, that is not known. */
export function checkIdMapKeys(map: MountIdMap, field: string): void {
  checkKeys(map, field, ["uids", "gids"]);
  for (const side of ["uids", "gids"] as const) {
    map[side].forEach((range, index) => {
      if (!isRecord(range)) throw new SpecError(`${field}.${side}[${index}]`, "is not a range");
      checkKeys(range, `${field}.${side}[${index}]`, ["inside", "outside", "count"]);
    });
  }
}

/** A filesystem's own options: the kernel takes at most 255 bytes of each. fsconfig(2). */
function checkOptions(options: unknown, field: string): void {
  if (options === undefined) return;
  if (!isRecord(options)) throw new SpecError(field, "is a mapping of names to values");
  for (const [name, value] of Object.entries(options)) {
    const words = value === true || typeof value === "number" || typeof value === "string";
    const length = new TextEncoder().encode(`${value}`).length;
    if (!words || length > 255 || `${name}${value}`.includes("\0")) {
      throw new SpecError(
        `${field}.${name}`,
        `${show(value)} is not true or a value of at most 255 bytes`,
      );
    }
  }
}

/** What an option of overlayfs may look like: what divides them would make others of them. */
const OPTION = /^[\w.+-]+$/;

/** These are said in other words. */
const LAYER_OPTIONS = ["lowerdir", "lowerdir+", "datadir+", "upperdir", "workdir", "userxattr"];

/** An overlay mount's other fields have been looked at. */
function checkLayers(layers: OverlayLayers, field: string): void {
  const { lower, upper, work, size, options } = layers;
  if (!Array.isArray(lower) || lower.length === 0) {
    throw new SpecError(`${field}.lower`, "is a list of directories, the topmost first");
  }
  // OVL_MAX_STACK
  if (lower.length > 500) throw new SpecError(`${field}.lower`, "at most 500 can be stacked");
  lower.forEach((value, index) => checkField(value, `${field}.lower[${index}]`, path));
  if (upper !== undefined) checkField(upper, `${field}.upper`, path);
  if (work !== undefined) {
    checkField(work, `${field}.work`, path);
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

function checkImage(root: ImageRoot): void {
  checkKeys(root, "root", ["image", "readonly", "upper", "size"]);
  if (typeof root.image !== "string" || root.image === "") {
    throw new SpecError("root.image", `${show(root.image)} is not the name of an image`);
  }
  for (const [name, check] of Object.entries({ readonly: flag, upper: path, size })) {
    const value = (root as unknown as Record<string, unknown>)[name];
    if (value !== undefined) checkField(value, `root.${name}`, check);
  }
  if (root.readonly && root.upper !== undefined) {
    throw new SpecError("root.upper", "there are no changes to keep where it is read-only");
  }
  if (root.size !== undefined && (root.readonly || (root.upper ?? "ephemeral") !== "ephemeral")) {
    throw new SpecError("root.size", "goes with ephemeral changes");
  }
}

/** Throws a `SpecError` for a root that is none. */
export function checkRoot(root: RootSpec): void {
  if (root === "host" || root === "empty") return;
  if (isRecord(root) && "overlay" in root) {
    if (!isRecord(root.overlay)) throw new SpecError("root.overlay", "is a mapping with lower");
    checkKeys(root, "root", ["overlay"]);
    checkKeys(root.overlay, "root.overlay", Object.keys(LAYERS));
    return checkLayers((root as OverlayRoot).overlay, "root.overlay");
  }
  if (isRecord(root) && "image" in root) return checkImage(root as unknown as ImageRoot);
  if (!isRecord(root) || path(root.path) !== undefined) {
    throw new SpecError("root", `${show(root)} is none of "host", "empty", a directory, an image`);
  }
  const fields = { ...BIND, ephemeral: flag, size };
  checkKeys(root, "root", ["path", ...Object.keys(fields)]);
  for (const [name, check] of Object.entries(fields)) {
    const value = (root as unknown as Record<string, unknown>)[name];
    if (value !== undefined) checkField(value, `root.${name}`, check);
  }
  const { ephemeral, writable, size: limit, idMap: owners } = root as DirectoryRoot;
  if (ephemeral && writable) {
    throw new SpecError("root.writable", "changes go to the directory, or to memory; not to both");
  }
  if (limit !== undefined && !ephemeral) throw new SpecError("root.size", "goes with ephemeral");
  if (owners !== undefined && ephemeral) {
    throw new SpecError("root.idMap", "does not go with ephemeral");
  }
}
