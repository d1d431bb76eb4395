/**
 * `paddock logs`.
 *
 * @module
 */

import { SpecError } from "../../errors.ts";
import { LogReader } from "../../run/detached/log_reader.ts";
import { conditionOf } from "../../state/condition.ts";
import { find } from "../../state/find.ts";
import { type CommonRequest, readArguments } from "../arguments.ts";
import type { CliContext, Usage } from "../command.ts";
import { writeAll } from "../failure.ts";
import { look } from "./each.ts";

interface Request extends CommonRequest {
  follow: boolean;
  tail: number | undefined;
}

/** What there is to tell of it. */
export const USAGE: Usage<Request> = {
  command: "logs",
  operands: "NAME",
  count: { least: 1, most: 1 },
  summary:
    "Prints what a detached sandbox has written: standard output there, standard error there.",
  options: [
    {
      name: "follow",
      short: "f",
      group: "Logs",
      help: "go on until it has ended",
      apply: (request) => request.follow = true,
    },
    {
      name: "tail",
      short: "n",
      value: "LINES",
      group: "Logs",
      help: "begin with the last lines of each stream",
      apply: (request, value) => {
        if (!/^\d{1,9}$/.test(value)) throw new SpecError("value", `"${value}" is no number`);
        request.tail = Number(value);
      },
    },
  ],
  examples: [
    { line: "paddock logs web", does: "all that is kept" },
    { line: "paddock logs -f -n 20 web", does: "the last lines, and what comes" },
  ],
  notes:
    "Of each stream the newest files are kept: 10 MiB and one older, unless the start said otherwise.",
  completes: ["sandbox"],
};

/** How long it is waited for more, in milliseconds. */
const PAUSE = 100;

/** Prints them. */
export async function logs(args: readonly string[], context: CliContext): Promise<number> {
  const request: Request = { help: false, debug: false, follow: false, tail: undefined };
  const names = readArguments(args, USAGE, request, context);
  if (names === undefined) return 0;
  const found = find(names[0]!);
  const { record } = found;
  const streams = (["stdout", "stderr"] as const).map((stream) => ({
    reader: new LogReader(record.logs[stream], record.logs.files),
    to: Deno[stream],
  }));
  try {
    for (const { reader } of streams) reader.begin(request.tail);
    for (;;) {
      // Before the rest is read: what was written until the end is there then.
      const over = !request.follow || !["running", "starting"].includes(conditionOf(record));
      let count = 0;
      for (const { reader, to } of streams) {
        for (const bytes of reader.read()) {
          count += bytes.length;
          writeAll(to, bytes);
        }
      }
      if (over) break;
      if (count === 0) await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  } catch (error) {
    // Whoever reads has enough, as with `paddock logs web | head -1`.
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  } finally {
    for (const { reader } of streams) reader.close();
  }
  if (request.follow) await look(found);
  return 0;
}
