/**
 * Reads the values of options: each function takes one text apart, or throws a `SpecError` that
 * quotes it and says how it should look.
 *
 * @module
 */

import { SpecError } from "../errors.ts";
import type { BindOptions } from "../sandbox.ts";
import { nearest } from "../nearest.ts";
import { parseSize } from "../quantity.ts";
import type {
  FilesystemMount,
  IdRange,
  IoLimit,
  JoinTarget,
  OverlayLayers,
  RlimitName,
  RlimitValue,
  RootSpec,
} from "../spec.ts";

/** All resource limits by their names. */
export const RLIMIT_NAMES: readonly RlimitName[] = [
  "as",
  "core",
  "cpu",
  "data",
  "fsize",
  "locks",
  "memlock",
  "msgqueue",
  "nice",
  "nofile",
  "nproc",
  "rss",
  "rtprio",
  "rttime",
  "sigpending",
  "stack",
];

/** The error of a value; the parser puts the option's name in front. */
function wrong(value: string, remedy: string): SpecError {
  return new SpecError("value", `"${value}" ${remedy}`);
}

/** Parts between colons; `\:` is a colon that divides nothing. */
function parts(value: string): string[] {
  return value.split(/(?<!\\):/).map((part) => part.replaceAll("\\:", ":"));
}

/** An absolute path inside of the sandbox. */
export function insidePath(path: string): string {
  if (path.startsWith("/")) return path;
  throw wrong(path, "must be an absolute path inside of the sandbox");
}

/** What a bind's flags mean. */
const BIND_FLAGS: Readonly<Record<string, BindOptions>> = {
  ro: {},
  rw: { writable: true },
  dev: { devices: true },
  suid: { nosuid: false },
  noexec: { noexec: true },
  nosymfollow: { nosymfollow: true },
  norecursive: { recursive: false },
  private: { propagation: "private" },
  slave: { propagation: "slave" },
  shared: { propagation: "shared" },
  unbindable: { propagation: "unbindable" },
};

/** `SRC[:DST][:rw]`: flags come last, by commas. */
export function bindValue(
  value: string,
  cwd: () => string,
): { source: string; target: string; options: BindOptions } {
  const [source, ...rest] = parts(value);
  if (source === "" || source === undefined) throw wrong(value, "has no source; write SRC[:DST]");
  let options: BindOptions = {};
  let target: string | undefined;
  for (const [index, part] of rest.entries()) {
    if (index === 0 && part.startsWith("/")) target = part;
    else if (index === rest.length - 1) {
      for (const flag of part.split(",")) {
        if (!Object.hasOwn(BIND_FLAGS, flag)) {
          const known = Object.keys(BIND_FLAGS).join(", ");
          throw wrong(
            value,
            `has "${flag}", which is neither an absolute path nor one of ${known}`,
          );
        }
        options = { ...options, ...BIND_FLAGS[flag] };
      }
    } else throw wrong(value, "has too many parts; write SRC[:DST][:rw], and \\: for a colon");
  }
  return { source, target: target ?? absolute(source, cwd), options };
}

/** A path of the host made absolute, for it is the target too. */
function absolute(path: string, cwd: () => string): string {
  const names: string[] = [];
  for (const name of (path.startsWith("/") ? path : `${cwd()}/${path}`).split("/")) {
    if (name === "..") names.pop();
    else if (name !== "" && name !== ".") names.push(name);
  }
  return `/${names.join("/")}`;
}

/** `DST[:key=value,..]` with the keys that are allowed. */
export function placeValue<Key extends string>(
  value: string,
  keys: readonly Key[],
): { target: string; options: { [key in Key]?: string } } {
  const [target = "", settings, ...more] = parts(value);
  if (more.length > 0) throw wrong(value, `has too many parts; write DST[:${keys[0]}=..]`);
  const options: { [key in Key]?: string } = {};
  for (const setting of settings === undefined ? [] : settings.split(",")) {
    const [key, text] = pair(setting, "=", `DST:${keys.map((it) => `${it}=..`).join(",")}`);
    if (!keys.includes(key as Key)) throw wrong(value, `has "${key}"; known: ${keys.join(", ")}`);
    options[key as Key] = text;
  }
  return { target: insidePath(target), options };
}

