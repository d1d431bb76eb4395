/**
 * `--trace`: what a launch did and when, on standard error.
 *
 * @module
 */

import type { Traced } from "../run/tracing.ts";
import { paintFor } from "./colour.ts";
import { complain } from "./failure.ts";

/** A step that took this share of the way to the command is worth a look. */
const REMARKABLE = 0.15;

function milliseconds(time: number): string {
  return time.toFixed(2).padStart(9);
}

function what(traced: Traced): string {
  if (traced.kind === "step") return `${String(traced.number).padStart(3)}. ${traced.sentence}`;
  if (traced.kind === "started") return "     the command runs";
  const { plugin, stage, took } = traced;
  return `     plugin "${plugin}", ${stage}: took ${took.toFixed(2)} ms`;
}

/** The lines: when each had ended, and how long after what ended before it. */
export function traceLines(
  all: readonly Traced[],
  emphasize: (text: string) => string = (text) => text,
): string[] {
  // Several processes are at work, and what they tell may be read in another order.
  const ordered = [...all].sort((one, other) => one.at - other.at);
  const started = ordered.find(({ kind }) => kind === "started") ?? ordered.at(-1);
  let before = 0;
  return ordered.map((traced) => {
    const took = traced.at - before;
    before = traced.at;
    const line = `${milliseconds(traced.at)} ${milliseconds(took)}  ${what(traced)}`;
    const slow = started !== undefined && traced.at <= started.at &&
      took > started.at * REMARKABLE;
    return slow ? emphasize(line) : line;
  });
}

/** Keeps what is told, to be printed when the command has ended: its own words come in between. */
export class Trace {
  readonly #all: Traced[] = [];

  /** For the launch. */
  readonly onTrace = (traced: Traced): void => void this.#all.push(traced);

  /** Prints it. */
  print(): void {
    const { bold } = paintFor(Deno.stderr);
    complain(`       ms     after  step (its own time and that of what tells nothing of itself)`);
    for (const line of traceLines(this.#all, bold)) complain(line);
  }
}
