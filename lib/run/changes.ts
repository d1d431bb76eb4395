/**
 * What a sandbox changed: compared, saved as a layer, or made an image. Loaded when somebody asks.
 *
 * @module
 */

import { SandboxError, SpecError } from "../errors.ts";
import type { ApplyReport } from "../image/apply_changes.ts";
import { type Changes, compareChanges } from "../image/changes.ts";
import type { ImportedImage } from "../image/import.ts";
import { storePath } from "../image/store/paths.ts";
import { type InsideIds, SAME_IDS, writeArchive } from "../image/write_archive.ts";
import type { Identity } from "../plan/identity.ts";
import type { IdRange, OverlayLayers, SandboxSpec } from "../spec.ts";
import { AT_FDCWD, O_CREAT, O_DIRECTORY, O_EXCL, O_WRONLY } from "../sys/abi/fcntl.ts";
import { rename } from "../sys/directory.ts";
import { close, duplicate, open, writeAll } from "../sys/file.ts";
import type { ChangesDirectory } from "./changes_directory.ts";
import { imageOf } from "./image_root.ts";

/** Where the changes of a sandbox are. */
export interface ChangesPlace {
  /** The description as it was given, with the image's name. */
  source: SandboxSpec;
  /** The description with the layers. */
  spec: SandboxSpec;
  identity: Identity;
  /** The caller's user id. */
  caller: number;
  /** The directory, if nobody else has it. */
  memory?: number;
  /** What holds it, where that is not memory. */
  directory?: ChangesDirectory;
}

/** The host's number for somebody who has none inside. */
const NOBODY = 65534;

function inverse(ranges: readonly IdRange[]): (id: number) => number {
  return (id) => {
    const range = ranges.find(({ outside, count = 1 }) => id >= outside && id < outside + count);
    return range === undefined ? NOBODY : range.inside + id - range.outside;
  };
}

/** How the numbers of files look inside: of those in memory, and of those on disk. */
function idsOf({ spec, identity, caller, memory }: ChangesPlace) {
  const { maps, user } = identity;
  if (maps === undefined) return { upper: SAME_IDS, lower: SAME_IDS };
  const byMap: InsideIds = { uid: inverse(maps.uids), gid: inverse(maps.gids) };
  const mapped = (ranges: readonly IdRange[]) => (id: number) =>
    ranges.some(({ inside, count = 1 }) => id >= inside && id < inside + count) ? id : NOBODY;
  // Root's sandboxes see the host's files through id-mapped mounts, others see them as they are.
  const onDisk: InsideIds = caller !== 0
    ? byMap
    : spec.idMap === undefined
    ? { uid: (id) => id === 0 ? user.uid : NOBODY, gid: (id) => id === 0 ? user.gid : NOBODY }
    : { uid: mapped(maps.uids), gid: mapped(maps.gids) };
  return { upper: memory === undefined ? onDisk : byMap, lower: onDisk };
}

/** Whose a file of the changes is to be on disk. */
function ownersOnDisk(place: ChangesPlace): InsideIds {
  const { spec, caller, identity: { maps, user } } = place;
  // An ordinary user's changes belong to whom they are to belong.
  if (maps === undefined || caller !== 0) return SAME_IDS;
  const { upper } = idsOf(place);
  // Root's files are shown as the sandbox's user's, and go back to root.
  const back = (inside: (id: number) => number, own: number) => (id: number) =>
    spec.idMap === undefined && inside(id) === own ? 0 : inside(id);
  return { uid: back(upper.uid, user.uid), gid: back(upper.gid, user.gid) };
}

/** The changes of one sandbox. */
export class SandboxChanges {
  readonly #layers: OverlayLayers;
  readonly #mountPoints: string[];

  /** Throws where the root cannot be changed, or not be looked at. */
  constructor(readonly place: ChangesPlace) {
    const { root, mounts } = place.spec;
    if (typeof root !== "object" || !("overlay" in root) || root.overlay.upper === undefined) {
      throw new SpecError("root", "there are no changes to tell of: it is no image and no overlay");
    }
    if (root.overlay.upper === "ephemeral" && place.memory === undefined) {
      throw new SandboxError("The changes were in memory and are gone with the sandbox");
    }
    this.#layers = root.overlay;
    this.#mountPoints = mounts.map(({ target }) => target);
  }

