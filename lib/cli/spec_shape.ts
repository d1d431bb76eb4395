/**
 * The shape of a description in a file, and the check of it: a key that is not known is an error
 * that names it, so that a misspelt option is not silently left out.
 *
 * @module
 */

import { SpecError } from "../errors.ts";
import { parseDuration, parseMode, parseSize } from "../quantity.ts";
import { NAMESPACE_KINDS } from "../spec.ts";
import { nearest } from "./nearest.ts";
import { RLIMIT_NAMES } from "./values.ts";

/** Throws a `SpecError` that names `field` if the value is not right. */
type Check = (value: unknown, field: string) => void;

/** How a value is quoted in an error. */
function quote(value: unknown): string {
  return value === undefined ? "nothing" : JSON.stringify(value) ?? String(value);
}

function fail(field: string, value: unknown, remedy: string): never {
  throw new SpecError(field, `${quote(value)} ${remedy}`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !(value instanceof Uint8Array) && !(value instanceof Date);
}

/** A mapping with these keys; those in `needed` must be there. */
function record(keys: Record<string, Check>, needed: readonly string[] = []): Check {
  return (value, field) => {
    if (!isRecord(value)) fail(field, value, `must be a mapping of ${Object.keys(keys)}`);
    const at = (key: string) => field === "" ? key : `${field}.${key}`;
    for (const key of Object.keys(value)) {
      if (Object.hasOwn(keys, key)) continue;
      const known = Object.keys(keys);
      const near = nearest(key, known);
      throw new SpecError(
        at(key),
        `there is no such key; ${
          near === undefined ? `known: ${known.join(", ")}` : `did you mean "${near}"?`
        }`,
      );
    }
    for (const key of needed) {
      if (value[key] === undefined) throw new SpecError(at(key), "is missing");
    }
    for (const [key, entry] of Object.entries(value)) keys[key]!(entry, at(key));
  };
}

/** A mapping with any keys. */
function dictionary(check: Check): Check {
  return (value, field) => {
    if (!isRecord(value)) fail(field, value, "must be a mapping");
    for (const [key, entry] of Object.entries(value)) check(entry, `${field}.${key}`);
  };
}

function list(check: Check, least = 0): Check {
  return (value, field) => {
    if (!Array.isArray(value)) fail(field, value, "must be a list");
    if (value.length < least) fail(field, value, "must not be empty");
    value.forEach((entry, index) => check(entry, `${field}[${index}]`));
  };
}

/** One of several; the last one's error is what is told. */
function either(...checks: Check[]): Check {
  return (value, field) => {
    for (const check of checks.slice(0, -1)) {
      try {
        return check(value, field);
      } catch { /* the next one may take it */ }
    }
    checks.at(-1)!(value, field);
  };
}

const text: Check = (value, field) => {
  if (typeof value === "string") return;
  const scalar = ["number", "boolean"].includes(typeof value) || value instanceof Date;
  fail(field, value, scalar ? "must be a text; put it in quotes" : "must be a text");
};
const bytes: Check = (value, field) => value instanceof Uint8Array ? undefined : text(value, field);
const flag: Check = (value, field) => {
  if (typeof value !== "boolean") fail(field, value, "must be true or false");
};
const whole: Check = (value, field) => {
  if (!Number.isSafeInteger(value) || value as number < 0) fail(field, value, "must be a number");
};
const size: Check = (value, field) => void parseSize(value as string, field);
const duration: Check = (value, field) => void parseDuration(value as string, field);
const mode: Check = (value, field) => {
  // 0755 in YAML is 493, and 755 is 755; whichever was meant, quotes make it clear.
  if (typeof value !== "string") fail(field, value, 'must be octal digits in quotes, e.g. "0755"');
  parseMode(value, field);
};
const oneOf = (...words: string[]): Check => (value, field) => {
  if (words.includes(value as string)) return;
  const near = typeof value === "string" ? nearest(value, words) : undefined;
  const hint = near === undefined ? "" : `; did you mean "${near}"?`;
  fail(field, value, `is none of ${words.join(", ")}${hint}`);
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
  tmpfs: record({ kind: text, target: text, size, mode }, ["target"]),
  proc: record({ kind: text, target: text }, ["target"]),
  dev: record({ kind: text, target: text }, ["target"]),
  symlink: record({ kind: text, source: text, target: text }, ["source", "target"]),
  dir: record({ kind: text, target: text, mode }, ["target"]),
  file: record({ kind: text, target: text, contents: bytes, mode }, ["target", "contents"]),
};

const mount: Check = (value, field) => {
  if (!isRecord(value)) fail(field, value, 'must be a mapping with a "kind"');
  oneOf(...Object.keys(MOUNTS))(value.kind, `${field}.kind`);
  MOUNTS[value.kind as string]!(value, field);
};

const namespace: Check = (value, field) =>
  isRecord(value)
    ? record(
      { join: either(record({ pid: whole }, ["pid"]), record({ fd: whole }, ["fd"]), text) },
      [
        "join",
      ],
    )(value, field)
    : oneOf("new", "shared")(value, field);

const ranges = list(
  record({ inside: whole, outside: whole, count: whole }, ["inside", "outside"]),
  1,
);
const limit = either(whole, oneOf("unlimited"));
const same = (names: readonly string[], check: Check) =>
  record(Object.fromEntries(names.map((name) => [name, check])));

/** The whole of it: `SandboxSpec`, and the modules with hooks. */
export const SPEC: Check = record({
  command: list(bytes, 1),
  root: (value, field) =>
    isRecord(value)
      ? record({ path: text, writable: flag }, ["path"])(value, field)
      : text(value, field),
  mounts: list(mount),
  namespaces: same([...NAMESPACE_KINDS, "mnt", "network"], namespace),
  user: record({ uid: whole, gid: whole, groups: list(whole) }, ["uid"]),
  idMap: (value, field) =>
    isRecord(value)
      ? record({ uids: ranges, gids: ranges }, ["uids", "gids"])(value, field)
      : oneOf("auto")(value, field),
  hostname: text,
  domainname: text,
  env: record({
    set: dictionary(bytes),
    inherit: (value, field) =>
      Array.isArray(value) ? list(text)(value, field) : oneOf("all")(value, field),
  }),
  cwd: text,
  umask: mode,
  rlimits: same(
    RLIMIT_NAMES,
    (value, field) =>
      isRecord(value)
        ? record({ soft: limit, hard: limit }, ["soft", "hard"])(value, field)
        : limit(value, field),
  ),
  network: record({ mode: oneOf("none", "host") }, ["mode"]),
  timeout: duration,
  tty: either(record({ columns: whole, rows: whole }, ["columns", "rows"]), flag),
  newSession: flag,
  asPid1: flag,
  timeOffsets: record({ monotonic: duration, boottime: duration }),
  hooks: list(text),
});
