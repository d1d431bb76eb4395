/**
 * `paddock image import`.
 *
 * @module
 */

import { Images, type ImportedImage, type ImportOptions } from "../../image/images.ts";
import { SpecError } from "../../errors.ts";
import { type CommonRequest, readArguments } from "../arguments.ts";
import type { CliContext, Usage } from "../command.ts";
import { complain } from "../failure.ts";
import { print } from "../help.ts";
import { ProgressBar } from "./progress_bar.ts";
import { sizeText } from "./size_text.ts";

interface Request extends CommonRequest, ImportOptions {
  json: boolean;
  quiet: boolean;
}

const GROUP = "Import";

/** What there is to tell of it. */
export const USAGE: Usage<Request> = {
  command: "image import",
  operands: "FILE|DIR|- [NAME]",
  count: { least: 1, most: 2 },
  summary:
    `Imports a root filesystem's tar archive, what \`docker save\` writes, or an OCI layout (a directory or
a tar archive); archives may be compressed by gzip, zstd or xz. - is standard input.`,
  options: [
    {
      name: "name",
      short: "n",
      value: "NAME",
      group: GROUP,
      help: "what to call it, e.g. debian:12; default: what it calls itself",
      apply: (request, value) => request.name = value,
    },
    {
      name: "reference",
      value: "NAME",
      group: GROUP,
      help: "which image of an OCI layout that has several",
      apply: (request, value) => request.reference = value,
    },
    {
      name: "owners",
      value: "keep|flatten",
      group: GROUP,
      help: "whose the files become: as in the archive (where possible, the default), or all yours",
      apply: (request, value) => {
        if (value !== "keep" && value !== "flatten") {
          throw new SpecError("value", `"${value}" is neither keep nor flatten`);
        }
        request.owners = value;
      },
    },
    {
      name: "max-size",
      value: "SIZE",
      group: GROUP,
      help: "refuse an archive that makes more than this; default: 64G",
      apply: (request, value) => request.limits = { ...request.limits, size: value },
    },
    {
      name: "max-entries",
      value: "COUNT",
      group: GROUP,
      help: "refuse an archive of more files than this; default: 2000000",
      apply: (request, value) => {
        if (!/^[1-9]\d{0,14}$/.test(value)) throw new SpecError("value", `"${value}" is no number`);
        request.limits = { ...request.limits, entries: Number(value) };
      },
    },
    {
      name: "json",
      group: GROUP,
      help: "print what was imported as JSON",
      apply: (request) => request.json = true,
    },
    {
      name: "quiet",
      short: "q",
      group: GROUP,
      help: "no progress, and nothing of what did not get into the image",
      apply: (request) => request.quiet = true,
    },
  ],
  examples: [
    { line: "paddock image import rootfs.tar.zst debian:12", does: "the files of a root" },
    { line: "docker save alpine | paddock image import -", does: "what Docker has" },
    { line: "paddock image import --reference v2 ./layout app", does: "one of an OCI layout's" },
  ],
  completes: ["file", "nothing"],
};

/** What of an archive did not get into the image. */
function remarks({ report, owners }: ImportedImage): string[] {
  const lines: string[] = [];
  if (report.devices > 0) lines.push(`${report.devices} device nodes were left out`);
  if (owners === "flattened") {
    lines.push(
      `all files are yours now; ${report.flattened} belonged to others than root (for several owners, an ordinary user needs lines in /etc/subuid and /etc/subgid, and the package uidmap)`,
    );
  }
  for (const [name, count] of Object.entries(report.xattrs)) {
    lines.push(`the attribute ${name} of ${count} files was left out`);
  }
  return lines;
}

/** Imports. */
export async function importCommand(
  args: readonly string[],
  context: CliContext,
): Promise<number> {
  const request: Request = { help: false, debug: false, json: false, quiet: false };
  const operands = readArguments(args, USAGE, request, context);
  if (operands === undefined) return 0;
  const [input, name] = operands;
  if (name !== undefined && request.name !== undefined) {
    throw new SpecError("command line", "the image has two names; give one");
  }
  const { json, quiet, help: _, debug: __, ...options } = request;
  using bar = new ProgressBar();
  const images = await new Images().import(input!, {
    ...options,
    name: request.name ?? name,
    progress: (done, total) => quiet || bar.show(done, total),
  });
  bar.clear();
  if (json) print(JSON.stringify(images, null, 2));
  for (const image of images) {
    if (!json) {
      const size = image.layers.reduce((sum, layer) => sum + layer.size, 0);
      const called = image.names.length === 0 ? "" : ` ${image.names.join(" ")}`;
      print(`${image.id}${called} (${image.layers.length} layers, ${sizeText(size)})`);
    }
    for (const line of quiet ? [] : remarks(image)) complain(`paddock: ${line}`);
  }
  return 0;
}