  /** Whether the files may belong to several users, of whom the caller is but one. */
  get #asOwner(): boolean {
    return this.place.identity.byHelper && this.place.spec.idMap === "auto";
  }

  #upper(): number {
    const { memory } = this.place;
    return memory === undefined
      ? open(this.#layers.upper!, { flags: O_DIRECTORY })
      : duplicate(memory);
  }

  /** Compares with the layers below. */
  async compare(): Promise<Changes> {
    const { lower, upper } = this.#layers;
    const { memory } = this.place;
    if (this.#asOwner) {
      const { inUserNamespace } = await import("../image/owners/user_namespace.ts");
      const request = { verb: "compare", upper, lower, mountPoints: this.#mountPoints } as const;
      return await inUserNamespace(request, { stdin: memory }) as Changes;
    }
    const fds = [this.#upper()];
    try {
      for (const path of lower) fds.push(open(path, { flags: O_DIRECTORY }));
      return compareChanges({
        upper: fds[0]!,
        lower: fds.slice(1),
        ids: idsOf(this.place),
        mountPoints: new Set(this.#mountPoints),
      });
    } finally {
      for (const fd of fds) close(fd);
    }
  }

  /** Writes them as a layer of an image. */
  async save(path: string): Promise<void> {
    // Beside its place first, so that it is there as a whole or not at all.
    const fresh = `${path}.${crypto.randomUUID()}`;
    try {
      await this.#archive(fresh);
      rename(AT_FDCWD, fresh, AT_FDCWD, path);
    } catch (error) {
      try {
        Deno.removeSync(fresh);
      } catch { /* it was not made */ }
      throw error;
    }
  }

  async #archive(out: string): Promise<void> {
    const mountPoints = this.#mountPoints;
    if (this.#asOwner) {
      const { inUserNamespace } = await import("../image/owners/user_namespace.ts");
      const root = this.#layers.upper;
      await inUserNamespace({ verb: "archive", root, out, mountPoints }, {
        stdin: this.place.memory,
      });
      return;
    }
    const root = this.#upper();
    const fd = open(out, { flags: O_WRONLY | O_CREAT | O_EXCL, mode: 0o644 });
    try {
      writeArchive(root, (bytes) => writeAll(fd, bytes), {
        ids: idsOf(this.place).upper,
        mountPoints: new Set(mountPoints),
      });
    } finally {
      close(fd);
      close(root);
    }
  }

  /** Does them to the topmost layer below. */
  async apply(): Promise<ApplyReport> {
    if (imageOf(this.place.source) !== undefined) {
      throw new SpecError("root", "an image is never changed; commit() makes another one of it");
    }
    const path = this.#layers.lower[0]!;
    const { upper } = this.#layers;
    if (this.#asOwner) {
      const { inUserNamespace } = await import("../image/owners/user_namespace.ts");
      const request = {
        verb: "apply",
        upper,
        target: path,
        mountPoints: this.#mountPoints,
      } as const;
      return await inUserNamespace(request, { stdin: this.place.memory }) as ApplyReport;
    }
    const { applyChanges } = await import("../image/apply_changes.ts");
    const from = this.#upper();
    const target = open(path, { flags: O_DIRECTORY });
    try {
      return applyChanges({
        upper: from,
        target,
        ids: ownersOnDisk(this.place),
        mountPoints: new Set(this.#mountPoints),
      });
    } finally {
      close(target);
      close(from);
    }
  }

  /** Makes an image of the one below and of the changes. */
  async commit(name: string): Promise<ImportedImage> {
    const base = imageOf(this.place.source);
    if (base === undefined) throw new SpecError("root", "only what runs on an image becomes one");
    const store = storePath();
    const { Workplace } = await import("../image/store/workplace.ts");
    using workplace = await Workplace.create(store);
    const layer = `${workplace.path}/layer.tar`;
    await this.#archive(layer);
    if (Deno.uid() !== 0 && base.owners === "kept") {
      const { inUserNamespace } = await import("../image/owners/user_namespace.ts");
      return await inUserNamespace({ verb: "commit", store, base, layer, name }) as ImportedImage;
    }
    const { addLayer } = await import("../image/import.ts");
    return await addLayer(store, base, layer, name);
  }
}
