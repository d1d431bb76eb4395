/**
 * A warm pool: sandboxes are built before there is anything to run, so a run takes hardly longer
 * than the command itself.
 *
 *     deno run -A examples/warm_pool.ts
 *
 * @module
 */

import { pool, sandbox } from "../mod.ts"; // in your project: "jsr:@paddock/paddock"

const box = sandbox().hostname("warm").timeout("5s");

async function timed(what: string, run: () => Promise<{ stdout: Uint8Array }>): Promise<void> {
  const times: number[] = [];
  let said = "";
  for (let turn = 0; turn < 20; turn++) {
    const at = performance.now();
    const { stdout } = await run();
    times.push(performance.now() - at);
    said = new TextDecoder().decode(stdout).trim();
    await new Promise((done) => setTimeout(done, 5)); // as between two requests of a server
  }
  const median = times.sort((a, b) => a - b)[10]!;
  console.log(`${what}: ${median.toFixed(1)} ms, it says "${said}"`);
}

await timed("no sandbox", () => new Deno.Command("uname", { args: ["-s"] }).output());
await timed("a sandbox", () => box.output(["uname", "-n"]));

await using warm = pool(box, { size: 2 });
await warm.ready();
await timed("from a warm pool", () => warm.run(["uname", "-n"]));
