/**
 * The shape of a description in a file. What a check is, is in `shape/checks.ts`.
 *
 * @module
 */

import { checkNetwork } from "../plan/check_network.ts";
import { NAMESPACE_KINDS, type NetworkSpec, PERSONALITIES } from "../spec.ts";
import { CAPABILITIES } from "../sys/abi/capability.ts";
import {
  bytes,
  type Check,
  dictionary,
  duration,
  either,
  fail,
  flag,
  isRecord,
  list,
  mode,
  number,
  oneOf,
  record,
  text,
  timeLimit,
  whole,
} from "./shape/checks.ts";
import { landlock } from "./shape/landlock.ts";
import { limits, rlimits } from "./shape/limits.ts";
import { mount, root } from "./shape/mounts.ts";

const namespace: Check = (value, field) =>
  isRecord(value)
    ? record(
      { join: either(record({ pid: whole }, ["pid"]), record({ fd: whole }, ["fd"]), text) },
      [
        "join",
      ],
    )(value, field)
    : oneOf("new", "shared")(value, field);

/** A name or a file, or the profile itself, which is checked where it is compiled. */
const profile: Check = (value, field) => isRecord(value) ? undefined : text(value, field);
const seccomp: Check = (value, field) =>
  isRecord(value) ? record({ profile, log: flag })(value, field) : text(value, field);

const ranges = list(
  record({ inside: whole, outside: whole, count: whole }, ["inside", "outside"]),
  1,
);
const same = (names: readonly string[], check: Check) =>
  record(Object.fromEntries(names.map((name) => [name, check])));

/** The whole of it: `SandboxSpec`, and the modules with hooks. */
export const SPEC: Check = record({
  command: list(bytes, 1),
  root,
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
  capabilities: record({ keep: list(oneOf(...Object.keys(CAPABILITIES))), ambient: flag }, [
    "keep",
  ]),
  landlock,
  seccomp,
  rlimits,
  limits,
  nice: number,
  scheduler: record({ policy: text, priority: whole, resetOnFork: flag }, ["policy"]),
  cpuAffinity: text,
  ioPriority: record({ class: text, level: whole }, ["class"]),
  oomScoreAdj: number,
  personality: list(oneOf(...PERSONALITIES)),
  network: (value, field) => {
    if (!isRecord(value)) fail(field, value, "must be a mapping");
    checkNetwork({ mode: "none", ...value } as NetworkSpec);
  },
  timeout: timeLimit,
  tty: either(record({ columns: whole, rows: whole }, ["columns", "rows"]), flag),
  newSession: flag,
  asPid1: flag,
  timeOffsets: record({ monotonic: duration, boottime: duration }),
  hooks: list(text),
});
