/**
 * The `paddock` command: arguments in, exit code out. The commands are in `lib/cli/`.
 *
 * What runs is the bundle of them, for a hundred modules take longer to open than a sandbox to
 * start. In a checkout whose sources have changed since it was made, the sources run.
 *
 * @module
 */

import { isFresh, main as bundled, SOURCES } from "./lib/cli/bundle/paddock.js";

/**
 * The whole command: arguments to exit code. It never throws and never ends the program itself.
 *
 * Exit codes: the command's own; 128 + N for signal N; 124 timed out; 125 paddock failed; 126 not
 * executable; 127 not found.
 */
export async function main(args: readonly string[]): Promise<number> {
  // Not a file when it comes from a registry: a release, whose bundle has been compared.
  const folder = import.meta.dirname;
  if (folder === undefined || isFresh(folder, "lib/cli/bundle/paddock.js", SOURCES)) {
    return await bundled(args);
  }
  // Put together, for Deno opens at the start whatever it can read the name of.
  const sources = await import(new URL("lib/cli/main.ts", import.meta.url).href);
  return await sources.main(args);
}

if (import.meta.main) Deno.exit(await main(Deno.args));
