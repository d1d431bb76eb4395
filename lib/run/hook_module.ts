/**
 * Loads the modules that `--hook` and a file's `hooks` name.
 *
 * @module
 */

import { toFileUrl } from "@std/path";
import { SpecError } from "../errors.ts";
import { defineHook, type Plugin } from "../hook.ts";

/** The URL of a module: a path, relative to the working directory, or a URL such as `jsr:...`. */
export function moduleUrl(name: string): string {
  if (/^(file|https?|jsr|npm|data):/.test(name)) return name;
  return toFileUrl(name.startsWith("/") ? name : `${Deno.cwd()}/${name}`).href;
}

async function load(name: string): Promise<Plugin[]> {
  let module: { default?: unknown };
  try {
    module = await import(moduleUrl(name));
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw new SpecError("--hook", `the module "${name}" cannot be loaded: ${text}`);
  }
  const plugins = Array.isArray(module.default) ? module.default : [module.default];
  return plugins.map((plugin: unknown): Plugin => {
    if (typeof plugin === "object" && plugin !== null) {
      try {
        return defineHook(plugin as Plugin);
      } catch (error) {
        if (!(error instanceof SpecError)) throw error;
        throw new SpecError("--hook", `the module "${name}": ${error.message}`);
      }
    }
    const what = plugin === undefined
      ? "has no default export"
      : typeof plugin === "function"
      ? "exports a function, which is a preset, not a hook"
      : `exports ${JSON.stringify(plugin)}`;
    throw new SpecError(
      "--hook",
      `the module "${name}" ${what}; write \`export default defineHook({ name: .., .. })\``,
    );
  });
}

/** The plugins of some modules, in their order. */
export async function loadHooks(names: readonly string[]): Promise<Plugin[]> {
  const plugins: Plugin[] = [];
  // One after the other, so that modules with effects have them in the caller's order.
  for (const name of names) plugins.push(...await load(name));
  return plugins;
}
