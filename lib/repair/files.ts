/**
 * Directories of launches and of imports that were killed.
 *
 * @module
 */

import { type HeldLock, take, waitFor } from "../image/store/locks.ts";
import { places, storePath } from "../image/store/paths.ts";
import { removeTree } from "../image/tree/remove_tree.ts";
import { abandonedChanges } from "../run/changes_directory.ts";
import type { Leftover } from "./leftover.ts";

/** Changes that were kept on disk for a sandbox. */
export function leftoverChanges(): Leftover[] {
  return abandonedChanges().map((path) => ({
    kind: "changes",
    name: path,
    why: "the program that its name says made it is gone",
    remove: () => removeTree(path),
  }));
}

/** The lock of an import's folder, if nobody holds it. */
function abandoned(folder: string): HeldLock | undefined {
  try {
    Deno.lstatSync(`${folder}/lock`);
  } catch {
    return undefined;
  }
  return take(`${folder}/lock`, "exclusive");
}

/** Imports of images that were cut off. */
export function leftoverImports(): Leftover[] {
  let store: string, folders: string[];
  try {
    store = storePath();
    folders = [...Deno.readDirSync(places(store).tmp)].map(({ name }) =>
      `${places(store).tmp}/${name}`
    );
  } catch {
    return [];
  }
  const dead = folders.filter((folder) => {
    using lock = abandoned(folder);
    return lock !== undefined;
  });
  return dead.map((folder) => ({
    kind: "import",
    name: folder,
    why: "the import was cut off",
    async remove() {
      using _store = await waitFor(places(store).lock);
      using lock = abandoned(folder);
      if (lock !== undefined) removeTree(folder);
    },
  }));
}
