/**
 * A bar on standard error while something large is read; nothing where that is no terminal.
 *
 * @module
 */

import { writeAll } from "../failure.ts";
import { sizeText } from "./size_text.ts";

const WIDTH = 30;
const EVERY_MILLISECONDS = 80;

/** The bar. */
export class ProgressBar implements Disposable {
  readonly #on = Deno.stderr.isTerminal();
  #shown = -Infinity;
  #there = false;

  /** Shows how many bytes were read, and of how many, if that is known. */
  show(done: number, total: number | undefined): void {
    const now = performance.now();
    if (!this.#on || now - this.#shown < EVERY_MILLISECONDS) return;
    this.#shown = now;
    this.#there = true;
    writeAll(Deno.stderr, `\r\x1b[K${line(done, total)}`);
  }

  /** Takes it away. */
  clear(): void {
    if (this.#there) writeAll(Deno.stderr, "\r\x1b[K");
    this.#there = false;
  }

  /** Takes it away, also when something failed. */
  [Symbol.dispose](): void {
    this.clear();
  }
}

/** The bar's text. */
export function line(done: number, total: number | undefined): string {
  if (total === undefined || total === 0) return `importing ${sizeText(done)}`;
  const part = Math.min(done / total, 1);
  const full = Math.round(part * WIDTH);
  const bar = "#".repeat(full).padEnd(WIDTH, ".");
  return `importing [${bar}] ${Math.floor(part * 100)}% of ${sizeText(total)}`;
}
