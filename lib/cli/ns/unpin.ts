/**
 * `paddock ns unpin`.
 *
 * @module
 */

import { unpinNamespace } from "../../namespaces/pin.ts";
import { type CommonRequest, readArguments } from "../arguments.ts";
import type { CliContext, Usage } from "../command.ts";

/** What there is to tell of it. */
export const USAGE: Usage<CommonRequest> = {
  command: "ns unpin",
  operands: "PATH...",
  count: { least: 1, most: Infinity },
  summary:
    `Takes namespaces from the files that they are bound on, and removes the files. A namespace ends
when nobody else keeps it. What is no pin is left alone.`,
  options: [],
  examples: [
    { line: "paddock ns unpin /run/netns/blue", does: "as `ip netns del blue` does it" },
  ],
  completes: ["file"],
};

/** Unpins them; those before one that fails are gone. */
export function unpinCommand(args: readonly string[], context: CliContext): Promise<number> {
  const request: CommonRequest = { help: false, debug: false };
  const operands = readArguments(args, USAGE, request, context);
  for (const path of operands ?? []) unpinNamespace(path);
  return Promise.resolve(0);
}
