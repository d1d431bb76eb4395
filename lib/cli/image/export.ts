/**
 * `paddock image export`.
 *
 * @module
 */

import { SpecError } from "../../errors.ts";
import { type ExportFormat, Images } from "../../image/images.ts";
import { type CommonRequest, readArguments } from "../arguments.ts";
import type { CliContext, Usage } from "../command.ts";

interface Request extends CommonRequest {
  format: ExportFormat;
}

/** What there is to tell of it. */
export const USAGE: Usage<Request> = {
  command: "image export",
  operands: "IMAGE FILE",
  count: { least: 2, most: 2 },
  summary: "Writes an image to a file.",
  options: [{
    name: "format",
    value: "oci|rootfs",
    group: "Export",
    help: "an OCI archive with all layers (default), or the files of an image of one layer",
    apply: (exported, value) => {
      if (value !== "oci" && value !== "rootfs") {
        throw new SpecError("value", `"${value}" is neither oci nor rootfs`);
      }
      exported.format = value;
    },
  }],
  examples: [{
    line: "paddock image export --format rootfs tools tools.tar",
    does: "its files, as an archive that any tar reads",
  }],
  completes: ["image", "file"],
};

/** Writes an image to a file. */
export async function exportCommand(
  args: readonly string[],
  context: CliContext,
): Promise<number> {
  const request: Request = { help: false, debug: false, format: "oci" };
  const operands = readArguments(args, USAGE, request, context);
  if (operands === undefined) return 0;
  await new Images().export(operands[0]!, operands[1]!, request.format);
  return 0;
}
