/**
 * `paddock init plugin`: the package of a new plugin.
 *
 * @module
 */

import { SpecError } from "../../errors.ts";
import { type CommonRequest, readArguments } from "../arguments.ts";
import type { CliContext, Usage } from "../command.ts";
import { print, version } from "../help.ts";
import { pluginFiles } from "./plugin_files.ts";

interface Request extends CommonRequest {
  scope: string;
  quiet: boolean;
}

const INIT = "Plugin";

const NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;

/** What there is to tell of it. */
export const INIT_PLUGIN_USAGE: Usage<Request> = {
  command: "init plugin",
  operands: "NAME",
  count: { least: 1, most: 1 },
  summary:
    `Writes the package of a new plugin into the directory NAME: a module, its test, a README, and a
deno.json that is ready for JSR.`,
  options: [
    {
      name: "scope",
      value: "NAME",
      group: INIT,
      help: "whose package it is on JSR, without the @; default: you",
      apply: (request, value) => {
        const scope = value.replace(/^@/, "");
        if (!NAME.test(scope)) throw new SpecError("value", `"${value}" is no scope of JSR's`);
        request.scope = scope;
      },
    },
    {
      name: "quiet",
      short: "q",
      group: INIT,
      help: "do not say what was written",
      apply: (request) => request.quiet = true,
    },
  ],
  examples: [{
    line: "paddock init plugin night-watch --scope ada",
    does: "the package @ada/paddock-night-watch",
  }],
  notes: "docs/plugins.md says how to go on.",
  completes: ["nothing"],
};

/** Writes it. */
export async function initPlugin(args: readonly string[], context: CliContext): Promise<number> {
  const request: Request = { help: false, debug: false, scope: "you", quiet: false };
  const operands = readArguments(args, INIT_PLUGIN_USAGE, request, context);
  if (operands === undefined) return 0;
  const [name = ""] = operands;
  if (!NAME.test(name) || name.length > 32) {
    throw new SpecError("NAME", `"${name}" is no name of a package; write it like night-watch`);
  }
  const files = pluginFiles({ name, scope: request.scope, version: await version() });
  try {
    Deno.mkdirSync(name);
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    throw new SpecError("NAME", `"${name}" is there already; take another name, or remove it`);
  }
  for (const [file, text] of Object.entries(files)) Deno.writeTextFileSync(`${name}/${file}`, text);
  if (!request.quiet) {
    print(`${Object.keys(files).map((file) => `wrote ${name}/${file}`).join("\n")}

Try it:  cd ${name} && deno task test`);
  }
  return 0;
}
