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

/** Makes a directory for one launch, and removes those of programs that were killed. */
export function makeChangesDirectory(): ChangesDirectory {
  const own = `${PREFIX}${Deno.uid()}-`;
  for (const { name } of Deno.readDirSync(FOLDER)) {
    const pid = name.startsWith(own) ? /^(\d+)-/.exec(name.slice(own.length))?.[1] : undefined;
    if (pid !== undefined && !exists(`/proc/${pid}`)) {
      try {
        remove(`${FOLDER}/${name}`);
      } catch { /* another one is at it, too, or it is a namesake of somebody else's */ }
    }
  }
  const path = Deno.makeTempDirSync({ dir: FOLDER, prefix: `${own}${Deno.pid}-` });
  if (present.size === 0) globalThis.addEventListener("unload", removeAll, { once: true });
  present.add(path);
  let holders = 1;
  return {
    path,
    hold: () => holders++,
    letGo() {
      if (--holders === 0 && present.delete(path)) remove(path);
    },
  };
}

function removeAll(): void {
  for (const path of present) {
    try {
      remove(path);
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

/** The kernel leaves a directory of mode 0000 in each work directory. */
function remove(path: string): void {
  for (const { name } of Deno.readDirSync(path)) {
    const works = name === "work" ? Deno.readDirSync(`${path}/work`) : [{ name: "" }];
    for (const { name: number } of works) {
      const work = name === "work" ? `${path}/work/${number}/work` : `${path}/${name}/work/work`;
      if (exists(work)) Deno.chmodSync(work, 0o700);
    }
  }
  Deno.removeSync(path, { recursive: true });
}