/** `DST:lower=DIR[,lower=DIR..][,upper=DIR|ephemeral][,work=DIR][,size=..]`; `\,` is a comma. */
export function overlayValue(value: string): { target: string; layers: OverlayLayers } {
  const shape = "DST:lower=DIR[,lower=DIR][,upper=DIR|ephemeral][,work=DIR][,size=..]";
  const [target = "", settings, ...more] = parts(value);
  if (settings === undefined || more.length > 0) throw wrong(value, `should be ${shape}`);
  const layers: OverlayLayers = { lower: [] };
  for (const setting of settings.split(/(?<!\\),/)) {
    const [key, text] = pair(setting.replaceAll("\\,", ","), "=", shape);
    if (key === "lower") layers.lower.push(text);
    else if (key === "upper" || key === "work" || key === "size") layers[key] = text;
    else throw wrong(value, `has "${key}"; known: lower, upper, work, size`);
  }
  if (layers.lower.length === 0) throw wrong(value, `has no layer; write ${shape}`);
  return { target: insidePath(target), layers };
}

/** `type=TYPE,target=DST[,source=SRC][,rw][,NAME=VALUE|NAME..]`: the rest is the type's own. */
export function filesystemValue(value: string): Omit<FilesystemMount, "kind"> {
  const words: Record<string, string> = {};
  const options: Record<string, string | true> = {};
  const mount: { writable?: boolean } = {};
  for (const setting of value.split(/(?<!\\),/).map((part) => part.replaceAll("\\,", ","))) {
    if (setting === "rw") mount.writable = true;
    else if (!setting.includes("=")) options[setting] = true;
    else {
      const [key, text] = pair(setting, "=", "type=TYPE,target=DST[,source=SRC][,rw][,NAME=VALUE]");
      if (["type", "target", "source"].includes(key)) words[key] = text;
      else options[key] = text;
    }
  }
  const { type, target, source } = words;
  if (type === undefined || target === undefined) throw wrong(value, "needs type=.. and target=..");
  return {
    type,
    ...(source === undefined ? {} : { source }),
    target: insidePath(target),
    ...mount,
    ...(Object.keys(options).length === 0 ? {} : { options }),
  };
}

/** A number that is not negative. */
export function wholeValue(text: string, key: string): number {
  return number(text, text, key);
}

/** Two texts with a sign between them, the first not empty. */
export function pair(value: string, sign: string, shape: string): [string, string] {
  const at = value.indexOf(sign);
  if (at < 1) throw wrong(value, `should be ${shape}`);
  return [value.slice(0, at), value.slice(at + 1)];
}

function number(text: string, value: string, what: string): number {
  if (/^\d{1,10}$/.test(text) && Number(text) <= 0xffff_ffff) return Number(text);
  throw wrong(value, `should be ${what}, in numbers`);
}

/** `UID[:GID]`. */
export function userValue(value: string): [number, number?] {
  const [uid, gid, ...more] = value.split(":");
  if (more.length > 0) throw wrong(value, "should be UID[:GID]");
  const first = number(uid!, value, "UID[:GID]");
  return gid === undefined ? [first] : [first, number(gid, value, "UID[:GID]")];
}

/** `[uid:|gid:]INSIDE:OUTSIDE[:COUNT]`: without a word, for users and groups. */
export function idRangeValue(value: string): { uids: IdRange[]; gids: IdRange[] } {
  const shape = "auto or [uid:|gid:]INSIDE:OUTSIDE[:COUNT]";
  const words = value.split(":");
  const only = words[0] === "uid" || words[0] === "gid" ? words.shift() : undefined;
  if (words.length < 2 || words.length > 3) throw wrong(value, `should be ${shape}`);
  const [inside, outside, count = 1] = words.map((word) => number(word, value, shape));
  const range = { inside: inside!, outside: outside!, count };
  return { uids: only === "gid" ? [] : [range], gids: only === "uid" ? [] : [range] };
}

