/**
 * Imports images: makes trees of their layers, and makes the image known when everything is there.
 *
 * @module
 */

import { ArchiveError, ImageError, SpecError } from "../errors.ts";
import { AT_FDCWD, O_DIRECTORY, O_RDONLY } from "../sys/abi/fcntl.ts";
import { rename } from "../sys/directory.ts";
import { close, open } from "../sys/file.ts";
import { type ByteSource, FileSlice, TappedSource } from "./byte_source.ts";
import { type Compression, compressionOf, MAGIC_LENGTH } from "./decompress.ts";
import type { ArchiveFiles } from "./formats/archive_files.ts";
import {
  describe,
  type DescribedImage,
  digestOf,
  OCI_ARCHITECTURE,
} from "./formats/description.ts";
import { openInput, type Progress } from "./import_input.ts";
import { type ImportLimits, Meter } from "./limits.ts";
import { type HeldLock, waitFor } from "./store/locks.ts";
import { hex, places } from "./store/paths.ts";
import {
  fullName,
  type ImageRecord,
  type ImportReport,
  type LayerRecord,
  readJson,
  readNames,
} from "./store/record.ts";
import { putJson, Workplace } from "./store/workplace.ts";
import { writeLayer, type WrittenLayer } from "./write_layer.ts";

/** How to import, with everything decided. */
export interface ImportRequest {
  /** The store's folder. */
  store: string;
  /** A file or directory, or `-` for standard input. */
  input: string;
  /** What the image is to be called. Default: what it calls itself. */
  name?: string;
  /** Which image of an OCI index is meant: its `org.opencontainers.image.ref.name`. */
  reference?: string;
  /** Whose the files become. */
  owners: "keep" | "flatten";
  limits?: ImportLimits;
  progress?: Progress;
  signal?: AbortSignal;
}

/** An image that was imported. */
export interface ImportedImage extends ImageRecord {
  /** What it is called now. */
  names: string[];
}

/** What a name may look like: it is shown, and stands on command lines. */
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9._/:@-]{0,254}$/;

/** Throws unless it can be a name. */
export function checkName(name: string): void {
  const digest = /^(sha256:)?[0-9a-f]{8,64}$/.test(name);
  if (NAME.test(name) && !digest && name !== "host" && name !== "empty") return;
  throw new SpecError("name", `"${name}" cannot be an image's name; write e.g. "debian:12"`);
}

/** Imports all images of the input. */
export async function importImages(request: ImportRequest): Promise<ImportedImage[]> {
  if (request.name !== undefined) checkName(request.name);
  const meter = new Meter(request.limits);
  using workplace = await Workplace.create(request.store);
  using closing = new DisposableStack();
  const input = await openInput(
    request.input,
    workplace.path,
    meter,
    request.progress,
    (close) => closing.defer(close),
  );
  const work = new ImportWork(request, workplace.path, meter);
  if (input.kind === "tree") return [await work.tree(input.source, input.compression)];
  const described = await describe(input.files, request.reference);
  if (described.length !== 1 && request.name !== undefined) {
    throw new ImageError(request.name, `the archive has ${described.length} images, and one name`);
  }
  const images: ImportedImage[] = [];
  for (const image of described) images.push(await work.image(image, input.files));
  return images;
}

/** Makes an image of another one and of a layer on top of it. */
export async function addLayer(
  store: string,
  base: ImageRecord,
  layer: string,
  name: string,
): Promise<ImportedImage> {
  checkName(name);
  const owners = base.owners === "kept" ? "keep" : "flatten";
  using workplace = await Workplace.create(store);
  const fd = open(layer);
  try {
    const work = new ImportWork({ store, input: layer, name, owners }, workplace.path, new Meter());
    return await work.onTop(base, new FileSlice(fd));
  } finally {
    close(fd);
  }
}

/** A layer that is ready to be moved into the store, or is there already. */
interface ReadyLayer extends LayerRecord {
  /** Where it is, unless in the store. */
  made?: string;
}

/** One import. */
class ImportWork {
  readonly #places: ReturnType<typeof places>;
  #made = 0;
  #done = 0;

  constructor(
    readonly request: ImportRequest,
    readonly workplace: string,
    readonly meter: Meter,
  ) {
    this.#places = places(request.store);
  }

