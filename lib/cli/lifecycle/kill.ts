/**
 * `paddock kill`.
 *
 * @module
 */

import { SandboxError, SpecError } from "../../errors.ts";
import { letDie, signalProcess } from "../../run/detached/processes.ts";
import { SIGNALS } from "../../sys/abi/signal.ts";
import { type CommonRequest, readArguments } from "../arguments.ts";
import type { CliContext, Usage } from "../command.ts";
import { mustRun, nameOf, withEach } from "./each.ts";

interface Request extends CommonRequest {
  signal: number;
}

/** A signal by its name, with or without "SIG", or by its number. */
export function signalValue(text: string): number {
  const number = /^\d+$/.test(text)
    ? Number(text)
    : (SIGNALS as Record<string, number>)[`SIG${text.toUpperCase().replace(/^SIG/, "")}`];
  if (number === undefined || number < 1 || number > 64) {
    throw new SpecError("value", `"${text}" is no signal; write e.g. TERM, SIGHUP or 9`);
  }
  return number;
}

/** What there is to tell of it. */
export const USAGE: Usage<Request> = {
  command: "kill",
  operands: "NAME...",
  count: { least: 1, most: Infinity },
  summary:
    "Sends a signal to the command of a detached sandbox. With its end everything in it ends.",
  options: [{
    name: "signal",
    short: "s",
    value: "SIGNAL",
    group: "Kill",
    help: "which one; default: KILL",
    apply: (request, value) => request.signal = signalValue(value),
  }],
  examples: [
    { line: "paddock kill web", does: "end it at once" },
    { line: "paddock kill -s HUP web", does: "tell it to read its configuration again" },
  ],
  completes: ["sandbox"],
};

/** Sends it. */
export async function kill(args: readonly string[], context: CliContext): Promise<number> {
  const request: Request = { help: false, debug: false, signal: SIGNALS.SIGKILL };
  const names = readArguments(args, USAGE, request, context);
  if (names === undefined) return 0;
  return await withEach(names, async (found) => {
    await mustRun(found);
    if (request.signal === SIGNALS.SIGKILL) letDie(found.record);
    if (signalProcess(found.record, "command", request.signal)) return 0;
    throw new SandboxError(`the command of the sandbox "${nameOf(found.record)}" has ended`);
  });
}
