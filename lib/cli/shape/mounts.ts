/**
 * The shape of the mount list and of the root in a file.
 *
 * @module
 */

import {
  bytes,
  type Check,
  dictionary,
  fail,
  flag,
  isRecord,
  list,
  mode,
  oneOf,
  record,
  size,
  text,
} from "./checks.ts";

const LAYERS: Record<string, Check> = {
  lower: list(text, 1),
  upper: text,
  work: text,
  size,
  options: dictionary(text),
};

const MOUNTS: Record<string, Check> = {
  bind: record({
    kind: text,
    source: text,
    target: text,
    writable: flag,
    devices: flag,
    optional: flag,
  }, ["source", "target"]),
  overlay: record({ kind: text, target: text, ...LAYERS }, ["target", "lower"]),
  tmpfs: record({ kind: text, target: text, size, mode }, ["target"]),
  proc: record({ kind: text, target: text }, ["target"]),
  dev: record({ kind: text, target: text }, ["target"]),
  symlink: record({ kind: text, source: text, target: text }, ["source", "target"]),
  dir: record({ kind: text, target: text, mode }, ["target"]),
  file: record({ kind: text, target: text, contents: bytes, mode }, ["target", "contents"]),
};

/** An entry of the mount list. */
export const mount: Check = (value, field) => {
  if (!isRecord(value)) fail(field, value, 'must be a mapping with a "kind"');
  oneOf(...Object.keys(MOUNTS))(value.kind, `${field}.kind`);
  MOUNTS[value.kind as string]!(value, field);
};

/** What `/` is. */
export const root: Check = (value, field) =>
  !isRecord(value)
    ? text(value, field)
    : "overlay" in value
    ? record({ overlay: record(LAYERS, ["lower"]) })(value, field)
    : record({ path: text, writable: flag }, ["path"])(value, field);
