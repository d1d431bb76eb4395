/**
 * Reads what an image says of itself, in either of its two forms: docker's `manifest.json`, or OCI's
 * `index.json`. Every digest that leads from one file to the next is checked.
 *
 * @module
 */

import { ArchiveError, ImageError, UnsupportedError } from "../../errors.ts";
import { ARCH } from "../../sys/arch.ts";
import type { ImageConfig } from "../store/record.ts";
import { isDigest } from "../store/paths.ts";
import { type ArchiveFiles, readJsonFile, readSmallFile } from "./archive_files.ts";

/** A layer to be imported. */
export interface DescribedLayer {
  /** The file's name in the archive. */
  file: string;
  /** `sha256:` of that file, where it is known. */
  digest?: string;
  /** `sha256:` of the file without compression. */
  diffId: string;
}

/** An image to be imported. */
export interface DescribedImage {
  /** `sha256:` of its configuration. */
  id: string;
  /** Names that it brings along. */
  names: string[];
  /** The layers, the lowest first. */
  layers: DescribedLayer[];
  config: ImageConfig;
  architecture?: string;
}

/** The processor in the words of OCI. */
export const OCI_ARCHITECTURE = ARCH === "x86_64" ? "amd64" : "arm64";

/** As many layers as an image may have; overlayfs takes 500. */
const MOST_LAYERS = 256;

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `sha256:` of bytes. */
export async function digestOf(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return `sha256:${hash.toHex()}`;
}

/** The images of an archive. With several, `reference` says which one of an OCI index is meant. */
export async function describe(
  files: ArchiveFiles,
  reference?: string,
): Promise<DescribedImage[]> {
  const manifest = readJsonFile(files, "manifest.json");
  if (manifest !== undefined && reference === undefined) return await docker(files, manifest);
  const index = readJsonFile(files, "index.json");
  if (index !== undefined) return [await oci(files, index, reference)];
  throw new ArchiveError("index.json", "it is missing: this is no image");
}

async function docker(files: ArchiveFiles, manifest: unknown): Promise<DescribedImage[]> {
  const bad = () => new ArchiveError("manifest.json", "it does not describe images");
  if (!Array.isArray(manifest)) throw bad();
  return await Promise.all(manifest.map(async (entry) => {
    const { Config, Layers, RepoTags } = isRecord(entry) ? entry : {};
    if (typeof Config !== "string" || !isTexts(Layers)) throw bad();
    const bytes = readSmallFile(files, Config);
    if (bytes === undefined) {
      throw new ArchiveError(Config, "manifest.json names it; it is missing");
    }
    const id = await digestOf(bytes);
    const said = /([0-9a-f]{64})(\.json)?$/.exec(Config)?.[1];
    if (said !== undefined && id !== `sha256:${said}`) throw mismatch(Config, id);
    const { diffIds, ...rest } = configuration(bytes, Config);
    if (diffIds.length !== Layers.length) {
      throw new ArchiveError(Config, "it speaks of another number of layers than manifest.json");
    }
    return {
      id,
      names: isTexts(RepoTags) ? RepoTags : [],
      layers: diffIds.map((diffId, index) => ({ file: Layers[index]!, diffId })),
      ...rest,
    };
  }));
}

interface Descriptor {
  digest: string;
  mediaType: string;
  platform?: Record<string, unknown>;
  reference?: string;
}

function descriptors(value: unknown, file: string): Descriptor[] {
  if (!Array.isArray(value)) throw new ArchiveError(file, "a list of descriptors is missing in it");
  return value.map((entry) => {
    const { digest, mediaType, platform, annotations } = isRecord(entry) ? entry : {};
    if (!isDigest(digest)) {
      if (typeof digest !== "string" || digest.startsWith("sha256:")) {
        throw new ArchiveError(file, `${JSON.stringify(digest)} in it is no digest`);
      }
      throw new UnsupportedError(`digests such as "${digest}"`, "convert the image to sha256");
    }
    const reference = isRecord(annotations)
      ? annotations["org.opencontainers.image.ref.name"]
      : undefined;
    return {
      digest,
      mediaType: String(mediaType ?? ""),
      platform: isRecord(platform) ? platform : undefined,
      reference: typeof reference === "string" ? reference : undefined,
    };
  });
}

const blob = (digest: string) => `blobs/${digest.replace(":", "/")}`;

function mismatch(file: string, digest: string): ArchiveError {
  return new ArchiveError(file, `its digest is ${digest}: it is damaged, or was changed`);
}

