/**
 * `paddock schema`: the JSON Schema of files with descriptions.
 *
 * @module
 */

import { jsonSchema } from "../schema/json_schema.ts";
import { type CommonRequest, readArguments } from "./arguments.ts";
import type { CliContext, Usage } from "./command.ts";
import { print } from "./help.ts";

/** What there is to tell of it. */
export const SCHEMA_USAGE: Usage<CommonRequest> = {
  command: "schema",
  operands: "",
  count: { least: 0, most: 0 },
  summary:
    "Prints the JSON Schema (2020-12) of descriptions in YAML, for editors and other programs.",
  options: [],
  examples: [{ line: "paddock schema >paddock.schema.json", does: "for an editor" }],
  completes: ["nothing"],
};

/** Prints the schema. */
export function schema(args: readonly string[], context: CliContext): Promise<number> {
  const request: CommonRequest = { help: false, debug: false };
  if (readArguments(args, SCHEMA_USAGE, request, context) !== undefined) {
    print(JSON.stringify(jsonSchema(), undefined, 2));
  }
  return Promise.resolve(0);
}
