/**
 * Commands that do one thing with each sandbox that is named.
 *
 * @module
 */

import { SandboxError } from "../../errors.ts";
import { mustBeHere, settle, type Settled } from "../../run/detached/settle.ts";
import { find, type Found } from "../../state/find.ts";
import type { SandboxRecord } from "../../state/record.ts";
import { complain, exitCode, oneLine } from "../failure.ts";

/** How many are seen to at a time: they take their time to end. */
const AT_ONCE = 16;

/** Does it with each; an error with one does not keep the others from it, and makes the exit code. */
export async function withEach(
  names: readonly string[],
  act: (found: Found) => Promise<number>,
): Promise<number> {
  // A single one's error is told of as every command's is, by whoever called.
  if (names.length === 1) return await act(find(names[0]!));
  const codes: number[] = names.map(() => 0);
  const waiting = [...names.entries()];
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [index, name] = next;
      try {
        codes[index] = await act(find(name));
      } catch (error) {
        complain(`paddock: ${oneLine(error)}`);
        codes[index] = exitCode(error);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return codes.findLast((code) => code !== 0) ?? 0;
}

/** What has become of a sandbox; what its hooks have to complain of is told. */
export async function look({ state, record }: Found): Promise<Settled> {
  const settled = await settle(state, record);
  for (const error of settled.hookErrors) complain(`paddock: ${oneLine(error)}`);
  mustBeHere(record, settled.condition);
  return settled;
}

/** What a sandbox is called in what is printed. */
export function nameOf({ name, id }: SandboxRecord): string {
  return name ?? id;
}

/** Refuses what does not run. */
export async function mustRun(found: Found): Promise<void> {
  const { condition } = await look(found);
  if (condition === "running") return;
  const what = {
    starting: "is just being started",
    ended: "has ended",
    lost: "has ended",
    broken: "never ran: whoever started it was killed",
    elsewhere: "runs elsewhere",
  }[condition];
  throw new SandboxError(`the sandbox "${nameOf(found.record)}" ${what}`);
}

/** A table with its columns under each other. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row.map((cell, column) => cell.padEnd(widths[column]!)).join("  ").trimEnd()
  ).join("\n");
}

/** As one line that no terminal takes for more than text. */
export function visible(text: string): string {
  // deno-lint-ignore no-control-regex
  const plain = text.replace(/[\x00-\x1f\x7f-\x9f]/g, "?");
  return plain.length > 60 ? `${plain.slice(0, 59)}…` : plain;
}
