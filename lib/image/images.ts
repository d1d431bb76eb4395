/**
 * The images of this user: imported, listed, removed, exported.
 *
 * @module
 */

import { ImageError } from "../errors.ts";
import { checkKeys } from "../known_keys.ts";
import type { Changes } from "./changes.ts";
import type { ExportFormat } from "./export.ts";
import type { ImportedImage, ImportRequest } from "./import.ts";
import type { Progress } from "./import_input.ts";
import type { ImportLimits } from "./limits.ts";
import { storePath } from "./store/paths.ts";
import { type ImageConfig, type ImageRecord, needImage } from "./store/record.ts";

export type { Changes, ExportFormat, ImageConfig, ImportedImage, ImportLimits, Progress };

/** How to import. */
export interface ImportOptions {
  /** What to call it, e.g. `"debian:12"`. Default: what it calls itself. */
  name?: string;
  /** Which image of an OCI index is meant: its `org.opencontainers.image.ref.name`. */
  reference?: string;
  /**
   * Whose the files become. `"keep"`: whose the archive says; an ordinary user needs ids in
   * `/etc/subuid` for it. `"flatten"`: all the caller's. Default: `"keep"` where that is possible.
   */
  owners?: "keep" | "flatten";
  /** How much an archive may make. */
  limits?: ImportLimits;
  /** Told how many bytes were read. */
  progress?: Progress;
  /** Stops it; nothing of it stays. */
  signal?: AbortSignal;
}

/** An image as it is listed. */
export interface ImageInfo extends ImageRecord {
  /** What it is called. */
  names: string[];
  /** The bytes of all files of all layers. */
  size: number;
}

/**
 * The images in a store. Images are what `root({ image })` and `paddock run --root IMAGE` run on.
 *
 * ```ts ignore
 * import { Images, sandbox } from "@paddock/paddock";
 *
 * const images = new Images();
 * await images.import("debian.tar.zst", { name: "debian:12" });
 * await sandbox().root({ image: "debian:12" }).output(["cat", "/etc/os-release"]);
 * ```
 *
 * Permissions: `--allow-all`.
 */
export class Images {
  /** The store's folder. */
  readonly store: string;

  /** Of this user: `$XDG_DATA_HOME/paddock`, for root `/var/lib/paddock`; or of a folder. */
  constructor(store?: string) {
    this.store = store ?? storePath();
  }

  /**
   * Imports a root filesystem's tar archive, what `docker save` writes, or an OCI layout, as a
   * directory or a tar archive; compressed by gzip, zstd, xz or not. `-` is standard input.
   *
   * Nothing of it is to be seen until all of it is there. Errors: `ArchiveError` names the entry that
   * is damaged, does not fit its digest, or tries to leave the root.
   */
  async import(input: string | URL, options: ImportOptions = {}): Promise<ImportedImage[]> {
    checkKeys(options, "import", [
      ...["name", "reference", "owners", "limits", "progress", "signal"],
    ]);
    if (options.limits) checkKeys(options.limits, "import.limits", ["size", "entries"]);
    const { owners, progress, signal, ...rest } = options;
    const request: Omit<ImportRequest, "owners"> = {
      ...rest,
      store: this.store,
      input: input instanceof URL ? decodeURIComponent(input.pathname) : input,
    };
    if (Deno.uid() !== 0 && owners !== "flatten") {
      const { inUserNamespace, ownIdMaps } = await import("./owners/user_namespace.ts");
      if (owners === "keep" || ownIdMaps() !== undefined) {
        const absolute = request.input === "-" || request.input.startsWith("/")
          ? request.input
          : `${Deno.cwd()}/${request.input}`;
        return await inUserNamespace(
          { verb: "import", import: { ...request, input: absolute, owners: "keep" } },
          { stdin: request.input === "-" ? 0 : undefined, onProgress: progress, signal },
        ) as ImportedImage[];
      }
    }
    const { importImages } = await import("./import.ts");
    const decided = owners ?? (Deno.uid() === 0 ? "keep" : "flatten");
    return await importImages({ ...request, owners: decided, progress, signal });
  }

  /** All images, the latest first. */
  async list(): Promise<ImageInfo[]> {
    const { allImages } = await import("./store/remove.ts");
    return await Promise.all(allImages(this.store).map((record) => this.#info(record)));
  }

  /** The image of a name, an id, or the beginning of an id (8 digits). */
  async inspect(name: string): Promise<ImageInfo> {
    return await this.#info(needImage(this.store, name));
  }

  async #info(record: ImageRecord): Promise<ImageInfo> {
    const { namesOf } = await import("./store/remove.ts");
    const size = record.layers.reduce((total, layer) => total + layer.size, 0);
    return { ...record, names: namesOf(this.store, record.id), size };
  }

  /**
   * Removes a name; with the last one, or by its id, the image and the layers that no other image
   * has. Errors: `ImageError` for an image that a sandbox runs on.
   */
  async remove(name: string): Promise<{ removed: boolean }> {
    const { removeImage, sweepOwn } = await import("./store/remove.ts");
    return await removeImage(this.store, name, async (record, paths) => {
      if (Deno.uid() === 0 || record.owners === "flattened") return sweepOwn(paths);
      const { inUserNamespace } = await import("./owners/user_namespace.ts");
      await inUserNamespace({ verb: "remove", paths });
    });
  }

  /**
   * Writes an image to a file: `"oci"`, a tar archive of an OCI layout with all layers and the
   * configuration, which `import`, skopeo and podman read; or `"rootfs"`, the files of an image of
   * one layer.
   */
  async export(name: string, out: string, format: ExportFormat = "oci"): Promise<void> {
    const record = needImage(this.store, name);
    if (format === "rootfs" && record.layers.length !== 1) {
      throw new ImageError(name, "it has several layers; export it as oci");
    }
    const { exportImage } = await import("./export.ts");
    await exportImage(this.store, record, name, out, format);
  }
}
