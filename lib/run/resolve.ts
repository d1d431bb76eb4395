/**
 * Makes a description ready for planning: relative paths become absolute ones, optional mounts
 * whose source is not there are left out and named, the environment is put together.
 *
 * @module
 */

import { resolve } from "@std/path";
import { SpecError } from "../errors.ts";
import { DEFAULT_SPEC } from "../defaults.ts";
import { DEFAULT_PATH } from "./search_path.ts";
import type { CommandLine } from "../plan/command_steps.ts";
import type { HostFacts } from "../plan/facts.ts";
import { hasImage, optionalParts } from "../plan/optional_parts.ts";
import type { IoLimit, MountSpec, OverlayLayers, SandboxSpec } from "../spec.ts";

/** An absolute path inside, without `.`, `..` and double slashes. */
function insidePath(path: string, field: string): string {
  if (typeof path !== "string" || !path.startsWith("/")) {
    throw new SpecError(field, `"${path}" must be an absolute path inside of the sandbox`);
  }
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) throw new SpecError(field, `"${path}" must not contain ".."`);
  if (path.includes("\0")) throw new SpecError(field, "a path cannot hold a NUL byte");
  return `/${parts.join("/")}`;
}

/** A path of the host, from the working directory where it is relative. */
function absolute(path: string, facts: HostFacts): string {
  return resolve(path.startsWith("/") ? "/" : facts.cwd(), path);
}

/** The kernel wants a disk's numbers. makedev(3). */
function deviceNumbers(limit: IoLimit, index: number): IoLimit {
  if (!limit.device.startsWith("/")) return limit;
  const field = `limits.io[${index}].device`;
  let info: Deno.FileInfo;
  try {
    info = Deno.statSync(limit.device);
  } catch {
    throw new SpecError(field, `"${limit.device}" is not there`);
  }
  if (!info.isBlockDevice) throw new SpecError(field, `"${limit.device}" is no block device`);
  const device = BigInt(info.rdev ?? 0);
  const major = (device >> 8n & 0xfffn) | (device >> 32n & 0xfffff000n);
  const minor = (device & 0xffn) | (device >> 12n & 0xffffff00n);
  return { ...limit, device: `${major}:${minor}` };
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    return !(error instanceof Deno.errors.NotFound);
  }
}

/** Layers with absolute paths. */
function layers<Layers extends OverlayLayers>(from: Layers, facts: HostFacts): Layers {
  const { lower, upper, work } = from;
  return {
    ...from,
    lower: lower.map((path) => absolute(path, facts)),
    ...(upper === undefined || upper === "ephemeral" ? {} : { upper: absolute(upper, facts) }),
    ...(work === undefined ? {} : { work: absolute(work, facts) }),
  };
}

/** The description with absolute paths, and the sources of the optional mounts left out. */
export function resolveSpec(
  source: SandboxSpec,
  facts: HostFacts,
): { spec: SandboxSpec; skipped: string[] } {
  // The default one is right as it stands; a test says so.
  if (source !== DEFAULT_SPEC) optionalParts().checkSpec(source);
  const spec = hasImage(source) ? optionalParts().images.withImage(source) : source;
  const skipped: string[] = [];
  const mounts = spec.mounts.flatMap((mount, index): MountSpec[] => {
    const target = insidePath(mount.target, `mounts[${index}].target`);
    if (mount.kind === "overlay") return [{ ...layers(mount, facts), target }];
    if (mount.kind !== "bind") {
      if (target === "/") {
        throw new SpecError(`mounts[${index}].target`, 'nothing can be put over "/"; see root()');
      }
      return [{ ...mount, target }];
    }
    if (target === "/") {
      throw new SpecError(`mounts[${index}].target`, "use root() to make a directory the root");
    }
    if (typeof mount.source === "object") return [{ ...mount, target }];
    if (mount.source === "" || mount.source.includes("\0")) {
      throw new SpecError(`mounts[${index}].source`, `"${mount.source}" is not a path`);
    }
    const source = absolute(mount.source, facts);
    if (mount.optional && !exists(source)) {
      skipped.push(source);
      return [];
    }
    return [{ ...mount, source, target }];
  });
  const root = typeof spec.root === "string" || "image" in spec.root
    ? spec.root
    : "overlay" in spec.root
    ? { ...spec.root, overlay: layers(spec.root.overlay, facts) }
    : { ...spec.root, path: absolute(spec.root.path, facts) };
  const limits = spec.limits?.io === undefined
    ? spec.limits
    : { ...spec.limits, io: spec.limits.io.map(deviceNumbers) };
  const cwd = spec.cwd === undefined ? undefined : insidePath(spec.cwd, "cwd");
  return { spec: { ...spec, mounts, root, cwd, limits }, skipped };
}

/** `NAME=value` of every variable that the command gets. */
export function environment(spec: SandboxSpec, facts: HostFacts): (string | Uint8Array)[] {
  const { set, inherit } = spec.env;
  const values = new Map<string, string | Uint8Array>();
  for (const name of inherit === "all" ? facts.envNames() : inherit) {
    const value = facts.env(name);
    if (value !== undefined) values.set(name, value);
  }
  for (const [name, value] of Object.entries(set)) {
    if (name === "" || name.includes("=") || name.includes("\0")) {
      throw new SpecError("env", `"${name}" cannot be the name of a variable`);
    }
    if (value.includes("\0" as never) || (typeof value !== "string" && value.includes(0))) {
      throw new SpecError(`env.${name}`, "a value cannot hold a NUL byte");
    }
    values.set(name, value);
  }
  return Array.from(values, ([name, value]) => {
    if (typeof value === "string") return `${name}=${value}`;
    const prefix = new TextEncoder().encode(`${name}=`);
    const bytes = new Uint8Array(prefix.length + value.length);
    bytes.set(prefix);
    bytes.set(value, prefix.length);
    return bytes;
  });
}

/** The command line as it is to be executed. */
export function commandLine(
  spec: SandboxSpec,
  facts: HostFacts,
  argv: readonly (string | Uint8Array)[],
): CommandLine {
  const path = spec.env.set.PATH ??
    (spec.env.inherit === "all" || spec.env.inherit.includes("PATH")
      ? facts.env("PATH")
      : undefined);
  return {
    argv,
    env: environment(spec, facts),
    searchPath: typeof path === "string" && path !== "" ? path : DEFAULT_PATH,
  };
}
