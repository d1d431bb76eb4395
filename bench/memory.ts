/**
 * The memory that one idle sandbox holds beside its own command: the proportional set size of the
 * agent and of the sandbox's pid 1. Needs root, for the kernel shows it to nobody else.
 *
 * @module
 */

import { sandbox } from "../mod.ts";

/** Bytes, by process; undefined where it cannot be read. */
export async function benchMemory(): Promise<Record<string, number> | undefined> {
  await using child = await sandbox().spawn(["sleep", "60"], {
    stdin: "null",
    stdout: "null",
    stderr: "null",
  });
  try {
    const parent = stat(child.pid), agent = stat(parent);
    return { agent: pss(agent), "pid 1": pss(parent) };
  } catch {
    return undefined;
  }
}

/** The parent of a process. */
function stat(pid: number): number {
  const text = Deno.readTextFileSync(`/proc/${pid}/stat`);
  return Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[1]);
}

function pss(pid: number): number {
  const text = Deno.readTextFileSync(`/proc/${pid}/smaps_rollup`);
  return Number(/^Pss:\s+(\d+) kB$/m.exec(text)![1]) * 1024;
}
