/**
 * What the command takes as a process, beside `deno run -A` of an empty file.
 *
 * @module
 */

import { paired, type Timing } from "./measure.ts";

const CLI = new URL("../cli.ts", import.meta.url).pathname;

/** Times `paddock run -- true` and `paddock --help` as whole processes. */
export async function benchStartup(rounds: number): Promise<Timing[]> {
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
