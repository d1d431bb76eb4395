/**
 * Where ephemeral changes go on older kernels: before Linux 6.6 a tmpfs has no user.* attributes,
 * which overlayfs needs in a user namespace to tell a new directory from a changed one.
 *
 * @module
 */

import { removeTree } from "../image/tree/remove_tree.ts";

const FOLDER = "/var/tmp";
const PREFIX = "paddock-changes-";

/**
 * A directory for the changes of one launch. The launch holds it, and whoever may ask for the changes
 * when the sandbox is gone; the last one to let go removes it.
 */
export interface ChangesDirectory {
  readonly path: string;
  hold(): void;
  letGo(): void;
}

/** Those that are still there when the program ends. */
const present = new Set<string>();

/** What the names of this user's directories begin with. */
function ownPrefix(): string {
  return `${PREFIX}${Deno.uid()}-`;
}

/** The directories of programs that were killed. */
export function abandonedChanges(): string[] {
  const own = ownPrefix();
  return [...Deno.readDirSync(FOLDER)].filter(({ name }) => {
    const pid = name.startsWith(own) ? /^(\d+)-/.exec(name.slice(own.length))?.[1] : undefined;
    return pid !== undefined && !exists(`/proc/${pid}`) && isOwn(`${FOLDER}/${name}`);
  }).map(({ name }) => `${FOLDER}/${name}`);
}

/** Makes a directory for one launch, and removes those of programs that were killed. */
export function makeChangesDirectory(): ChangesDirectory {
  const own = ownPrefix();
  for (const path of abandonedChanges()) {
    try {
      removeTree(path);
    } catch { /* another one is at it, too */ }
  }
  const path = Deno.makeTempDirSync({ dir: FOLDER, prefix: `${own}${Deno.pid}-` });
  if (present.size === 0) globalThis.addEventListener("unload", removeAll, { once: true });
  present.add(path);
  let holders = 1;
  return {
    path,
    hold: () => holders++,
    letGo() {
      if (--holders === 0 && present.delete(path)) removeTree(path);
    },
  };
}

function removeAll(): void {
  for (const path of present) {
    try {
      removeTree(path);
    } catch { /* a sandbox is still at it; the next program removes it */ }
  }
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Anybody may make a namesake in that folder, or a link that is called so. */
function isOwn(path: string): boolean {
  try {
    const { isDirectory, uid } = Deno.lstatSync(path);
    return isDirectory && uid === Deno.uid();
  } catch {
    return false;
  }
}