/** `KIND=TARGET`, where a target is a path, `pid:N` or `fd:N`. */
export function joinValue(value: string): [string, JoinTarget] {
  const [kind, target] = pair(value, "=", "KIND=PATH, KIND=pid:N or KIND=fd:N");
  const word = /^(pid|fd):(.*)$/.exec(target);
  if (word === null) {
    if (target === "") {
      throw wrong(value, "has no target; write KIND=PATH, KIND=pid:N or KIND=fd:N");
    }
    return [kind, target];
  }
  const id = number(word[2]!, value, `KIND=${word[1]}:N`);
  return [kind, word[1] === "pid" ? { pid: id } : { fd: id }];
}

/** A whole number, maybe below zero. */
export function numberValue(value: string): number {
  if (!/^-?\d{1,10}$/.test(value)) throw wrong(value, "is not a whole number");
  return Number(value);
}

/** A number that may have a fraction. */
export function decimalValue(value: string): number {
  if (!/^\d{1,10}(\.\d+)?$/.test(value)) throw wrong(value, "is not a number, e.g. 0.5");
  return Number(value);
}

/** `DEVICE:KEY=N,..`; a device may be `8:0`, so the keys begin at the last colon. */
export function ioValue(value: string): IoLimit {
  const shape = "DEVICE:rbps=N,wbps=N,riops=N,wiops=N";
  const at = value.lastIndexOf(":");
  if (at < 1) throw wrong(value, `should be ${shape}`);
  const limit: IoLimit = { device: value.slice(0, at) };
  for (const setting of value.slice(at + 1).split(",")) {
    const [key, rate] = pair(setting, "=", shape);
    if (key === "rbps" || key === "wbps") limit[key] = rate;
    else if (key === "riops" || key === "wiops") limit[key] = numberValue(rate);
    else throw wrong(value, `has "${key}"; known: rbps, wbps, riops, wiops`);
  }
  return limit;
}

function limit(text: string): number | "unlimited" {
  return text === "unlimited" ? text : parseSize(text, "value");
}

/** `NAME=VALUE[:HARD]`; a value may be `unlimited`, or have a unit as sizes have. */
export function rlimitValue(value: string): [RlimitName, RlimitValue] {
  const [name, text] = pair(value, "=", "NAME=VALUE[:HARD]");
  if (!RLIMIT_NAMES.includes(name as RlimitName)) {
    const near = nearest(name, RLIMIT_NAMES);
    throw wrong(
      name,
      `is no resource limit; ${
        near === undefined ? `known: ${RLIMIT_NAMES.join(", ")}` : `did you mean "${near}"?`
      }`,
    );
  }
  const [soft, hard, ...more] = text.split(":");
  if (more.length > 0) throw wrong(value, "should be NAME=VALUE[:HARD]");
  const limits = hard === undefined ? limit(soft!) : { soft: limit(soft!), hard: limit(hard) };
  return [name as RlimitName, limits];
}

/** Words between commas. */
export function listValue(value: string): string[] {
  const words = value.split(",").filter((word) => word !== "");
  if (words.length === 0) throw wrong(value, "names nothing");
  return words;
}

/** `host`, `empty`, a directory, or an image: whatever looks like a path is one. */
export function rootValue(value: string): RootSpec {
  if (value === "") throw wrong(value, "is no root; give host, empty, a directory or an image");
  if (value === "host" || value === "empty") return value;
  if (/^\.{0,2}\//.test(value) || value === "." || value === "..") return { path: value };
  try {
    if (Deno.statSync(value).isDirectory) return { path: value };
  } catch { /* no file of that name: an image */ }
  return { image: value };
}

/** A root whose changes are in memory. */
export function overlaidRoot(root: RootSpec): RootSpec {
  if (typeof root === "string") {
    throw new SpecError("--overlay-root", "needs a directory or an image: --root DIR or IMAGE");
  }
  if ("image" in root) return { ...root, readonly: false };
  if ("overlay" in root) {
    return { overlay: { ...root.overlay, upper: root.overlay.upper ?? "ephemeral" } };
  }
  return { overlay: { lower: [root.path], upper: "ephemeral" } };
}