  /** An image of one layer, of a root filesystem's archive. */
  async tree(source: ByteSource, compression: Compression): Promise<ImportedImage> {
    const layer = await this.#write(source, compression, []);
    const config = {
      architecture: OCI_ARCHITECTURE,
      os: "linux",
      config: {},
      rootfs: { type: "layers", diff_ids: [layer.diffId] },
    };
    const id = await digestOf(new TextEncoder().encode(JSON.stringify(config)));
    const name = this.#layerName(layer.diffId);
    return await this.#commit({
      id,
      names: [],
      layers: [],
      config: {},
      architecture: OCI_ARCHITECTURE,
    }, [{ ...layer, name }]);
  }

  /** An image of another one's layers and one more. */
  async onTop(base: ImageRecord, source: ByteSource): Promise<ImportedImage> {
    const below = base.layers.map(({ name }) => this.#places.layer(name)).reverse();
    const layer = await this.#write(source, "none", below);
    const diffIds = [...base.layers.map(({ diffId }) => diffId), layer.diffId];
    const config = {
      architecture: base.architecture,
      os: "linux",
      config: base.config,
      rootfs: { type: "layers", diff_ids: diffIds },
    };
    let chain = diffIds[0]!;
    for (const diffId of diffIds.slice(1)) {
      chain = await digestOf(new TextEncoder().encode(`${chain} ${diffId}`));
    }
    return await this.#commit({
      id: await digestOf(new TextEncoder().encode(JSON.stringify(config))),
      names: [],
      layers: [],
      config: base.config,
      architecture: base.architecture,
    }, [...base.layers, { ...layer, name: this.#layerName(chain) }]);
  }

  /** An image with its layers. */
  async image(image: DescribedImage, files: ArchiveFiles): Promise<ImportedImage> {
    const ready: ReadyLayer[] = [];
    let chain: string | undefined;
    for (const described of image.layers) {
      chain = chain === undefined
        ? described.diffId
        : await digestOf(new TextEncoder().encode(`${chain} ${described.diffId}`));
      const name = this.#layerName(chain);
      const known = readJson<LayerRecord>(`${this.#places.layer(name)}/layer.json`);
      if (known !== undefined) {
        ready.push(known);
        continue;
      }
      const file = files.open(described.file);
      if (file === undefined) throw new ArchiveError(described.file, "the layer is missing");
      const head = new Uint8Array(MAGIC_LENGTH);
      new FileSlice(file.source.fd, file.source.start, MAGIC_LENGTH).read(head);
      const below = ready.map((layer) => layer.made ?? this.#places.layer(layer.name)).reverse();
      const { progress } = this.request;
      const source = progress === undefined
        ? file.source
        : new TappedSource(file.source, (piece) => progress(this.#done += piece.length, undefined));
      const written = await this.#write(source, compressionOf(head), below);
      for (const key of ["digest", "diffId"] as const) {
        const expected = described[key] ?? written[key];
        if (written[key] === expected) continue;
        throw new ArchiveError(
          described.file,
          `its ${key} is ${written[key]}, not ${expected}: it is damaged, or was changed`,
        );
      }
      ready.push({ ...written, name });
    }
    return await this.#commit(image, ready);
  }

  #layerName(chain: string): string {
    return hex(chain) + (this.request.owners === "flatten" ? ".flat" : "");
  }

  /** Writes a layer into the workplace. */
  async #write(
    source: ByteSource,
    compression: Compression,
    below: readonly string[],
  ): Promise<Omit<WrittenLayer, "report"> & Omit<LayerRecord, "name"> & { made: string }> {
    const made = `${this.workplace}/${this.#made++}`;
    Deno.mkdirSync(`${made}/fs`, { recursive: true, mode: 0o755 });
    const openTree = (path: string) => open(`${path}/fs`, { flags: O_RDONLY | O_DIRECTORY });
    const root = openTree(made);
    const trees = below.map(openTree);
    const before = this.meter.bytes;
    try {
      const written = await writeLayer({
        source,
        compression,
        root,
        below: trees,
        owners: this.request.owners,
        notes: `${made}/notes`,
        meter: this.meter,
        signal: this.request.signal,
      });
      Deno.removeSync(`${made}/notes`);
      const report = { ...written.report, xattrs: Object.fromEntries(written.report.xattrs) };
      return { ...written, report, made, size: this.meter.bytes - before };
    } finally {
      for (const fd of [root, ...trees]) close(fd);
    }
  }

  /** Makes the image known: layers first, its record then, its name last. */
  async #commit(image: DescribedImage, ready: readonly ReadyLayer[]): Promise<ImportedImage> {
    const { store, owners } = this.request;
    const layers = ready.map(({ name, diffId, size, report }): LayerRecord => ({
      name,
      diffId,
      size,
      report,
    }));
    const record: ImageRecord = {
      id: image.id,
      layers,
      config: image.config,
      architecture: image.architecture,
      imported: new Date().toISOString(),
      owners: owners === "keep" ? "kept" : "flattened",
      report: sum(layers.map(({ report }) => report)),
    };
    using _held: HeldLock = await waitFor(this.#places.lock);
    ready.forEach((layer, index) => this.#place(layer, layers[index]!));
    putJson(this.workplace, this.#places.image(image.id), record);
    const given = this.request.name === undefined ? image.names : [this.request.name];
    const names = given.filter((name) => NAME.test(name)).map(fullName);
    if (names.length > 0) {
      const all = readNames(store);
      for (const name of names) all[name] = image.id;
      putJson(this.workplace, this.#places.names, all);
    }
    return { ...record, names };
  }

  #place(layer: ReadyLayer, record: LayerRecord): void {
    const target = this.#places.layer(layer.name);
    const isThere = readJson(`${target}/layer.json`) !== undefined;
    // Another import may have been faster.
    if (isThere) return;
    if (layer.made === undefined) {
      throw new ImageError(layer.name, "a layer was removed during the import; import it again");
    }
    Deno.writeTextFileSync(`${layer.made}/layer.json`, JSON.stringify(record));
    rename(AT_FDCWD, layer.made, AT_FDCWD, target);
  }
}

function sum(reports: readonly ImportReport[]): ImportReport {
  const total: ImportReport = { devices: 0, flattened: 0, xattrs: {} };
  for (const { devices, flattened, xattrs } of reports) {
    total.devices += devices;
    total.flattened += flattened;
    for (const [name, count] of Object.entries(xattrs)) {
      total.xattrs[name] = (total.xattrs[name] ?? 0) + count;
    }
  }
  return total;
}
