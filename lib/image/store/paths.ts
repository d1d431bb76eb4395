/**
 * Where the store is and what lies in it.
 *
 *     layers/HEX[.flat]/fs        a layer's tree; HEX is its chain's digest
 *     layers/HEX[.flat]/layer.json
 *     images/HEX.json             an image: its layers, its configuration
 *     images/HEX.lease            locked while a sandbox runs on it
 *     names.json                  names to images
 *     mountpoints/                a layer with the directories that every sandbox mounts on
 *     tmp/                        imports that are under way
 *     lock                        held while images appear or disappear
 *
 * @module
 */

import { SpecError } from "../../errors.ts";

/** The store's folder of this user: `$XDG_DATA_HOME/paddock`, or `/var/lib/paddock` for root. */
export function storePath(): string {
  const given = Deno.env.get("PADDOCK_STORE");
  if (given) return checked(given, "PADDOCK_STORE");
  if (Deno.uid() === 0) return "/var/lib/paddock";
  const data = Deno.env.get("XDG_DATA_HOME");
  if (data) return `${checked(data, "XDG_DATA_HOME")}/paddock`;
  const home = Deno.env.get("HOME");
  if (home) return `${checked(home, "HOME")}/.local/share/paddock`;
  throw new SpecError("HOME", "is not set, so there is no place for images; set XDG_DATA_HOME");
}

function checked(path: string, variable: string): string {
  if (path.startsWith("/")) return path.replace(/\/+$/, "");
  throw new SpecError(variable, `"${path}" must be an absolute path`);
}

/** The places in a store. */
export function places(store: string) {
  return {
    layers: `${store}/layers`,
    images: `${store}/images`,
    names: `${store}/names.json`,
    tmp: `${store}/tmp`,
    mountPoints: `${store}/mountpoints`,
    lock: `${store}/lock`,
    layer: (name: string) => `${store}/layers/${name}`,
    tree: (name: string) => `${store}/layers/${name}/fs`,
    image: (id: string) => `${store}/images/${hex(id)}.json`,
    lease: (id: string) => `${store}/images/${hex(id)}.lease`,
  };
}

/** A digest of the one kind there is here. */
export function isDigest(text: unknown): text is string {
  return typeof text === "string" && /^sha256:[0-9a-f]{64}$/.test(text);
}

/** The digits of a digest. */
export function hex(digest: string): string {
  return digest.slice("sha256:".length);
}
