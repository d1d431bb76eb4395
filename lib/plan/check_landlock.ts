/**
 * Checks the part of a description that is about Landlock.
 *
 * @module
 */

import { SpecError } from "../errors.ts";
import { checkKeys } from "../known_keys.ts";
import { LANDLOCK_ALLOW, LANDLOCK_SCOPES, type LandlockSpec } from "../spec/landlock.ts";
import type { SandboxSpec } from "../spec.ts";
import { isRecord, noneOf, show } from "./check_values.ts";

function checkFlag(value: unknown, field: string): void {
  if (value === undefined || typeof value === "boolean") return;
  throw new SpecError(field, `${show(value)} is neither true nor false`);
}

function checkPath(rule: unknown, field: string): void {
  if (!isRecord(rule)) throw new SpecError(field, `${show(rule)} is not { path, allow }`);
  checkKeys(rule, field, ["path", "allow", "optional"]);
  const { path, allow, optional } = rule;
  if (typeof path !== "string" || !path.startsWith("/") || path.includes("\0")) {
    throw new SpecError(`${field}.path`, `${show(path)} must be an absolute path inside`);
  }
  const names = [allow].flat();
  if (names.length === 0) {
    throw new SpecError(`${field}.allow`, "allows nothing; leave the rule out");
  }
  for (const name of names) {
    if (LANDLOCK_ALLOW.includes(name as string)) continue;
    throw new SpecError(`${field}.allow`, noneOf(name, LANDLOCK_ALLOW));
  }
  checkFlag(optional, `${field}.optional`);
}

function checkPorts(ports: unknown, field: string): void {
  if (ports === undefined) return;
  if (!Array.isArray(ports)) throw new SpecError(field, `${show(ports)} is not a list of ports`);
  for (const port of ports) {
    if (Number.isInteger(port) && port >= 0 && port <= 0xffff) continue;
    throw new SpecError(field, `${show(port)} is not a port from 0 to 65535`);
  }
}

/** Throws a `SpecError` for a rule that is none, or for rules that restrict nothing. */
export function checkLandlock(spec: Pick<SandboxSpec, "landlock">): void {
  const { landlock } = spec;
  if (landlock === undefined || landlock === "from-mounts") return;
  if (!isRecord(landlock)) {
    throw new SpecError("landlock", 'is "from-mounts" or { paths, tcp, scopes, optional }');
  }
  checkKeys(landlock, "landlock", ["paths", "tcp", "scopes", "optional"]);
  const { paths, tcp, scopes, optional } = landlock as LandlockSpec;
  if (paths !== undefined && paths !== "from-mounts") {
    if (!Array.isArray(paths)) {
      throw new SpecError("landlock.paths", `${show(paths)} is neither "from-mounts" nor a list`);
    }
    paths.forEach((rule, index) => checkPath(rule, `landlock.paths[${index}]`));
  }
  if (tcp !== undefined) {
    if (!isRecord(tcp)) {
      throw new SpecError("landlock.tcp", `${show(tcp)} is not { bind, connect }`);
    }
    checkKeys(tcp, "landlock.tcp", ["bind", "connect"]);
    checkPorts(tcp.bind, "landlock.tcp.bind");
    checkPorts(tcp.connect, "landlock.tcp.connect");
  }
  if (scopes !== undefined) {
    if (!Array.isArray(scopes)) throw new SpecError("landlock.scopes", "is a list");
    for (const scope of scopes) {
      if (LANDLOCK_SCOPES.includes(scope)) continue;
      throw new SpecError("landlock.scopes", noneOf(scope, LANDLOCK_SCOPES));
    }
  }
  checkFlag(optional, "landlock.optional");
  const sides = tcp === undefined ? 0 : Object.values(tcp).filter((side) => side).length;
  if (paths === undefined && sides === 0 && (scopes ?? []).length === 0) {
    throw new SpecError("landlock", "restricts nothing; give paths, tcp or scopes");
  }
}
