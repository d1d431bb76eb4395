/**
 * `paddock wait`.
 *
 * @module
 */

import { SandboxError } from "../../errors.ts";
import { waitForEnd } from "../../run/detached/processes.ts";
import { conditionOf } from "../../state/condition.ts";
import type { Found } from "../../state/find.ts";
import { type CommonRequest, readArguments } from "../arguments.ts";
import type { CliContext, Usage } from "../command.ts";
import { EXIT } from "../failure.ts";
import { print } from "../help.ts";
import { look, nameOf, withEach } from "./each.ts";

interface Request extends CommonRequest {
  json: boolean;
}

/** What there is to tell of it. */
export const USAGE: Usage<Request> = {
  command: "wait",
  operands: "NAME...",
  count: { least: 1, most: Infinity },
  summary: "Waits until detached sandboxes have ended.",
  options: [{
    name: "json",
    group: "Wait",
    help: "print a line of JSON for each: how it ended, and what it took",
    apply: (request) => request.json = true,
  }],
  examples: [{ line: "paddock wait build", does: "end as the command in it does" }],
  notes:
    `The exit code is that of the command, as \`paddock run\` in the foreground has it; of several, the last
that is not 0. A sandbox whose keeper was killed is an error: 125.`,
  completes: ["sandbox"],
};

/** Waits for them. */
export async function wait(args: readonly string[], context: CliContext): Promise<number> {
  const request: Request = { help: false, debug: false, json: false };
  const names = readArguments(args, USAGE, request, context);
  if (names === undefined) return 0;
  return await withEach(names, (found) => waitForOne(found, request.json));
}

async function waitForOne(first: Found, json: boolean): Promise<number> {
  let found = first;
  while (conditionOf(found.record) === "starting") {
    await new Promise((resolve) => setTimeout(resolve, 20));
    const record = found.state.read(found.record.id);
    if (record === undefined) break;
    found = { ...found, record };
  }
  const { record } = found;
  if (record.processes !== undefined && conditionOf(record) === "running") {
    await waitForEnd(record.processes.keeper);
  }
  const { outcome } = await look(found);
  if (outcome === undefined) {
    throw new SandboxError(
      `the sandbox "${nameOf(record)}" never ran: whoever started it was killed, or failed`,
    );
  }
  if (json) print(JSON.stringify({ id: record.id, name: record.name ?? null, ...outcome }));
  if (outcome.lost) {
    throw new SandboxError(
      `the keeper of the sandbox "${nameOf(record)}" was killed, and everything in it with it`,
    );
  }
  return outcome.timedOut ? EXIT.timedOut : outcome.code;
}
