/**
 * A description as YAML: what is as the safe defaults have it is left out.
 *
 * @module
 */

import { stringify } from "@std/yaml";
import { DEFAULT_SPEC } from "../../defaults.ts";
import { NAMESPACE_KINDS, type SandboxSpec } from "../../spec.ts";
import { sandboxFrom } from "../spec_file.ts";
import { comment, type Converted, Leftovers, same, type Source } from "./conversion.ts";

/** What a file must say so that it describes the sandbox. */
export function fileOf({ spec, hooks }: Source): Record<string, unknown> {
  const { namespaces, mounts, env, root, seccomp, network, ...rest } = spec;
  const file: Record<string, unknown> = {};
  const { command, ...others } = rest;
  if (command !== undefined) file.command = command;
  if (!same(root, DEFAULT_SPEC.root)) {
    file.root = typeof root === "object" && "path" in root && Object.keys(root).length === 1
      ? root.path
      : root;
  }
  const choices = Object.entries(namespaces).filter(([kind, choice = "shared"]) =>
    !same(choice, DEFAULT_SPEC.namespaces[kind as keyof typeof namespaces] ?? "shared") &&
    !(kind === "net" && network !== undefined) &&
    !(kind === "time" && spec.timeOffsets !== undefined)
  );
  if (choices.length > 0) file.namespaces = Object.fromEntries(choices);
  const own = mounts.filter((mount) => !DEFAULT_SPEC.mounts.some((other) => same(other, mount)));
  if (own.length > 0) file.mounts = own;
  for (const [field, value] of Object.entries(others)) {
    const before = DEFAULT_SPEC[field as keyof typeof others];
    const empty = field === "rlimits" && Object.keys(value as object).length === 0;
    if (value !== undefined && !empty && !same(value, before)) {
      file[field] = readable(field, value);
    }
  }
  const set = Object.fromEntries(
    Object.entries(env.set).filter(([name, value]) => DEFAULT_SPEC.env.set[name] !== value),
  );
  const inherit = same(env.inherit, DEFAULT_SPEC.env.inherit) ? undefined : env.inherit;
  if (Object.keys(set).length > 0 || inherit !== undefined) {
    file.env = {
      ...(Object.keys(set).length > 0 ? { set } : {}),
      ...(inherit === undefined ? {} : { inherit }),
    };
  }
  if (seccomp !== undefined && !same(seccomp, DEFAULT_SPEC.seccomp)) {
    file.seccomp = Object.keys(seccomp).length === 1 && typeof seccomp.profile === "string"
      ? seccomp.profile
      : seccomp;
  }
  if (network !== undefined) file.network = network;
  if (hooks.length > 0) file.hooks = hooks;
  return plain(file) as Record<string, unknown>;
}

/** Numbers that a file wants with their units. */
function readable(field: string, value: unknown): unknown {
  if (field === "timeout" && typeof value === "number") return `${value}ms`;
  if (field === "umask" && typeof value === "number") return value.toString(8).padStart(3, "0");
  if (field === "timeOffsets") {
    return Object.fromEntries(
      Object.entries(value as object).map(([clock, time]) => [
        clock,
        typeof time === "number" ? `${time}ms` : time,
      ]),
    );
  }
  return value;
}

/** Without what is undefined, with modes in octal. */
function plain(value: unknown, key = ""): unknown {
  if (value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return value.map((entry) => plain(entry));
  if (key === "mode" && typeof value === "number") return value.toString(8).padStart(4, "0");
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).filter(([_, entry]) => entry !== undefined)
      .map(([name, entry]) => [name, plain(entry, name)]),
  );
}

/** Why a field cannot be said, where that is known. */
const WHY: Readonly<Record<string, string>> = {
  mounts: "a file's mounts come after /proc, /dev, /tmp and /run, which it cannot take out",
  env: "a file's variables come on top of HOME=/tmp, which it cannot take out",
  hostname: "it is paddock where nothing is said",
};

/** Converts it. */
export function toYaml(source: Source): Converted {
  const file = fileOf(source);
  const leftovers = new Leftovers();
  const made = normal(sandboxFrom(file, "/").box.spec);
  const wanted = normal(source.spec);
  for (const field of new Set([...Object.keys(made), ...Object.keys(wanted)])) {
    const [a, b] = [made, wanted].map((spec) => spec[field]);
    if (!same(a, b)) leftovers.add(field, WHY[field] ?? "a file cannot say it");
  }
  return {
    text: comment(leftovers.list, "#", "a file") +
      stringify(file, { useAnchors: false, skipInvalid: true }),
    left: leftovers.list,
  };
}

/** With numbers as a file has them, so that only what differs in meaning differs. */
function normal(spec: SandboxSpec): Record<string, unknown> {
  const { timeout, umask, timeOffsets, namespaces, ...rest } = spec;
  return plain({
    ...rest,
    // What is not mentioned in a description is shared.
    namespaces: Object.fromEntries(
      NAMESPACE_KINDS.map((kind) => [kind, namespaces[kind] ?? "shared"]),
    ),
    timeout: readable("timeout", timeout),
    umask: umask === undefined ? undefined : parseInt(String(readable("umask", umask)), 8),
    timeOffsets: timeOffsets === undefined ? undefined : readable("timeOffsets", timeOffsets),
  }) as Record<string, unknown>;
}
