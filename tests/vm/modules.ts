/**
 * Which of a kernel's modules to take along, and in which order to load them. A module names those
 * that it needs in its `.modinfo` section; depmod(8) of the machine itself does the rest.
 *
 * @module
 */

import { LaneError } from "./command.ts";

/** A module's file. */
export interface Module {
  readonly name: string;
  readonly path: string;
  readonly data: Uint8Array;
}

/** All modules below a folder, by name: file names have dashes where names have underscores. */
function modulesBelow(folder: string, found = new Map<string, string>()): Map<string, string> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) modulesBelow(path, found);
    else if (name.endsWith(".ko")) found.set(name.slice(0, -3).replaceAll("-", "_"), path);
  }
  return found;
}

/** The names of the modules that a module needs. */
export function dependencies(module: Uint8Array): string[] {
  const text = new TextDecoder("latin1").decode(module);
  const list = /\0depends=([\w,-]*)\0/.exec(text)?.[1] ?? "";
  return list.split(",").filter(Boolean).map((name) => name.replaceAll("-", "_"));
}

/** These modules and those that they need, each after what it needs. */
export function selectModules(folder: string, names: readonly string[]): Module[] {
  const all = modulesBelow(folder);
  const builtIn = new Set(
    Deno.readTextFileSync(`${folder}/modules.builtin`).split("\n")
      .map((path) => path.replace(/^.*\//, "").replace(/\.ko$/, "").replaceAll("-", "_")),
  );
  const selected = new Map<string, Module>();
  const visit = (name: string, by: string) => {
    if (selected.has(name) || builtIn.has(name)) return;
    const path = all.get(name);
    if (path === undefined) throw new LaneError(`this kernel has no module ${name}, for ${by}`);
    const data = Deno.readFileSync(path);
    for (const needed of dependencies(data)) visit(needed, name);
    selected.set(name, { name, path: path.slice(folder.length + 1), data });
  };
  for (const name of names) visit(name, "the tests");
  return [...selected.values()];
}
