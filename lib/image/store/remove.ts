/**
 * Takes images out of the store.
 *
 * @module
 */

import { ImageError } from "../../errors.ts";
import { removeTree } from "../tree/remove_tree.ts";
import { take, waitFor } from "./locks.ts";
import { places } from "./paths.ts";
import { fullName, type ImageRecord, needImage, readJson, readNames } from "./record.ts";
import { putJson, Workplace } from "./workplace.ts";

/** All images of a store, the latest first. */
export function allImages(store: string): ImageRecord[] {
  const { images } = places(store);
  let files: string[];
  try {
    files = [...Deno.readDirSync(images)].map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
  return files.filter((name) => name.endsWith(".json"))
    .map((name) => readJson<ImageRecord>(`${images}/${name}`))
    .filter((record) => record !== undefined)
    .sort((a, b) => b.imported.localeCompare(a.imported));
}

/** The names of an image. */
export function namesOf(store: string, id: string): string[] {
  return Object.entries(readNames(store)).filter(([, value]) => value === id)
    .map(([name]) => name).sort();
}

/**
 * Removes a name; with the last one, or by the id, the image, and the layers that no other image has.
 * `sweep` removes the trees, which may need the rights of their owners.
 */
export async function removeImage(
  store: string,
  name: string,
  sweep: (record: ImageRecord, paths: string[]) => Promise<void>,
): Promise<{ removed: boolean }> {
  const at = places(store);
  using workplace = await Workplace.create(store);
  let record: ImageRecord;
  const gone: string[] = [];
  {
    using _held = await waitFor(at.lock);
    record = needImage(store, name);
    const { id } = record;
    const names = readNames(store);
    const byName = names[fullName(name)] === id ? fullName(name) : undefined;
    const others = namesOf(store, id).filter((other) => other !== byName);
    if (byName !== undefined && others.length > 0) {
      delete names[byName];
      putJson(workplace.path, at.names, names);
      return { removed: false };
    }
    const lease = take(at.lease(id), "exclusive");
    if (lease === undefined) throw new ImageError(name, "a sandbox runs on it; end that first");
    using _lease = lease;
    for (const other of namesOf(store, id)) delete names[other];
    putJson(workplace.path, at.names, names);
    Deno.removeSync(at.image(id));
    Deno.removeSync(at.lease(id));
    const kept = new Set(allImages(store).flatMap(({ layers }) => layers.map((it) => it.name)));
    for (const layer of record.layers) {
      if (kept.has(layer.name)) continue;
      const path = `${workplace.path}/${layer.name}`;
      Deno.renameSync(at.layer(layer.name), path);
      gone.push(path);
    }
  }
  await sweep(record, gone);
  return { removed: true };
}

/** Removes trees that are the caller's own. */
export function sweepOwn(paths: readonly string[]): void {
  for (const path of paths) removeTree(path);
}
