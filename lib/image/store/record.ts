/**
 * What the store remembers of an image, and how it is found by its name. Reading only, and without
 * waiting: a launch does it too.
 *
 * @module
 */

import { ImageError } from "../../errors.ts";
import { places } from "./paths.ts";

/** What an image says of how it is to be run; a subset of OCI's `config`. */
export interface ImageConfig {
  /** `NAME=value`. */
  Env?: string[];
  /** In front of `Cmd`. */
  Entrypoint?: string[];
  /** The program and its arguments, or arguments of `Entrypoint`. */
  Cmd?: string[];
  /** The working directory. */
  WorkingDir?: string;
  /** `UID`, `NAME`, `UID:GID` or `NAME:GROUP`. */
  User?: string;
  /** Free words about the image. */
  Labels?: Record<string, string>;
}

/** What was left out of an import. */
export interface ImportReport {
  /** Device nodes. */
  devices: number;
  /** Files of somebody else that were given to the caller. */
  flattened: number;
  /** Extended attributes by their names. */
  xattrs: Record<string, number>;
}

/** A layer of an image. */
export interface LayerRecord {
  /** The folder's name in the store. */
  name: string;
  /** `sha256:` of its archive without compression. */
  diffId: string;
  /** The bytes of all its files. */
  size: number;
  /** What was left out. */
  report: ImportReport;
}

/** An image. */
export interface ImageRecord {
  /** `sha256:` of its configuration. */
  id: string;
  /** The layers, the lowest first. */
  layers: LayerRecord[];
  /** How it is to be run. */
  config: ImageConfig;
  /** The processor, in the words of OCI: `amd64`, `arm64`. */
  architecture?: string;
  /** When it was imported, in ISO 8601. */
  imported: string;
  /** `kept`: files belong to whom the archive said. `flattened`: all to the caller. */
  owners: "kept" | "flattened";
  /** What was left out, of all layers together. */
  report: ImportReport;
}

/** Names to ids. */
export type ImageNames = Record<string, string>;

/** Reads a JSON file; undefined where there is none. */
export function readJson<T>(path: string): T | undefined {
  try {
    return JSON.parse(Deno.readTextFileSync(path)) as T;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** All names. */
export function readNames(store: string): ImageNames {
  return readJson<ImageNames>(places(store).names) ?? {};
}

let known: { file: string; names: ImageNames } | undefined;

/** All names, to look at only: read again when the file is another one, for it is always replaced. */
function currentNames(store: string): ImageNames {
  const path = places(store).names;
  let info: Deno.FileInfo;
  try {
    info = Deno.statSync(path);
  } catch {
    return {};
  }
  const file = `${path} ${info.ino} ${info.mtime?.getTime()} ${info.size}`;
  if (known?.file !== file) {
    known = { file, names: readNames(store) };
    // An image that was imported again may have other layers.
    records.clear();
  }
  return known.names;
}

/** Records by their files. An image that is gone has no name, and is not asked for here. */
const records = new Map<string, ImageRecord>();

function namedRecord(store: string, id: string): ImageRecord | undefined {
  const path = places(store).image(id);
  let record = records.get(path);
  if (record === undefined) {
    record = readJson<ImageRecord>(path);
    if (record === undefined) return undefined;
    if (records.size >= 64) records.clear();
    records.set(path, record);
  }
  return record;
}

/** `debian` is `debian:latest`, and so is `docker.io/library/debian`, as everywhere. */
export function fullName(name: string): string {
  const short = name.replace(/^(docker\.io\/)?library\//, "").replace(/^docker\.io\//, "");
  return /:[^/]*$/.test(short) ? short : `${short}:latest`;
}

/** The image of a name, an id, or the beginning of an id; undefined if there is none. */
export function findImage(store: string, name: string): ImageRecord | undefined {
  const named = currentNames(store)[fullName(name)];
  if (named !== undefined) return namedRecord(store, named);
  const id = completeId(store, name);
  return id === undefined ? undefined : readJson<ImageRecord>(places(store).image(id));
}

function completeId(store: string, name: string): string | undefined {
  const digits = name.replace(/^sha256:/, "");
  if (!/^[0-9a-f]{8,64}$/.test(digits)) return undefined;
  let found: string[];
  try {
    found = [...Deno.readDirSync(places(store).images)].map((entry) => entry.name)
      .filter((file) => file.startsWith(digits) && file.endsWith(".json"));
  } catch {
    return undefined;
  }
  if (found.length > 1) throw new ImageError(name, "several ids begin so; give more digits");
  return found.length === 0 ? undefined : `sha256:${found[0]!.slice(0, 64)}`;
}

/** The image of a name, which must be there. */
export function needImage(store: string, name: string): ImageRecord {
  const found = findImage(store, name);
  if (found !== undefined) return found;
  const names = Object.keys(readNames(store));
  throw new ImageError(
    name,
    names.length === 0
      ? "there is no such image, and no other; import one: paddock image import FILE"
      : `there is no such image; there are ${names.slice(0, 8).join(", ")}`,
  );
}
