/**
 * Options and operands of commands other than `run`.
 *
 * @module
 */

import { SpecError } from "../errors.ts";
import type { CliContext } from "./command.ts";
import { optionsHelp, print } from "./help.ts";
import { applyOptions, type Option, parseOptions } from "./options.ts";

/** What every command has. */
export interface CommonRequest {
  help: boolean;
  debug: boolean;
}

/** The options that every command has. */
export const COMMON: readonly Option<CommonRequest>[] = [
  {
    name: "debug",
    group: "Paddock itself",
    help: "show where an error comes from",
    apply: (request) => request.debug = true,
  },
  {
    name: "help",
    short: "h",
    group: "Paddock itself",
    help: "print this",
    apply: (request) => request.help = true,
  },
];

/** What a command is, for its help and its parsing. */
export interface Usage<Request extends CommonRequest> {
  /** Its name, e.g. `"image rm"`. */
  command: string;
  /** What its operands look like, e.g. `"IMAGE..."`. */
  operands: string;
  /** How many there may be. */
  count: { least: number; most: number };
  summary: string;
  options: readonly Option<Request>[];
}

/**
 * Reads the arguments into the request, options and operands in any order: the operands, or undefined
 * if only the help was wanted.
 */
export function readArguments<Request extends CommonRequest>(
  args: readonly string[],
  usage: Usage<Request>,
  request: Request,
  context: CliContext,
): string[] | undefined {
  const { command, operands, count, summary } = usage;
  const table = [...usage.options, ...COMMON as readonly Option<Request>[]];
  const found: string[] = [];
  for (let rest = args; rest.length > 0;) {
    const parsed = parseOptions(rest, table, command);
    applyOptions(parsed.given, request);
    if (rest.includes("--") && !parsed.rest.includes("--")) {
      found.push(...parsed.rest);
      break;
    }
    found.push(...parsed.rest.slice(0, 1));
    rest = parsed.rest.slice(1);
  }
  context.debug = request.debug;
  if (request.help) {
    print(`${summary}\n\nUsage: paddock ${command} [options] ${operands}\n\n${optionsHelp(table)}`);
    return undefined;
  }
  if (found.length < count.least || found.length > count.most) {
    throw new SpecError("command line", `write \`paddock ${command} [options] ${operands}\``);
  }
  return found;
}
