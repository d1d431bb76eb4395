/**
 * What the command takes as a process, beside `deno run -A` of an empty file.
 *
 * @module
 */

import { OTHER_SOURCES } from "../lib/cli/bundle/other_sources.js";
import { MAIN_SOURCES } from "../lib/cli/bundle/paddock.js";
import { isFresh } from "../lib/cli/freshness.ts";
import { paired, type Timing } from "./measure.ts";

const HOME = new URL("..", import.meta.url).pathname;
const CLI = `${HOME}cli.ts`;

/** Times `paddock run -- true` and `paddock --help` as whole processes. */
export async function benchStartup(rounds: number): Promise<Timing[]> {
  const sources = { ...MAIN_SOURCES, ...OTHER_SOURCES };
  if (!isFresh(HOME, "lib/cli/bundle/paddock.js", sources)) {
    throw new Error("lib/cli/bundle/ is older than its sources: run `deno task bundle` first");
  }
  const empty = await Deno.makeTempFile({ suffix: ".ts" });
  const deno = (args: string[]) => () =>
    new Deno.Command(Deno.execPath(), { args: ["run", "-A", ...args] }).output();
  try {
    return await paired([
      { name: "empty file", run: deno([empty]) },
      { name: "paddock run -- true", run: deno([CLI, "run", "--", "true"]) },
      { name: "paddock --help", run: deno([CLI, "--help"]) },
    ], rounds);
  } finally {
    await Deno.remove(empty);
  }
}
