/**
 * A folder in the store for something that is being made: seen by nobody until it is done, and
 * removed, at the latest by whoever comes next, when it never is.
 *
 * @module
 */

import { removeTree } from "../tree/remove_tree.ts";
import { type HeldLock, take, waitFor } from "./locks.ts";
import { places } from "./paths.ts";

/** Makes the store's folders. Only their owner may enter: layers have set-uid programs in them. */
export function makeStore(store: string): void {
  const { layers, images, tmp, mountPoints } = places(store);
  for (const path of [store, layers, images, tmp]) {
    Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
  }
  for (const name of ["dev", "proc", "run", "sys", "tmp"]) {
    Deno.mkdirSync(`${mountPoints}/${name}`, { recursive: true, mode: 0o755 });
  }
}

/** A folder of one import, which is locked as long as the import lives. */
export class Workplace implements Disposable {
  private constructor(readonly path: string, readonly lock: HeldLock) {}

  /** Makes one, after removing those of imports that were killed. */
  static async create(store: string): Promise<Workplace> {
    makeStore(store);
    const { lock, tmp } = places(store);
    const stale: [string, HeldLock][] = [];
    let made: Workplace;
    {
      // Between a folder's making and its lock, nobody may take it for a dead one.
      using _held = await waitFor(lock);
      for (const { name } of Deno.readDirSync(tmp)) {
        const dead = take(`${tmp}/${name}/lock`, "exclusive");
        if (dead !== undefined) stale.push([`${tmp}/${name}`, dead]);
      }
      const path = `${tmp}/${crypto.randomUUID()}`;
      Deno.mkdirSync(path, { mode: 0o700 });
      made = new Workplace(path, take(`${path}/lock`, "exclusive")!);
    }
    for (const [path, held] of stale) {
      try {
        removeTree(path);
      } catch {
        /* an import with other owners can remove it, and will */
      } finally {
        held[Symbol.dispose]();
      }
    }
    return made;
  }

  /** Removes it with all that is left in it. */
  [Symbol.dispose](): void {
    removeTree(this.path);
    this.lock[Symbol.dispose]();
  }
}

/** Writes a file that is there as a whole or not at all. */
export function putJson(folder: string, path: string, value: unknown): void {
  const fresh = `${folder}/${crypto.randomUUID()}`;
  Deno.writeTextFileSync(fresh, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
  Deno.renameSync(fresh, path);
}
