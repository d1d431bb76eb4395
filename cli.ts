/**
 * The `paddock` command: arguments in, exit code out. The commands are in `lib/cli/`.
 *
 * What runs is the bundle of them, for a hundred modules take longer to open than a sandbox to
 * start. In a checkout whose sources have changed since it was made, the sources run.
 *
 * @module
 */

import {
  isFresh,
  isPlainRun,
  main as bundled,
  MAIN_SOURCES,
  OTHER_SOURCES,
} from "./lib/cli/bundle/paddock.js";

/**
 * The whole command: arguments to exit code. It never throws and never ends the program itself.
 *
 * Exit codes: the command's own; 128 + N for signal N; 124 timed out; 125 paddock failed; 126 not
 * executable; 127 not found.
 */
export async function main(args: readonly string[]): Promise<number> {
  // Not a file when it comes from a registry: a release, whose bundle has been compared.
  const folder = import.meta.dirname;
  // A plain run is all in the main file, and does not look at what the others are made of.
  const sources = isPlainRun(args) ? MAIN_SOURCES : { ...MAIN_SOURCES, ...OTHER_SOURCES };
  if (folder === undefined || isFresh(folder, "lib/cli/bundle/paddock.js", sources)) {
    return await bundled(args);
  }
  // Put together, for Deno opens at the start whatever it can read the name of.
  const { main } = await import(new URL("lib/cli/main.ts", import.meta.url).href);
  return await main(args);
}

if (import.meta.main) Deno.exit(await main(Deno.args));
