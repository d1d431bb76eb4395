/**
 * `paddock rm`.
 *
 * @module
 */

import { SandboxError } from "../../errors.ts";
import { killAll } from "../../run/detached/processes.ts";
import { forget } from "../../run/detached/settle.ts";
import { type CommonRequest, readArguments } from "../arguments.ts";
import type { CliContext, Usage } from "../command.ts";
import { look, nameOf, withEach } from "./each.ts";

interface Request extends CommonRequest {
  force: boolean;
}

/** What there is to tell of it. */
export const USAGE: Usage<Request> = {
  command: "rm",
  operands: "NAME...",
  count: { least: 1, most: Infinity },
  summary: "Forgets detached sandboxes that have ended: their names, logs, and how they ended.",
  options: [{
    name: "force",
    short: "f",
    group: "Remove",
    help: "kill what still runs",
    apply: (request) => request.force = true,
  }],
  examples: [
    { line: "paddock rm build", does: "its name is free again" },
    { line: "paddock rm -f web", does: "end it first" },
  ],
  completes: ["sandbox"],
};

/** Removes them. */
export async function rm(args: readonly string[], context: CliContext): Promise<number> {
  const request: Request = { help: false, debug: false, force: false };
  const names = readArguments(args, USAGE, request, context);
  if (names === undefined) return 0;
  return await withEach(names, async (found) => {
    const { record, state } = found;
    const { condition } = await look(found);
    if (condition === "starting") {
      throw new SandboxError(`the sandbox "${nameOf(record)}" is just being started`);
    }
    if (condition === "running") {
      if (!request.force) {
        throw new SandboxError(
          `the sandbox "${nameOf(record)}" runs; stop it first, or give --force`,
        );
      }
      await killAll(record);
      // The hooks that see the end.
      await look(found);
    }
    await forget(state, record);
    return 0;
  });
}
