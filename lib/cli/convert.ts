/**
 * `paddock convert`: a description in another language: the builder's TypeScript, YAML, a command
 * line of bubblewrap's, an OCI bundle's `config.json`. What they cannot say is told, never dropped.
 *
 * @module
 */

import { resolve, toFileUrl } from "@std/path";
import { SpecError } from "../errors.ts";
import { hostView } from "../run/host_view.ts";
import { Sandbox } from "../sandbox.ts";
import { type CommonRequest, readArguments } from "./arguments.ts";
import type { CliContext, Usage } from "./command.ts";
import { toBwrap } from "./convert/bwrap.ts";
import type { Converted, Source } from "./convert/conversion.ts";
import { toOci } from "./convert/oci.ts";
import { toTypeScript } from "./convert/typescript.ts";
import { toYaml } from "./convert/yaml.ts";
import { complain } from "./failure.ts";
import { print } from "./help.ts";
import { nearest } from "../nearest.ts";
import { readSpecFiles } from "./spec_file.ts";

interface ConvertRequest extends CommonRequest {
  from?: string;
  to?: string;
}

const TARGETS: Readonly<Record<string, (source: Source) => Converted>> = {
  ts: toTypeScript,
  yaml: toYaml,
  bwrap: (source) => toBwrap(source, { hostView, isRoot: Deno.uid() === 0 }),
  oci: (source) =>
    toOci(source, {
      hostView,
      env: (name) => Deno.env.get(name),
      uid: Deno.uid() ?? 0,
      gid: Deno.gid() ?? 0,
    }),
};
const SOURCES = ["yaml", "ts"];

function oneOf(value: string, words: readonly string[]): string {
  if (words.includes(value)) return value;
  const near = nearest(value, words);
  throw new SpecError(
    "value",
    `"${value}" is none of ${words.join(", ")}${
      near === undefined ? "" : `; did you mean ${near}?`
    }`,
  );
}

/** What there is to tell of it. */
export const CONVERT_USAGE: Usage<ConvertRequest> = {
  command: "convert",
  operands: "FILE",
  count: { least: 1, most: 1 },
  summary:
    "Writes a description in another language. What that cannot say is told on standard error, and in\na comment.",
  options: [
    {
      name: "to",
      value: "ts|yaml|bwrap|oci",
      group: "Languages",
      help: "TypeScript, YAML, a script with bubblewrap's command line, an OCI config.json",
      apply: (request, value) => request.to = oneOf(value, Object.keys(TARGETS)),
    },
    {
      name: "from",
      value: "yaml|ts",
      group: "Languages",
      help: "what FILE is; default: by its name. A module's default export is a sandbox",
      apply: (request, value) => request.from = oneOf(value, SOURCES),
    },
  ],
  examples: [
    { line: "paddock convert box.yaml --to ts >box.ts", does: "go on in TypeScript" },
    { line: "paddock convert box.ts --to yaml", does: "and back; the module is run" },
    { line: "paddock convert box.yaml --to bwrap >box.sh", does: "for where there is no Deno" },
  ],
  completes: ["file", "nothing"],
};

/** What a module's default export describes. Its plugins are functions. */
async function readModule(path: string): Promise<Source> {
  let module: { default?: unknown };
  try {
    module = await import(toFileUrl(resolve(path)).href);
  } catch (error) {
    throw new SpecError(path, `cannot be loaded: ${(error as Error).message}`);
  }
  const box = module.default;
  // Of another copy of the library, maybe.
  const spec = typeof box === "object" && box !== null && "spec" in box ? box.spec : box;
  if (typeof spec !== "object" || spec === null) {
    throw new SpecError(
      path,
      "has no sandbox as its default export; write `export default sandbox()`",
    );
  }
  return { spec: Sandbox.from(spec).spec, hooks: [] };
}

/** Converts. */
export async function convert(args: readonly string[], context: CliContext): Promise<number> {
  const request: ConvertRequest = { help: false, debug: false };
  const operands = readArguments(args, CONVERT_USAGE, request, context);
  if (operands === undefined) return 0;
  const [file = ""] = operands;
  const { to, from = /\.[cm]?[jt]sx?$/.test(file) ? "ts" : "yaml" } = request;
  if (to === undefined) {
    throw new SpecError("--to", `say into what: ${Object.keys(TARGETS).join(", ")}`);
  }
  let source: Source;
  if (from === "ts") {
    source = await readModule(file);
    complain(`paddock: plugins are functions; those of "${file}", if any, are not converted`);
  } else {
    const { box, hooks } = readSpecFiles([file]);
    source = { spec: box.spec, hooks };
  }
  const { text, left } = TARGETS[to]!(source);
  for (const { field, why } of left) complain(`paddock: not converted: ${field}: ${why}`);
  print(text.trimEnd());
  return 0;
}
