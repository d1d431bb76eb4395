/**
 * Many detached sandboxes: how long it takes to start, list, find and remove them, and what their
 * keepers hold. `deno run -A bench/detached.ts [COUNT]` prints it for 1,000.
 *
 * @module
 */

import { startDetached } from "../lib/run/detached/start.ts";
import { sandbox } from "../mod.ts";
import type { SandboxRecord } from "../lib/state/record.ts";

/** What was measured; times in milliseconds, memory in KiB of PSS. */
export interface DetachedFigures {
  readonly count: number;
  /** Of one start, within a program that starts them all. */
  readonly start: number;
  /** `paddock ps`, as a process. */
  readonly list: number;
  /** `paddock ps NAME` of one of them, as a process. */
  readonly find: number;
  /** `paddock rm -f` of all, as a process. */
  readonly remove: number;
  /** The keeper and pid 1 of one, where this user may know it. */
  readonly memory?: number;
  /** Keepers and state that were left. */
  readonly left: number;
}

const CLI = new URL("../cli.ts", import.meta.url).pathname;

async function timed(...args: string[]): Promise<{ time: number; stdout: string }> {
  const begin = performance.now();
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", CLI, ...args],
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return { time: performance.now() - begin, stdout: new TextDecoder().decode(stdout) };
}

function pss(pid: number): number {
  const text = Deno.readTextFileSync(`/proc/${pid}/smaps_rollup`);
  return Number(/^Pss:\s+(\d+) kB$/m.exec(text)![1]);
}

function memoryOf({ processes }: SandboxRecord): number | undefined {
  try {
    return pss(processes!.keeper.pid) + pss(processes!.first.pid);
  } catch {
    return undefined;
  }
}

/** Measures so many, with a state directory of their own. */
export async function benchDetached(count: number): Promise<DetachedFigures> {
  const folder = await Deno.makeTempDir({ prefix: "paddock-bench-" });
  await Deno.chmod(folder, 0o700);
  Deno.env.set("PADDOCK_STATE", folder);
  try {
    const { spec } = sandbox();
    const begin = performance.now();
    let record: SandboxRecord | undefined;
    for (let turn = 0; turn < count; turn++) {
      record = await startDetached(spec, [], ["sleep", "1000"], { name: `sleeper-${turn}` });
    }
    const start = (performance.now() - begin) / count;
    const list = await timed("ps");
    const listed = list.stdout.split("\n").filter((line) => line.includes(" running ")).length;
    if (listed !== count) throw new Error(`${listed} of ${count} are listed`);
    const find = await timed("ps", `sleeper-${count - 1}`);
    const memory = record && memoryOf(record);
    const names = Array.from({ length: count }, (_, turn) => `sleeper-${turn}`);
    const remove = await timed("rm", "-f", ...names);
    const left = [...Deno.readDirSync(`${folder}/sandboxes`)].length;
    return { count, start, list: list.time, find: find.time, remove: remove.time, memory, left };
  } finally {
    await timed("prune");
    Deno.env.delete("PADDOCK_STATE");
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) console.log(await benchDetached(Number(Deno.args[0] ?? 1000)));
