/**
 * Makes a sandbox of YAML or JSON files. What they say comes on top of the safe defaults; what they
 * do not mention stays as `sandbox()` has it.
 *
 * @module
 */

import { SpecError } from "../errors.ts";
import { type NamespaceName, Sandbox, sandbox } from "../sandbox.ts";
import type { MountSpec, NamespaceChoice, SandboxSpec, SeccompProfile } from "../spec.ts";
import { loadFiles, loadValue, placed } from "./file/load.ts";
import { samePlace } from "./file/merge.ts";
import type { Origin } from "./file/yaml.ts";
import { optionOf } from "./option_words.ts";
import { readProfile } from "./seccomp_profile.ts";

/** What files hold, once they are checked: a part of a description, and hooks. */
type FileSpec = Partial<Omit<SandboxSpec, "root" | "env" | "namespaces" | "seccomp">> & {
  root?: SandboxSpec["root"] | string;
  env?: Partial<SandboxSpec["env"]>;
  namespaces?: { [kind in NamespaceName]?: NamespaceChoice };
  seccomp?: { profile?: string | SeccompProfile; log?: boolean } | string;
  hooks?: string[];
};

/** What files make. */
export interface FromFiles {
  /** The sandbox. */
  readonly box: Sandbox;
  /** Modules with hooks, to be loaded. */
  readonly hooks: string[];
  /**
   * An error that the sandbox's launch has, with the line that it is about, if there is one and none
   * of these options came after it.
   */
  place(error: unknown, options: readonly string[]): unknown;
}

/** Namespaces first, for what else is default depends on them. */
function withNamespaces(file: FileSpec): Sandbox {
  let box = sandbox();
  if (file.network !== undefined) box = box.network(file.network);
  if (file.timeOffsets !== undefined) box = box.unshare("time");
  for (const [kind, choice] of Object.entries(file.namespaces ?? {})) {
    const name = kind as NamespaceName;
    if (choice === "new") box = box.unshare(name);
    else if (choice === "shared") box = box.share(name);
    else box = box.join(name, choice.join);
  }
  return box;
}

/** The file's mounts come after the default ones, but for those whose place they take. */
function withMounts(defaults: readonly MountSpec[], own: readonly MountSpec[]): MountSpec[] {
  const taken = new Set(own.map(({ target }) => samePlace(target)));
  return [...defaults.filter(({ target }) => !taken.has(target)), ...own];
}

/** A filter by its name, by its file, or as it stands. */
function profileOf(seccomp: NonNullable<FileSpec["seccomp"]>): SandboxSpec["seccomp"] {
  const { profile = "default", ...rest } = typeof seccomp === "string"
    ? { profile: seccomp }
    : seccomp;
  return {
    ...rest,
    profile: profile === "default" || profile === "none" || typeof profile === "object"
      ? profile
      : readProfile(profile, typeof seccomp === "string" ? "seccomp" : "seccomp.profile"),
  };
}

function boxOf(file: FileSpec): Sandbox {
  const { hooks: _, namespaces: _1, network: _2, seccomp, root, ...plain } = file;
  const { hostname, domainname, timeout, ...more } = plain;
  const base = withNamespaces(file).spec;
  let box = Sandbox.from({
    ...base,
    ...more,
    ...(root === undefined ? {} : {
      root: typeof root === "string" && root !== "host" && root !== "empty"
        ? { path: root }
        : root as SandboxSpec["root"],
    }),
    ...(seccomp === undefined ? {} : { seccomp: profileOf(seccomp) }),
    mounts: withMounts(base.mounts, file.mounts ?? []),
    env: {
      set: { ...base.env.set, ...file.env?.set },
      inherit: file.env?.inherit ?? base.env.inherit,
    },
  });
  // By the builder's own methods, for they check.
  if (hostname !== undefined) box = box.hostname(hostname);
  if (domainname !== undefined) box = box.domainname(domainname);
  if (timeout !== undefined) box = box.timeout(timeout);
  return box;
}

/** The error with its line. In the list of all mounts the default ones come first. */
function placedError(error: unknown, file: FileSpec, origin: Origin): unknown {
  if (!(error instanceof SpecError) || origin.children.size === 0) return error;
  const index = /^mounts\[(\d+)\]/.exec(error.field)?.[1];
  let field = error.field;
  if (index !== undefined) {
    const own = file.mounts ?? [];
    const defaults = withMounts(withNamespaces(file).spec.mounts, own).length - own.length;
    if (Number(index) < defaults) return error;
    field = field.replace(/\d+/, String(Number(index) - defaults));
  }
  const [first] = /^\w+/.exec(field) ?? [];
  if (first === undefined || !origin.children.has(first)) return error;
  return placed(new SpecError(field, error.message.slice(error.field.length + 2)), origin);
}

/** The sandbox that a value describes; relative paths in it start at `folder`. */
export function sandboxFrom(value: unknown, folder: string): { box: Sandbox; hooks: string[] } {
  const file = loadValue(value, folder).value as FileSpec;
  return { box: boxOf(file), hooks: file.hooks ?? [] };
}

/** Reads a description from files, each on top of those before it. */
export function readSpecFiles(paths: readonly string[]): FromFiles {
  const { value, origin } = loadFiles(paths);
  const file = value as FileSpec;
  const place: FromFiles["place"] = (error, options) =>
    error instanceof SpecError && options.includes(optionOf(error.field))
      ? error
      : placedError(error, file, origin);
  try {
    return { box: boxOf(file), hooks: file.hooks ?? [], place };
  } catch (error) {
    throw place(error, []);
  }
}
