/**
 * `paddock image ls`.
 *
 * @module
 */

import { Images } from "../../image/images.ts";
import type { CliContext } from "../command.ts";
import { print } from "../help.ts";
import { type CommonRequest, readArguments } from "../arguments.ts";
import { sizeText } from "./size_text.ts";

interface Request extends CommonRequest {
  json: boolean;
}

/** Lists the images, the latest first. */
export async function lsCommand(args: readonly string[], context: CliContext): Promise<number> {
  const request: Request = { help: false, debug: false, json: false };
  const operands = readArguments(
    args,
    {
      command: "image ls",
      operands: "",
      count: { least: 0, most: 0 },
      summary: "Lists the images, the latest first.",
      options: [{
        name: "json",
        group: "List",
        help: "print all that is known of them as JSON",
        apply: (list: Request) => list.json = true,
      }],
    },
    request,
    context,
  );
  if (operands === undefined) return 0;
  const images = await new Images().list();
  if (request.json) {
    print(JSON.stringify(images, null, 2));
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