/** A blob as a whole, checked against its name. */
async function checkedBlob(files: ArchiveFiles, digest: string): Promise<Uint8Array<ArrayBuffer>> {
  const file = blob(digest);
  const bytes = readSmallFile(files, file);
  if (bytes === undefined) throw new ArchiveError(file, "it is missing");
  const actual = await digestOf(bytes);
  if (actual !== digest) throw mismatch(file, actual);
  return bytes;
}

function parsed(bytes: Uint8Array, file: string): Record<string, unknown> {
  try {
    const value = JSON.parse(new TextDecoder().decode(bytes));
    if (isRecord(value)) return value;
  } catch { /* told below */ }
  throw new ArchiveError(file, "it is no JSON of an image");
}

async function oci(
  files: ArchiveFiles,
  index: unknown,
  reference: string | undefined,
): Promise<DescribedImage> {
  let list = descriptors(isRecord(index) ? index.manifests : undefined, "index.json");
  if (reference !== undefined) list = list.filter((entry) => entry.reference === reference);
  for (let depth = 0; depth < 4; depth++) {
    const chosen = choose(list, reference);
    const value = parsed(await checkedBlob(files, chosen.digest), blob(chosen.digest));
    if (value.manifests === undefined) {
      return await ociImage(files, value, blob(chosen.digest), chosen.reference);
    }
    list = descriptors(value.manifests, blob(chosen.digest));
  }
  throw new ArchiveError("index.json", "its indexes are nested too deep");
}

function choose(list: readonly Descriptor[], reference: string | undefined): Descriptor {
  if (list.length === 1) return list[0]!;
  const fitting = list.filter(({ platform }) =>
    platform?.os === "linux" && platform.architecture === OCI_ARCHITECTURE
  );
  if (fitting.length === 1) return fitting[0]!;
  const names = list.map((entry) => entry.reference).filter((name) => name !== undefined);
  throw new ImageError(
    reference ?? "index.json",
    list.length === 0
      ? "the index names no such image"
      : `the index names ${list.length} images; say which one: ${names.join(", ")}`,
  );
}

async function ociImage(
  files: ArchiveFiles,
  manifest: Record<string, unknown>,
  file: string,
  reference: string | undefined,
): Promise<DescribedImage> {
  const [config] = descriptors([manifest.config], file);
  const layers = descriptors(manifest.layers, file);
  const { diffIds, ...rest } = configuration(
    await checkedBlob(files, config!.digest),
    blob(config!.digest),
  );
  if (diffIds.length !== layers.length) {
    throw new ArchiveError(file, "it has another number of layers than its configuration");
  }
  return {
    id: config!.digest,
    names: reference === undefined ? [] : [reference],
    layers: layers.map(({ digest }, index) => ({
      file: blob(digest),
      digest,
      diffId: diffIds[index]!,
    })),
    ...rest,
  };
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === "string");
}

function configuration(
  bytes: Uint8Array,
  file: string,
): { diffIds: string[]; config: ImageConfig; architecture?: string } {
  const value = parsed(bytes, file);
  const rootfs = isRecord(value.rootfs) ? value.rootfs : {};
  const diffIds = rootfs.diff_ids;
  if (!Array.isArray(diffIds) || !diffIds.every(isDigest)) {
    throw new ArchiveError(file, "it does not say what its layers are");
  }
  if (diffIds.length === 0) throw new ArchiveError(file, "the image has no layers");
  if (diffIds.length > MOST_LAYERS) {
    throw new ArchiveError(
      file,
      `the image has ${diffIds.length} layers; ${MOST_LAYERS} are the most`,
    );
  }
  const { architecture } = value;
  return {
    diffIds,
    config: pickConfig(isRecord(value.config) ? value.config : {}, file),
    architecture: typeof architecture === "string" ? architecture : undefined,
  };
}

/** What is used of the configuration, with the types it must have. */
function pickConfig(value: Record<string, unknown>, file: string): ImageConfig {
  const config: ImageConfig = {};
  for (const key of ["Env", "Entrypoint", "Cmd"] as const) {
    const list = value[key] ?? undefined;
    if (list === undefined) continue;
    if (!isTexts(list)) throw new ArchiveError(file, `its ${key} is no list of texts`);
    config[key] = list;
  }
  for (const key of ["WorkingDir", "User"] as const) {
    const text = value[key] ?? "";
    if (typeof text !== "string") throw new ArchiveError(file, `its ${key} is no text`);
    if (text !== "") config[key] = text;
  }
  if (isRecord(value.Labels)) {
    config.Labels = Object.fromEntries(
      Object.entries(value.Labels).map(([key, text]) => [key, String(text)]),
    );
  }
  return config;
}
