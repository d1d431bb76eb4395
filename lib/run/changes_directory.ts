/**
 * Where ephemeral changes go on older kernels: before Linux 6.6 a tmpfs has no user.* attributes,
 * which overlayfs needs in a user namespace to tell a new directory from a changed one.
 *
 * @module
 */

import type { SandboxSpec } from "../spec.ts";

const FOLDER = "/var/tmp";
const PREFIX = "paddock-changes-";

/** Whether anything of a description is changed in memory. */
export function isEphemeral({ root, mounts }: SandboxSpec): boolean {
  const atRoot = typeof root === "object" && (
    "overlay" in root
      ? root.overlay.upper === "ephemeral"
      : "image" in root
      ? !root.readonly && (root.upper ?? "ephemeral") === "ephemeral"
      : root.ephemeral === true
  );
  return atRoot || mounts.some((mount) => mount.kind === "overlay" && mount.upper === "ephemeral");
}

/** Whether anything of a description is changed in a directory of the host. */
export function keepsOnHost({ root, mounts }: SandboxSpec): boolean {
  const lasts = (upper: string | undefined) => upper !== undefined && upper !== "ephemeral";
  const atRoot = typeof root === "object" &&
    ("overlay" in root ? lasts(root.overlay.upper) : "image" in root && lasts(root.upper));
  return atRoot || mounts.some((mount) => mount.kind === "overlay" && lasts(mount.upper));
}

/** Whether this kernel can keep changes in memory for a sandbox. */
export function memoryKeepsChanges(spec: SandboxSpec, release = Deno.osRelease()): boolean {
  const [major = 0, minor = 0] = release.split(".").map(Number);
  const inUserNamespace = (spec.namespaces.user ?? "shared") !== "shared";
  return !inUserNamespace || major > 6 || (major === 6 && minor >= 6);
}

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
