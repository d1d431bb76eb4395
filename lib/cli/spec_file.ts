/**
 * Reads a sandbox's description from a YAML or JSON file. What the file says comes on top of the
 * safe defaults; what it does not mention stays as `sandbox()` has it.
 *
 * @module
 */

import { dirname, resolve } from "@std/path";
import { parse } from "@std/yaml";
import { SpecError } from "../errors.ts";
import { type NamespaceName, Sandbox, sandbox } from "../sandbox.ts";
import type {
  ImageRoot,
  MountSpec,
  NamespaceChoice,
  OverlayLayers,
  SandboxSpec,
  SeccompProfile,
} from "../spec.ts";
import { readProfile } from "./seccomp_profile.ts";
import { SPEC } from "./spec_shape.ts";

/** What a file holds, once it is checked: a part of a description, and hooks. */
type FileSpec = Partial<Omit<SandboxSpec, "root" | "env" | "namespaces" | "seccomp">> & {
  root?: SandboxSpec["root"] | string;
  env?: Partial<SandboxSpec["env"]>;
  namespaces?: { [kind in NamespaceName]?: NamespaceChoice };
  seccomp?: { profile?: string | SeccompProfile; log?: boolean } | string;
  hooks?: string[];
};

/** All of standard input; the command then finds its end. */
function readInput(): string {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  const chunk = new Uint8Array(65536);
  for (let count; (count = Deno.stdin.readSync(chunk)) !== null;) {
    chunks.push(chunk.slice(0, count));
  }
  const all = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  chunks.reduce((at, piece) => (all.set(piece, at), at + piece.length), 0);
  return new TextDecoder().decode(all);
}

function read(path: string): unknown {
  let content: string;
  try {
    content = path === "-" ? readInput() : Deno.readTextFileSync(path);
  } catch (error) {
    const why = error instanceof Deno.errors.NotFound ? "it is not there" : String(error);
    throw new SpecError("--file", `"${path}" cannot be read: ${why}`);
  }
  try {
    // JSON is YAML, but YAML's reader takes five times as long.
    return /^\s*\{/.test(content) && /^-$|\.json$/.test(path)
      ? JSON.parse(content)
      : parse(content);
  } catch (error) {
    throw new SpecError("--file", `"${path}": ${(error as Error).message}`);
  }
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
  const taken = new Set(own.map(({ target }) => target.replace(/(?<=.)\/+$/, "")));
  return [...defaults.filter(({ target }) => !taken.has(target)), ...own];
}

function locatedLayers<Layers extends OverlayLayers>(layers: Layers, folder: string): Layers {
  const { lower, upper, work } = layers;
  return {
    ...layers,
    lower: lower.map((path) => resolve(folder, path)),
    ...(upper === undefined || upper === "ephemeral" ? {} : { upper: resolve(folder, upper) }),
    ...(work === undefined ? {} : { work: resolve(folder, work) }),
  };
}

/** A filter by its name, by its file, or as it stands. */
function locatedProfile(
  seccomp: NonNullable<FileSpec["seccomp"]>,
  folder: string,
): SandboxSpec["seccomp"] {
  const { profile = "default", ...rest } = typeof seccomp === "string"
    ? { profile: seccomp }
    : seccomp;
  return {
    ...rest,
    profile: profile === "default" || profile === "none" || typeof profile === "object"
      ? profile
      : readProfile(resolve(folder, profile), "seccomp.profile"),
  };
}

function locatedImage(root: ImageRoot, folder: string): ImageRoot {
  const { upper } = root;
  if (upper === undefined || upper === "ephemeral") return root;
  return { ...root, upper: resolve(folder, upper) };
}

/** Paths of the host in a file are relative to where the file is. */
function located(file: FileSpec, folder: string) {
  const { mounts, root, hooks, seccomp } = file;
  return {
    ...file,
    seccomp: seccomp === undefined ? undefined : locatedProfile(seccomp, folder),
    mounts: mounts?.map((mount) => {
      if (mount.kind === "overlay") return locatedLayers(mount, folder);
      if (mount.kind !== "bind" || typeof mount.source === "object") return mount;
      return { ...mount, source: resolve(folder, mount.source) };
    }),
    root: typeof root === "object"
      ? "overlay" in root
        ? { overlay: locatedLayers(root.overlay, folder) }
        : "image" in root
        ? locatedImage(root, folder)
        : { ...root, path: resolve(folder, root.path) }
      : root === undefined || root === "host" || root === "empty"
      ? root
      : { path: resolve(folder, root) },
    hooks: hooks?.map((name) => /^[a-z]+:/.test(name) ? name : resolve(folder, name)),
  };
}

/** The sandbox that a value describes; relative paths in it start at `folder`. */
export function sandboxFrom(value: unknown, folder: string): { box: Sandbox; hooks: string[] } {
  SPEC(value, "");
  const { hooks = [], namespaces: _, network: _2, hostname, domainname, timeout, ...file } =
    located(
      value as FileSpec,
      folder,
    );
  const base = withNamespaces(value as FileSpec).spec;
  const given = Object.fromEntries(
    Object.entries(file).filter(([_, entry]) => entry !== undefined),
  ) as Partial<SandboxSpec>;
  let box = Sandbox.from({
    ...base,
    ...given,
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
  return { box, hooks };
}

/** Reads a description from a file; `-` is standard input, whose paths are relative to here. */
export function readSpecFile(path: string): { box: Sandbox; hooks: string[] } {
  const name = path === "-" ? "standard input" : path;
  const value = read(path);
  if (value === undefined || value === null) throw new SpecError(name, "it is empty");
  try {
    return sandboxFrom(value, resolve(path === "-" ? "." : dirname(path)));
  } catch (error) {
    if (!(error instanceof SpecError)) throw error;
    throw new SpecError(`${name}: ${error.field}`, error.message.slice(error.field.length + 2));
  }
}
