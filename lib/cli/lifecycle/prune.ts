/**
 * `paddock prune`.
 *
 * @module
 */

import { prune as pruneState } from "../../run/detached/prune.ts";
import { type CommonRequest, readArguments } from "../arguments.ts";
import type { CliContext, Usage } from "../command.ts";
import { complain, oneLine } from "../failure.ts";
import { print } from "../help.ts";

interface Request extends CommonRequest {
  dryRun: boolean;
}

/** What there is to tell of it. */
export const USAGE: Usage<Request> = {
  command: "prune",
  operands: "",
  count: { least: 0, most: 0 },
  summary:
    `Removes everything that is left of detached sandboxes that do not run: of those that ended, of
starts that were cut off, of keepers that were killed; and ends those whose state is gone.`,
  options: [{
    name: "dry-run",
    short: "n",
    group: "Prune",
    help: "print what would be removed, and remove nothing",
    apply: (request) => request.dryRun = true,
  }],
  examples: [
    { line: "paddock prune --dry-run", does: "what there is to remove" },
    { line: "paddock prune", does: "remove it" },
  ],
};

/** Removes what does not run. */
export async function prune(args: readonly string[], context: CliContext): Promise<number> {
  const request: Request = { help: false, debug: false, dryRun: false };
  if (readArguments(args, USAGE, request, context) === undefined) return 0;
  for await (const { what, errors } of pruneState(request.dryRun)) {
    for (const error of errors) complain(`paddock: ${oneLine(error)}`);
    print(`${request.dryRun ? "would remove" : "removed"} ${what}`);
  }
  return 0;
}
