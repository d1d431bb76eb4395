/**
 * What the tests that run real sandboxes share.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { discardSpares } from "../../lib/run/spares.ts";
import type { Command, Sandbox, SandboxOutput } from "../../mod.ts";

/**
 * How much slower than a real machine this one is: an emulated one has longer for what has a time,
 * and does fewer rounds of what is done many times.
 */
export const PACE = Number(Deno.env.get("PADDOCK_TEST_PACE") ?? 1);

/** Whether the tests run as root. */
export const ROOT = Deno.uid() === 0;

/** Whether the kernel is of this release or a newer one. */
export function kernelIs(major: number, minor: number): boolean {
  const [here = 0, below = 0] = Deno.osRelease().split(".").map(Number);
  return here > major || (here === major && below >= minor);
}

/** Bytes as text. */
export function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** Runs a command, which must succeed without a word on standard error: what it wrote. */
export async function run(box: Sandbox, command: Command): Promise<string> {
  const { stdout, stderr, code } = await box.output(command);
  assertEquals({ code, stderr: text(stderr) }, { code: 0, stderr: "" });
  return text(stdout);
}

/** Runs a shell script, which must succeed without a word on standard error. */
export function sh(box: Sandbox, script: string, ...args: string[]): Promise<string> {
  return run(box, ["sh", "-c", script, "sh", ...args]);
}

/** A shell script's end, whatever it was, with its output as text. */
export async function attempt(
  box: Sandbox,
  script: string,
): Promise<Omit<SandboxOutput, "stdout" | "stderr"> & { stdout: string; stderr: string }> {
  const output = await box.output(["sh", "-c", script]);
  return { ...output, stdout: text(output.stdout), stderr: text(output.stderr) };
}

/** The lines of a text, without the last newline. */
export function lines(words: string): string[] {
  return words.replace(/\n$/, "").split("\n");
}

/** A test that only makes sense under a condition; where it does not hold, the reason is printed. */
export function testIf(
  condition: boolean,
  reason: string,
  name: string,
  fn: () => void | Promise<void>,
): void {
  if (!condition) console.warn(`skipped: "${name}": ${reason}`);
  Deno.test({ name, ignore: !condition, fn });
}

/** Whether a program is installed here. */
export function installed(program: string): boolean {
  return ["/usr/bin", "/bin", "/usr/sbin", "/sbin"].some((folder) => {
    try {
      return Deno.statSync(`${folder}/${program}`).isFile;
    } catch {
      return false;
    }
  });
}

/** Runs `use` with a fresh directory, which everybody may enter, and removes it. */
export async function inFolder<T>(use: (folder: string) => T | Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir({ prefix: "paddock-test-" });
  try {
    await Deno.chmod(folder, 0o755);
    return await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Waits until something holds, at most `limit` milliseconds: whether it came to hold. */
export async function until(
  holds: () => boolean | Promise<boolean>,
  limit = 5000,
): Promise<boolean> {
  const end = performance.now() + limit;
  while (performance.now() < end) {
    if (await holds()) return true;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return await holds();
}

/** Waits so many milliseconds. */
export function wait(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** The inode link of a namespace of a process, e.g. `net:[4026531840]`. */
export function namespaceOf(pid: number | "self", file: string): string {
  return Deno.readLinkSync(`/proc/${pid}/ns/${file}`);
}

/** The pids of all processes whose command line holds a text. */
export function processesWith(tag: string): number[] {
  const found: number[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name) || Number(name) === Deno.pid) continue;
    try {
      const line = Deno.readTextFileSync(`/proc/${name}/cmdline`);
      if (line.includes(tag)) found.push(Number(name));
    } catch { /* it has ended */ }
  }
  return found;
}

/** Ends what the library keeps for the next launch. */
function withoutSpares(): void {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (let turn = 0; turn < 1000 && discardSpares() > 0; turn++) Atomics.wait(pause, 0, 0, 1);
}

/** The direct children of a process; of an agent's, only those that launches know. */
export function childrenOf(pid: number): number[] {
  withoutSpares();
  try {
    return [...Deno.readDirSync(`/proc/${pid}/task`)].flatMap(({ name }) =>
      Deno.readTextFileSync(`/proc/${pid}/task/${name}/children`).split(" ").filter(Boolean)
        .map(Number)
    );
  } catch {
    return [];
  }
}

/** How many descriptors this program has open, but for what it keeps for the next launch. */
export function openDescriptors(): number {
  withoutSpares();
  return [...Deno.readDirSync("/proc/self/fd")].length;
}

const MODULE = JSON.stringify(import.meta.resolve("../../mod.ts"));
const CONFIG = new URL("../../deno.json", import.meta.url).pathname;

/**
 * Deno's arguments for a host program of these lines, for which `sandbox`, `Sandbox` and
 * `defineHook` are imported.
 */
export function programArguments(source: string): string[] {
  const code = `import { defineHook, sandbox, Sandbox } from ${MODULE};\n${source}`;
  return [
    "run",
    "-A",
    "--no-check",
    `--config=${CONFIG}`,
    `data:application/typescript,${encodeURIComponent(code)}`,
  ];
}

/** How to start a host program of these lines in a Deno of its own. */
export function program(source: string): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: programArguments(source),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

/** Runs a host program of these lines to its end. */
export async function runProgram(
  source: string,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await program(source).output();
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

// Test files run one after the other in one process, each on a thread of its own: agents of files
// before this one have ended with their threads, but stay as zombies that nobody waits for.
const earlier = new Set(childrenOf(Deno.pid));

/** The children of this program that are this file's: the agent first. */
export function ownChildren(): number[] {
  return childrenOf(Deno.pid).filter((pid) => !earlier.has(pid));
}
