/**
 * The `paddock` command: arguments in, exit code out. The commands are in `lib/cli/`.
 *
 * What runs is the bundle of them, for a hundred modules take longer to open than a sandbox to
 * start. In a checkout whose sources have changed since it was made, the sources run.
 *
 * @module
 */

import { isFresh, isInMainFile, main as bundled, MAIN_SOURCES } from "./lib/cli/bundle/paddock.js";

/** Imports a file of the package. By an address that is put together, for Deno opens at the start whatever it can read the name of. */
const load = (path: string) => import(new URL(path, import.meta.url).href);

/**
 * The whole command: arguments to exit code. It never throws and never ends the program itself.
 *
 * Exit codes: the command's own; 128 + N for signal N; 124 timed out; 125 paddock failed; 126 not
 * executable; 127 not found.
 */
export async function main(args: readonly string[]): Promise<number> {
  // Not a file when it comes from a registry: a release, whose bundle has been compared.
  const folder = import.meta.dirname;
  const fresh = (sources: Record<string, number>) =>
    isFresh(folder!, "lib/cli/bundle/paddock.js", sources);
  // A plain run is all in the main file, and does not look at what the others are made of.
  const isFreshForThese = folder === undefined || fresh(MAIN_SOURCES) &&
      (isInMainFile(args) || fresh((await load("lib/cli/bundle/other_sources.js")).OTHER_SOURCES));
  if (isFreshForThese) return await bundled(args);
  const { main } = await load("lib/cli/main.ts");
  return await main(args);
}

if (import.meta.main) Deno.exit(await main(Deno.args));
