/**
 * `paddock image ls`.
 *
 * @module
 */

import { Images } from "../../image/images.ts";
import { type CommonRequest, readArguments } from "../arguments.ts";
import type { CliContext, Usage } from "../command.ts";
import { print } from "../help.ts";
import { sizeText } from "./size_text.ts";

interface Request extends CommonRequest {
  json: boolean;
  quiet: boolean;
}

/** What there is to tell of it. */
export const USAGE: Usage<Request> = {
  command: "image ls",
  operands: "",
  count: { least: 0, most: 0 },
  summary: "Lists the images, the latest first.",
  options: [
    {
      name: "json",
      group: "List",
      help: "print all that is known of them as JSON",
      apply: (list) => list.json = true,
    },
    {
      name: "quiet",
      short: "q",
      group: "List",
      help: "print their names only",
      apply: (list) => list.quiet = true,
    },
  ],
  examples: [
    { line: "paddock image ls", does: "what there is" },
    { line: "paddock image ls --quiet", does: "the names, for a script" },
  ],
  completes: ["nothing"],
};

/** Lists the images, the latest first. */
export async function lsCommand(args: readonly string[], context: CliContext): Promise<number> {
  const request: Request = { help: false, debug: false, json: false, quiet: false };
  const operands = readArguments(args, USAGE, request, context);
  if (operands === undefined) return 0;
  const images = await new Images().list();
  if (request.json) {
    print(JSON.stringify(images, null, 2));
    return 0;
  }
  if (request.quiet) {
    for (const { names, id } of images) print((names.length === 0 ? [id] : names).join("\n"));
    return 0;
  }
  const rows = [
    ["NAME", "ID", "LAYERS", "SIZE", "IMPORTED"],
    ...images.flatMap(({ names, id, layers, size, imported }) =>
      (names.length === 0 ? ["-"] : names).map((name) => [
        name,
        id.slice("sha256:".length, "sha256:".length + 12),
        String(layers.length),
        sizeText(size),
        imported.slice(0, 16).replace("T", " "),
      ])
    ),
  ];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  for (const row of rows) {
    print(row.map((cell, column) => cell.padEnd(widths[column]!)).join("  ").trimEnd());
  }
  return 0;
}
