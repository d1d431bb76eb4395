/**
 * The shape of the mount list and of the root in a file.
 *
 * @module
 */

import type { MountSpec } from "../../spec.ts";
import {
  bytes,
  type Check,
  dictionary,
  either,
  fail,
  flag,
  isRecord,
  list,
  mode,
  oneOf,
  record,
  size,
  text,
  whole,
} from "./checks.ts";

const LAYERS: Record<string, Check> = {
  lower: list(text, 1),
  upper: text,
  work: text,
  size,
  options: dictionary(text),
};

const FLAGS: Record<string, Check> = {
  nosuid: flag,
  nodev: flag,
  noexec: flag,
  nosymfollow: flag,
};

const OWNER: Record<string, Check> = { uid: whole, gid: whole };

const ranges = list(
  record({ inside: whole, outside: whole, count: whole }, ["inside", "outside"]),
  1,
);
const idMap = record({ uids: ranges, gids: ranges }, ["uids", "gids"]);

/** A mount of these keys. */
function shape(keys: Record<string, Check>, needed: readonly string[] = []): Check {
  return record({ kind: text, target: text, ...keys }, ["target", ...needed]);
}

const MOUNTS: { readonly [Kind in MountSpec["kind"]]: Check } = {
  bind: shape({
    ...FLAGS,
    source: either(record({ fd: whole }, ["fd"]), text),
    writable: flag,
    devices: flag,
    optional: flag,
    recursive: flag,
    propagation: oneOf("private", "slave", "shared", "unbindable"),
    idMap,
  }, ["source"]),
  overlay: shape({ ...FLAGS, ...LAYERS }, ["lower"]),
  tmpfs: shape({ ...FLAGS, ...OWNER, size, inodes: whole, mode }),
  proc: shape({
    hidepid: oneOf("off", "noaccess", "invisible", "ptraceable"),
    subset: oneOf("pid"),
  }),
  dev: shape({}),
  devpts: shape({ mode, gid: whole, max: whole }),
  mqueue: shape({}),
  sysfs: shape({}),
  cgroupfs: shape({ writable: flag }),
  filesystem: shape({
    ...FLAGS,
    type: text,
    source: text,
    writable: flag,
    options: dictionary(either(whole, flag, text)),
  }, ["type"]),
  symlink: shape({ source: text }, ["source"]),
  dir: shape({ ...OWNER, mode }),
  file: shape({ ...OWNER, contents: bytes, mode }, ["contents"]),
  mask: shape({ optional: flag }),
  readonly: shape({ optional: flag }),
};

/** An entry of the mount list. */
export const mount: Check = (value, field) => {
  if (!isRecord(value)) fail(field, value, 'must be a mapping with a "kind"');
  oneOf(...Object.keys(MOUNTS))(value.kind, `${field}.kind`);
  MOUNTS[value.kind as MountSpec["kind"]](value, field);
};

/** What `/` is. */
export const root: Check = (value, field) =>
  !isRecord(value)
    ? text(value, field)
    : "overlay" in value
    ? record({ overlay: record(LAYERS, ["lower"]) })(value, field)
    : "image" in value
    ? record({ image: text, readonly: flag, upper: text, size }, ["image"])(value, field)
    : record({ path: text, writable: flag, ephemeral: flag, size, idMap }, ["path"])(value, field);
