/**
 * `paddock image rm`.
 *
 * @module
 */

import { Images } from "../../image/images.ts";
import { type CommonRequest, readArguments } from "../arguments.ts";
import type { CliContext, Usage } from "../command.ts";
import { print } from "../help.ts";

/** What there is to tell of it. */
export const USAGE: Usage<CommonRequest> = {
  command: "image rm",
  operands: "IMAGE...",
  count: { least: 1, most: Infinity },
  summary: "Removes names, and images that have none left, with the layers that only they have.",
  options: [],
  examples: [{ line: "paddock image rm debian:12", does: "forget an image" }],
  completes: ["image"],
};

/** Removes images. */
export async function rmCommand(args: readonly string[], context: CliContext): Promise<number> {
  const request: CommonRequest = { help: false, debug: false };
  const operands = readArguments(args, USAGE, request, context);
  if (operands === undefined) return 0;
  const images = new Images();
  for (const name of operands) {
    const { removed } = await images.remove(name);
    print(removed ? `removed ${name}` : `removed the name ${name}; the image has others`);
  }
  return 0;
}
