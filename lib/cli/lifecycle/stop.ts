/**
 * `paddock stop`.
 *
 * @module
 */

import { parseDuration } from "../../quantity.ts";
import { killAll, signalProcess, waitForEnd } from "../../run/detached/processes.ts";
import { SIGNALS } from "../../sys/abi/signal.ts";
import { type CommonRequest, readArguments } from "../arguments.ts";
import type { CliContext, Usage } from "../command.ts";
import { look, mustRun, withEach } from "./each.ts";
import { signalValue } from "./kill.ts";

interface Request extends CommonRequest {
  grace: number;
  signal: number;
}

/** What there is to tell of it. */
export const USAGE: Usage<Request> = {
  command: "stop",
  operands: "NAME...",
  count: { least: 1, most: Infinity },
  summary:
    "Asks the command of a detached sandbox to end, waits, and kills everything in it if it has not.",
  options: [
    {
      name: "time",
      short: "t",
      value: "TIME",
      group: "Stop",
      help: "how long it may take to end by itself, e.g. 500ms; default: 10s",
      apply: (request, value) => {
        request.grace = parseDuration(/^\d+$/.test(value) ? `${value}s` : value, "value");
      },
    },
    {
      name: "signal",
      short: "s",
      value: "SIGNAL",
      group: "Stop",
      help: "how it is asked; default: TERM",
      apply: (request, value) => request.signal = signalValue(value),
    },
  ],
  examples: [
    { line: "paddock stop web", does: "SIGTERM, and SIGKILL ten seconds later" },
    { line: "paddock stop -t 0 web db", does: "at once" },
  ],
  completes: ["sandbox"],
};

/** Stops them. */
export async function stop(args: readonly string[], context: CliContext): Promise<number> {
  const request: Request = { help: false, debug: false, grace: 10_000, signal: SIGNALS.SIGTERM };
  const names = readArguments(args, USAGE, request, context);
  if (names === undefined) return 0;
  return await withEach(names, async (found) => {
    await mustRun(found);
    const { record } = found;
    signalProcess(record, "command", request.signal);
    if (!await waitForEnd(record.processes!.keeper, request.grace)) await killAll(record);
    await look(found);
    return 0;
  });
}
