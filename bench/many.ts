/**
 * Many sandboxes: alive at once, and one after another.
 *
 * @module
 */

import { sandbox, type SandboxProcess } from "../mod.ts";
import { median } from "./measure.ts";

/** What {@linkcode benchAlive} found. */
export interface Alive {
  count: number;
  firstMilliseconds: number;
  lastMilliseconds: number;
  threadsBefore: number;
  threadsAfter: number;
}

function threads(): number {
  return [...Deno.readDirSync("/proc/self/task")].length;
}

/** Starts sandboxes that sleep, all alive at once; compares the first 50 launches with the last. */
export async function benchAlive(count: number): Promise<Alive> {
  const box = sandbox();
  const quiet = { stdin: "null", stdout: "null", stderr: "null" } as const;
  await box.output(["true"]);
  const threadsBefore = threads();
  const times: number[] = [];
  const children: SandboxProcess[] = [];
  for (let index = 0; index < count; index++) {
    const start = performance.now();
    children.push(await box.spawn(["sleep", "600"], quiet));
    times.push(performance.now() - start);
  }
  const threadsAfter = threads();
  for (const child of children) child.kill("SIGKILL");
  await Promise.all(children.map(({ status }) => status));
  return {
    count,
    firstMilliseconds: median(times.slice(0, 50)),
    lastMilliseconds: median(times.slice(-50)),
    threadsBefore,
    threadsAfter,
  };
}

/** Runs sandboxes one after another, some at a time; resolves to how many a second. */
export async function benchThroughput(count: number, atATime: number): Promise<number> {
  const box = sandbox();
  await box.output(["true"]);
  const start = performance.now();
  let next = 0;
  await Promise.all(Array.from({ length: atATime }, async () => {
    while (next++ < count) await box.output(["/bin/true"]);
  }));
  return count / (performance.now() - start) * 1000;
}
