/**
 * `paddock cp`.
 *
 * @module
 */

import { SpecError } from "../../errors.ts";
import { attach } from "../../start.ts";
import { type CommonRequest, readArguments } from "../arguments.ts";
import type { CliContext, Usage } from "../command.ts";

/** What there is to tell of it. */
export const USAGE: Usage<CommonRequest> = {
  command: "cp",
  operands: "SRC NAME:DST | NAME:SRC DST",
  count: { least: 2, most: 2 },
  summary: "Copies a file or a tree into a detached sandbox that runs, or out of it.",
  options: [],
  examples: [
    { line: "paddock cp ./site web:/tmp", does: "to /tmp/site, as the sandbox's user" },
    { line: "paddock cp web:/tmp/report.txt .", does: "the other way; the copy is yours" },
  ],
  notes:
    `A directory that is there gets the copy within it. Links are copied as links, and none is followed but
in the path of SRC and DST; inside, that is as if the sandbox's root were the root. Set-uid bits are not
copied. A host's file with a colon in its name is written as ./NAME.`,
  completes: ["file"],
};

/** `NAME:/PATH`, or undefined for a path of the host. */
function insidePath(word: string): { name: string; path: string } | undefined {
  const [, name, path] = /^([A-Za-z0-9][A-Za-z0-9_.-]*):(.*)$/s.exec(word) ?? [];
  return name === undefined ? undefined : { name, path: path! };
}

/** Copies. */
export async function cp(args: readonly string[], context: CliContext): Promise<number> {
  const words = readArguments(args, USAGE, { help: false, debug: false }, context);
  if (words === undefined) return 0;
  const [from, to] = words.map(insidePath);
  if ((from === undefined) === (to === undefined)) {
    throw new SpecError("command line", "one of the two is NAME:PATH, and the other is the host's");
  }
  await using box = attach((from ?? to)!.name);
  if (from !== undefined) await box.copyOut(from.path, words[1]!);
  else await box.copyIn(words[0]!, to!.path);
  return 0;
}
