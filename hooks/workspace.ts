/**
 * A plugin that lets a command work in a folder of the host, all but what must stay as it is: by
 * default `.git`, whose hooks and configuration would be executed by the next `git` on the host.
 *
 * ```ts
 * import { sandbox } from "@paddock/paddock";
 * import { workspace } from "@paddock/paddock/hooks/workspace";
 *
 * const folder = await Deno.makeTempDir(); // yours would be "."
 * await Deno.mkdir(`${folder}/.git`);
 * const box = sandbox().use(workspace(folder, { protect: [".git"] }));
 * await box.output(["sh", "-c", "touch built; touch .git/no"]);
 * console.log(Array.from(Deno.readDirSync(folder), (entry) => entry.name)); // .git, built
 * ```
 *
 * @module
 */

import { checkKeys, defineHook, type MountSpec, type Plugin, SpecError } from "../mod.ts";

/** How {@linkcode workspace} shows the folder. */
export interface WorkspaceOptions {
  /** Where it is inside. Default: `/workspace`. */
  target?: string;
  /** Paths in it that stay read-only. They must exist. Default: `.git`. */
  protect?: readonly string[];
}

/**
 * Binds the folder writable, binds the protected paths read-only over it, and makes it the working
 * directory unless there is one. A protected path is a mount point, so it cannot be renamed or
 * removed either.
 *
 * Errors: `SpecError` for a protected path that leaves the folder or does not exist. It is not left
 * out silently, for the command could then make it: say `protect: []` if there is nothing.
 */
export function workspace(folder: string, options: WorkspaceOptions = {}): Plugin {
  checkKeys(options, "workspace", ["target", "protect"]);
  const { target = "/workspace", protect = [".git"] } = options;
  for (const path of protect) {
    if (path === "" || path.startsWith("/") || path.split("/").includes("..")) {
      throw new SpecError("workspace.protect", `"${path}" must be a path inside of "${folder}"`);
    }
  }
  return defineHook({
    name: "workspace",
    async configure(spec) {
      const mounts: MountSpec[] = [{ kind: "bind", source: folder, target, writable: true }];
      for (const path of protect) {
        const source = `${folder}/${path}`;
        await checkExists(source);
        mounts.push({ kind: "bind", source, target: `${target}/${path}` });
      }
      return { ...spec, cwd: spec.cwd ?? target, mounts: [...spec.mounts, ...mounts] };
    },
  });
}

async function checkExists(path: string): Promise<void> {
  try {
    const { isSymlink } = await Deno.lstat(path);
    if (!isSymlink) return;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new SpecError(
      "workspace.protect",
      `"${path}" does not exist, and the command could make it; make it, or leave it out of protect`,
    );
  }
  // What is protected would be where the link leads; the link itself could still be replaced.
  throw new SpecError(
    "workspace.protect",
    `"${path}" is a symbolic link; protect what it leads to`,
  );
}
