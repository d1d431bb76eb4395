/**
 * Where ephemeral changes go on older kernels: before Linux 6.6 a tmpfs has no user.* attributes,
 * which overlayfs needs in a user namespace to tell a new directory from a changed one.
 *
 * @module
 */

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
    return pid !== undefined && !exists(`/proc/${pid}`);
  }).map(({ name }) => `${FOLDER}/${name}`);
}

/** Makes a directory for one launch, and removes those of programs that were killed. */
export function makeChangesDirectory(): ChangesDirectory {
  const own = ownPrefix();
  for (const path of abandonedChanges()) {
    try {
      removeChanges(path);
    } catch { /* another one is at it, too, or it is a namesake of somebody else's */ }
  }
  const path = Deno.makeTempDirSync({ dir: FOLDER, prefix: `${own}${Deno.pid}-` });
  if (present.size === 0) globalThis.addEventListener("unload", removeAll, { once: true });
  present.add(path);
  let holders = 1;
  return {
    path,
    hold: () => holders++,
    letGo() {
      if (--holders === 0 && present.delete(path)) removeChanges(path);
    },
  };
}

function removeAll(): void {
  for (const path of present) {
    try {
      removeChanges(path);
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

/** Removes such a directory: the kernel leaves one of mode 0000 in each work directory. */
export function removeChanges(path: string): void {
  for (const { name } of Deno.readDirSync(path)) {
    const works = name === "work" ? Deno.readDirSync(`${path}/work`) : [{ name: "" }];
    for (const { name: number } of works) {
      const work = name === "work" ? `${path}/work/${number}/work` : `${path}/${name}/work/work`;
      if (exists(work)) Deno.chmodSync(work, 0o700);
    }
  }
  Deno.removeSync(path, { recursive: true });
}
