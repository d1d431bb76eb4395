/**
 * Puts an image in the place of its name: its layers become the root, and what it says of itself
 * becomes what the description does not say.
 *
 * @module
 */

import { ImageError } from "../errors.ts";
import { accountOf } from "../image/accounts.ts";
import { type HeldLock, take } from "../image/store/locks.ts";
import { places, storePath } from "../image/store/paths.ts";
import { type ImageRecord, needImage } from "../image/store/record.ts";
import type { ImageRoot, OverlayRoot, SandboxSpec } from "../spec.ts";
import { DEFAULT_PATH } from "./search_path.ts";

/** The image that a description's root is, if it is one. */
export function imageOf({ root }: SandboxSpec): ImageRecord | undefined {
  if (typeof root !== "object" || !("image" in root)) return undefined;
  return needImage(storePath(), root.image);
}

/** Keeps an image from being removed while a sandbox runs on it. */
export function holdImage(spec: SandboxSpec): HeldLock | undefined {
  const record = imageOf(spec);
  if (record === undefined) return undefined;
  const held = take(places(storePath()).lease(record.id), "shared");
  if (held !== undefined) return held;
  throw new ImageError((spec.root as ImageRoot).image, "it is just being removed");
}

/** What an image is to run when nobody says anything else. */
export function imageCommand(spec: SandboxSpec): string[] | undefined {
  const config = imageOf(spec)?.config;
  const words = [...config?.Entrypoint ?? [], ...config?.Cmd ?? []];
  return words.length === 0 ? undefined : words;
}

/** The description with the image's layers and defaults. */
export function withImage(spec: SandboxSpec): SandboxSpec {
  const record = imageOf(spec);
  if (record === undefined) return spec;
  const root = spec.root as ImageRoot;
  const at = places(storePath());
  const trees = record.layers.map(({ name }) => at.tree(name)).reverse();
  const { config, owners } = record;
  const account = config.User === undefined
    ? { uid: 0, gid: 0, home: "/root" }
    : accountOf(root.image, trees, config.User);
  const ownsUsers = spec.namespaces.user === "new";
  return {
    ...spec,
    root: layered(root, trees, at.mountPoints),
    user: spec.user ?? (ownsUsers ? { uid: account.uid, gid: account.gid } : undefined),
    idMap: spec.idMap ?? (ownsUsers && owners === "kept" ? "auto" : undefined),
    cwd: spec.cwd ?? config.WorkingDir,
    env: environmentOf(spec, config.Env ?? [], account.home),
  };
}

/**
 * In memory, missing mount points can be made. Otherwise the lowest layer is one that has the usual
 * ones, for an image need not.
 */
function layered(root: ImageRoot, trees: string[], mountPoints: string): OverlayRoot {
  const { readonly = false, upper = "ephemeral", size } = root;
  if (readonly) return { overlay: { lower: [...trees, mountPoints] } };
  if (upper !== "ephemeral") return { overlay: { lower: [...trees, mountPoints], upper } };
  return { overlay: { lower: trees, upper, ...(size === undefined ? {} : { size }) } };
}

/** The host's PATH means nothing in an image; what the description sets itself wins. */
function environmentOf(
  { env }: SandboxSpec,
  given: readonly string[],
  home: string | undefined,
): SandboxSpec["env"] {
  const image: Record<string, string> = { PATH: DEFAULT_PATH };
  if (home) image.HOME = home;
  for (const line of given) {
    const at = line.indexOf("=");
    if (at > 0) image[line.slice(0, at)] = line.slice(at + 1);
  }
  const set = { ...env.set };
  // The defaults' own, for a home that is not there.
  if (set.HOME === "/tmp" && image.HOME !== undefined) delete set.HOME;
  return { ...env, set: { ...image, ...set } };
}
