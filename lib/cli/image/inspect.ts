/**
 * `paddock image inspect`.
 *
 * @module
 */

import { Images } from "../../image/images.ts";
import { type CommonRequest, readArguments } from "../arguments.ts";
import type { CliContext, Usage } from "../command.ts";
import { print } from "../help.ts";

/** What there is to tell of it. */
export const USAGE: Usage<CommonRequest> = {
  command: "image inspect",
  operands: "IMAGE",
  count: { least: 1, most: 1 },
  summary: "Tells all about an image, as JSON.",
  options: [],
  examples: [{
    line: "paddock image inspect debian:12 | jq .config",
    does: "what it runs, where and as whom",
  }],
  completes: ["image"],
};

/** Prints what is known of an image. */
export async function inspectCommand(
  args: readonly string[],
  context: CliContext,
): Promise<number> {
  const request: CommonRequest = { help: false, debug: false };
  const operands = readArguments(args, USAGE, request, context);
  if (operands === undefined) return 0;
  print(JSON.stringify(await new Images().inspect(operands[0]!), null, 2));
  return 0;
}
