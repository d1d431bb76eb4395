/**
 * Checks that a description has the types it declares. TypeScript does that for those who write
 * TypeScript; a kind that is not known, or an `"of"` for `"off"`, must not be passed over silently
 * for anybody else.
 *
 * @module
 */

import { SpecError } from "../errors.ts";
import { checkKeys } from "../known_keys.ts";
import { parseDuration } from "../quantity.ts";
import { type JoinTarget, NAMESPACE_KINDS, type SandboxSpec } from "../spec.ts";
import { RLIMITS } from "../sys/abi/resource.ts";
import { checkNetwork } from "./check_network.ts";
import { checkLandlock } from "./check_landlock.ts";
import { checkLimits } from "./check_limits.ts";
import { checkCapabilities, checkSeccomp } from "./check_privileges.ts";
import { checkIdMapKeys, checkMount, checkRoot } from "./mounts/check.ts";
import { checkScheduling } from "./check_scheduling.ts";
import { isRecord, show } from "./check_values.ts";

function checkNamespaces(spec: SandboxSpec): void {
  for (const [kind, choice] of Object.entries(spec.namespaces)) {
    const field = `namespaces.${kind}`;
    if (!NAMESPACE_KINDS.includes(kind as never)) {
      throw new SpecError(field, `there is no such kind; known: ${NAMESPACE_KINDS.join(", ")}`);
    }
    if (choice === undefined || choice === "new" || choice === "shared") continue;
    const target: unknown = isRecord(choice) ? choice.join : undefined;
    const number = isRecord(target) ? target.pid ?? target.fd : undefined;
    if (typeof target !== "string" && !(Number.isSafeInteger(number) && number as number >= 0)) {
      throw new SpecError(
        field,
        'is "new", "shared" or { join: a path, { pid } or { fd } }',
      );
    }
    checkKeys(choice as object, field, ["join"]);
    checkTarget(target as JoinTarget, `${field}.join`);
  }
}

/** A path, or one of a process and a descriptor: with both it would not be clear who wins. */
function checkTarget(target: JoinTarget, field: string): void {
  if (typeof target === "string") return;
  checkKeys(target, field, ["pid", "fd"]);
  if ("pid" in target && "fd" in target) {
    throw new SpecError(field, "is a process or a descriptor, not both");
  }
}

function checkRlimits(spec: SandboxSpec): void {
  for (const [name, value] of Object.entries(spec.rlimits)) {
    const field = `rlimits.${name}`;
    if (!(`RLIMIT_${name.toUpperCase()}` in RLIMITS)) {
      throw new SpecError(field, "there is no such limit; see getrlimit(2)");
    }
    if (isRecord(value)) checkKeys(value, field, ["soft", "hard"]);
    const [soft, hard] = isRecord(value) ? [value.soft, value.hard] : [value, value];
    for (const limit of [soft, hard]) {
      if (limit === "unlimited" || (Number.isSafeInteger(limit) && limit as number >= 0)) continue;
      throw new SpecError(field, `${show(limit)} is neither a number nor "unlimited"`);
    }
    const most = hard === "unlimited" ? Infinity : hard as number;
    if ((soft === "unlimited" ? Infinity : soft as number) > most) {
      throw new SpecError(field, `the soft limit ${soft} is above the hard one, ${hard}`);
    }
  }
}

function checkScalars(spec: SandboxSpec): void {
  for (const field of ["tty", "newSession", "asPid1"] as const) {
    const value = spec[field];
    if (typeof value === "boolean" || (field === "tty" && isRecord(value))) continue;
    throw new SpecError(field, `${show(value)} is neither true nor false`);
  }
  for (const field of ["hostname", "domainname"] as const) {
    const name = spec[field];
    if (name !== undefined && typeof name !== "string") {
      throw new SpecError(field, `${show(name)} is not a text`);
    }
  }
  const { tty, user, timeOffsets, network, timeout } = spec;
  if (isRecord(tty)) checkKeys(tty, "tty", ["columns", "rows"]);
  if (user !== undefined) {
    if (!isRecord(user)) throw new SpecError("user", `${show(user)} is not { uid, gid, groups }`);
    checkKeys(user, "user", ["uid", "gid", "groups"]);
  }
  if (timeOffsets !== undefined) {
    if (!isRecord(timeOffsets)) {
      throw new SpecError("timeOffsets", `${show(timeOffsets)} is not { monotonic, boottime }`);
    }
    checkKeys(timeOffsets, "timeOffsets", ["monotonic", "boottime"]);
  }
  if (network !== undefined) checkNetwork(network);
  if (timeout !== undefined && parseDuration(timeout, "timeout") <= 0) {
    throw new SpecError("timeout", "must be positive; for no limit, leave it out");
  }
}

const FIELDS: Record<keyof SandboxSpec, true> = {
  command: true,
  root: true,
  mounts: true,
  namespaces: true,
  user: true,
  idMap: true,
  hostname: true,
  domainname: true,
  env: true,
  cwd: true,
  umask: true,
  capabilities: true,
  landlock: true,
  seccomp: true,
  rlimits: true,
  limits: true,
  nice: true,
  scheduler: true,
  cpuAffinity: true,
  ioPriority: true,
  oomScoreAdj: true,
  personality: true,
  network: true,
  timeout: true,
  tty: true,
  newSession: true,
  asPid1: true,
  timeOffsets: true,
};

/** Throws a `SpecError` for a field that is not known, or a value of the wrong type. */
export function checkSpec(spec: SandboxSpec): void {
  checkKeys(spec, "", Object.keys(FIELDS));
  const { idMap, env } = spec;
  checkRoot(spec.root);
  checkScalars(spec);
  if (!Array.isArray(spec.mounts)) throw new SpecError("mounts", "is a list");
  spec.mounts.forEach((mount, index) => checkMount(mount, `mounts[${index}]`));
  checkNamespaces(spec);
  checkCapabilities(spec.capabilities);
  checkLandlock(spec);
  checkSeccomp(spec.seccomp);
  checkRlimits(spec);
  checkScheduling(spec);
  checkLimits(spec.limits);
  if (idMap !== undefined && idMap !== "auto") {
    for (const side of ["uids", "gids"] as const) {
      if (!isRecord(idMap) || !Array.isArray(idMap[side])) {
        throw new SpecError(`idMap.${side}`, 'an id map is "auto" or lists of ranges');
      }
    }
    checkIdMapKeys(idMap, "idMap");
  }
  if (isRecord(env)) checkKeys(env, "env", ["set", "inherit"]);
  if (!isRecord(env?.set)) throw new SpecError("env.set", "is a mapping of names to values");
  if (env.inherit !== "all" && !Array.isArray(env.inherit)) {
    throw new SpecError("env.inherit", 'is "all" or a list of names');
  }
  for (const [name, value] of Object.entries(env.set)) {
    if (typeof value !== "string" && !((value as unknown) instanceof Uint8Array)) {
      throw new SpecError(`env.${name}`, `${show(value)} is neither text nor bytes`);
    }
  }
}
