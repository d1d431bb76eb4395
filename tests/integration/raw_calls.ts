/**
 * System calls made in a sandbox by their numbers, which no C library changes.
 *
 * @module
 */

import { errnoName } from "../../lib/sys/abi/errno.ts";
import { ARCH, syscallNumber } from "../../lib/sys/mod.ts";
import type { Sandbox } from "../../mod.ts";
import { lines, run } from "./support.ts";

/** A call's name and its arguments; a text is handed over as bytes in memory. */
export type RawCall = [name: string, ...args: (number | bigint | string)[]];

/** The calls that this architecture has: aarch64 has no `chmod`, for one. */
export function existing(calls: readonly RawCall[]): RawCall[] {
  return calls.filter(([name]) => syscallNumber(name) !== undefined);
}

/** The Perl program that makes these calls and prints a line for each. */
export function perlProgram(calls: readonly RawCall[]): string {
  return calls.map(([name, ...args]) => {
    const number = syscallNumber(name);
    if (number === undefined) throw new Error(`${ARCH} has no system call "${name}"`);
    const words = args.map((arg) => typeof arg === "string" ? `my $t = "${arg}"` : `${arg}`);
    return `{ my $r = syscall(${[number, ...words].join(", ")}); ` +
      `print $r < 0 ? $! + 0 : "=$r", "\\n"; }`;
  }).join("\n");
}

/** What raw system calls get inside, by the errno's name; "0" and up are what they return. */
export async function raw(box: Sandbox, ...calls: RawCall[]): Promise<string[]> {
  const output = await run(box, ["perl", "-e", perlProgram(calls)]);
  return lines(output).map((line) =>
    line.startsWith("=") ? line.slice(1) : errnoName(Number(line))
  );
}
