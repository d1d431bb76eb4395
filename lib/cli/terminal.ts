/**
 * Connects the terminal of a sandboxed command with paddock's own: what is typed goes in unchanged,
 * what is shown comes out unchanged, and the window's size is kept the same.
 *
 * @module
 */

import type { SandboxProcess, SandboxStatus } from "../run/child.ts";
import type { TerminalSize } from "../spec.ts";
import {
  getTerminalSettings,
  getWindowSize,
  isTerminal,
  rawSettings,
  setTerminalSettings,
} from "../sys/terminal.ts";

const STDIN = 0;
const STDOUT = 1;
/** What a terminal's line discipline takes for "no more input": Ctrl-D. */
const END_OF_INPUT = Uint8Array.of(4);

/** The size of the terminal that paddock itself is on, if it is on one. */
export function ownSize(): TerminalSize | undefined {
  const fd = [STDIN, STDOUT].find(isTerminal);
  if (fd === undefined) return undefined;
  const { columns, rows } = getWindowSize(fd);
  return { columns, rows };
}

/** Copies both ways until the command has ended and all it wrote is shown. */
export async function relay(child: SandboxProcess): Promise<SandboxStatus> {
  const interactive = isTerminal(STDIN);
  const settings = interactive ? getTerminalSettings(STDIN) : undefined;
  const over = new AbortController();
  let shown = false;
  const resize = () => {
    const size = ownSize();
    if (size !== undefined && !shown) child.terminal.resize(size.columns, size.rows);
  };
  // Raw: Ctrl-C and the like are bytes for the terminal inside, which makes signals of them there.
  // At once and not after a drain, which would wait for a terminal that is stopped by Ctrl-S.
  if (settings) setTerminalSettings(STDIN, rawSettings(settings), "now");
  try {
    Deno.addSignalListener("SIGWINCH", resize);
    // The window may have changed its size while the sandbox was being made.
    resize();
    const writer = child.stdin.getWriter();
    type(writer, interactive, over.signal).catch(() => {});
    const complete = await show(child);
    shown = true;
    if (!complete) hangUp(child, writer);
    return await child.status;
  } finally {
    shown = true;
    over.abort();
    Deno.removeSignalListener("SIGWINCH", resize);
    if (settings) setTerminalSettings(STDIN, settings, "now");
  }
}

/** Copies what the command shows. Resolves to false when nobody can see it any more. */
async function show(child: SandboxProcess): Promise<boolean> {
  for await (const chunk of child.stdout) {
    let rest: Uint8Array = chunk;
    try {
      while (rest.length > 0) rest = rest.subarray(await Deno.stdout.write(rest));
    } catch {
      return false;
    }
  }
  return true;
}

/** Ends a terminal as the closing of its window does. */
function hangUp(child: SandboxProcess, writer: WritableStreamDefaultWriter<Uint8Array>): void {
  // The kernel sends SIGHUP when the last descriptor is closed; a write under way would delay that.
  writer.abort().catch(() => {});
  try {
    child.kill("SIGHUP");
  } catch { /* it has ended */ }
}

/** Copies what is typed. */
async function type(
  writer: WritableStreamDefaultWriter<Uint8Array>,
  interactive: boolean,
  over: AbortSignal,
): Promise<void> {
  const buffer = new Uint8Array(4096);
  for (;;) {
    const count = await Deno.stdin.read(buffer).catch(() => null);
    if (over.aborted) return;
    if (count === null) break;
    await writer.write(buffer.slice(0, count));
  }
  // A terminal that has gone away says so by SIGHUP too, and that is sent on.
  if (interactive) return;
  // A pipe has ended, and a terminal has no other way to say so than Ctrl-D. It counts only while
  // lines are being read, and a shell that is just switching its line editor on reads it as another
  // byte; so, like any file that is at its end, this one stays there.
  for (let pause = 50; !over.aborted; pause = Math.min(pause * 2, 1000)) {
    await writer.write(END_OF_INPUT);
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}
