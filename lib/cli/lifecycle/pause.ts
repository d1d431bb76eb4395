/**
 * `paddock pause` and `paddock resume`.
 *
 * @module
 */

import { attach } from "../../start.ts";
import { type CommonRequest, readArguments } from "../arguments.ts";
import type { CliContext, Usage } from "../command.ts";
import { withEach } from "./each.ts";

const NOTES = "It needs a cgroup: start the sandbox with a limit, such as --pids.";

/** What there is to tell of pausing. */
export const PAUSE_USAGE: Usage<CommonRequest> = {
  command: "pause",
  operands: "NAME...",
  count: { least: 1, most: Infinity },
  summary: "Lets everything in a detached sandbox stand still.",
  options: [],
  examples: [{ line: "paddock pause web", does: "until `paddock resume web`" }],
  notes: NOTES,
  completes: ["sandbox"],
};

/** What there is to tell of resuming. */
export const RESUME_USAGE: Usage<CommonRequest> = {
  ...PAUSE_USAGE,
  command: "resume",
  summary: "Lets a detached sandbox that stands still go on.",
  examples: [{ line: "paddock resume web", does: "go on" }],
};

async function withHandles(
  args: readonly string[],
  usage: Usage<CommonRequest>,
  context: CliContext,
  act: "pause" | "resume",
): Promise<number> {
  const names = readArguments(args, usage, { help: false, debug: false }, context);
  if (names === undefined) return 0;
  return await withEach(names, async ({ record }) => {
    await using box = attach(record.id);
    await box[act]();
    return 0;
  });
}

/** Lets them stand still. */
export function pause(args: readonly string[], context: CliContext): Promise<number> {
  return withHandles(args, PAUSE_USAGE, context, "pause");
}

/** Lets them go on. */
export function resume(args: readonly string[], context: CliContext): Promise<number> {
  return withHandles(args, RESUME_USAGE, context, "resume");
}
