/**
 * `paddock init spec`: a file with a description to start with, commented.
 *
 * @module
 */

import { resolve } from "@std/path";
import { SpecError } from "../../errors.ts";
import { sandbox } from "../../sandbox.ts";
import { type CommonRequest, readArguments } from "../arguments.ts";
import type { CliContext, Usage } from "../command.ts";
import { commented } from "../convert/commented.ts";
import { fileOf } from "../convert/yaml.ts";
import { complain } from "../failure.ts";
import { print } from "../help.ts";
import { presetOf } from "../preset.ts";

interface InitSpecRequest extends CommonRequest {
  output: string;
  force: boolean;
}

/** What there is to tell of it. */
export const INIT_SPEC_USAGE: Usage<InitSpecRequest> = {
  command: "init spec",
  operands: "[PRESET]",
  count: { least: 0, most: 1 },
  summary: "Writes a commented description to start with, into paddock.yaml.",
  options: [
    {
      name: "output",
      short: "o",
      value: "FILE",
      group: "File",
      help: "write to FILE instead; - is standard output",
      apply: (request, value) => request.output = value,
    },
    {
      name: "force",
      group: "File",
      help: "overwrite it if it is there",
      apply: (request) => request.force = true,
    },
  ],
  examples: [
    { line: "paddock init spec", does: "start with the safe defaults" },
    { line: "paddock init spec workspace=. -o -", does: "see what a preset is made of" },
  ],
  notes:
    "PRESET is what --preset takes. What a preset does by hooks is code, and is not in the file; `paddock\nrun --preset` has it.",
  completes: ["nothing"],
};

/** The text of the file. */
export function specText(preset: string | undefined): string {
  const box = preset === undefined ? sandbox() : sandbox().with(presetOf(preset));
  const { spec } = box;
  const file = fileOf({ spec: { command: ["sh", "-c", "echo hello"], ...spec }, hooks: [] });
  return commented(
    file,
    preset === undefined
      ? "A sandbox with the safe defaults. Run it: paddock run -f paddock.yaml"
      : `A sandbox as the preset ${preset} makes it. Run it: paddock run -f paddock.yaml`,
    true,
  );
}

/** Writes the file. */
export function initSpec(args: readonly string[], context: CliContext): Promise<number> {
  const request: InitSpecRequest = {
    help: false,
    debug: false,
    output: "paddock.yaml",
    force: false,
  };
  const operands = readArguments(args, INIT_SPEC_USAGE, request, context);
  if (operands === undefined) return Promise.resolve(0);
  const text = specText(operands[0]);
  const { output, force } = request;
  if (output === "-") print(text.trimEnd());
  else {
    try {
      Deno.writeTextFileSync(output, text, { createNew: !force });
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
      throw new SpecError("--output", `"${output}" is there already; give another, or --force`);
    }
    complain(`paddock: wrote "${resolve(output)}"; run it by \`paddock run -f ${output}\``);
  }
  return Promise.resolve(0);
}
