/**
 * Options and operands of a command, in any order; for every command but `run`, whose options end
 * where another program's begin.
 *
 * @module
 */

import { SpecError } from "../errors.ts";
import type { CliContext, Usage } from "./command.ts";
import { print } from "./help.ts";
import { usageHelp } from "./usage_help.ts";
import { applyOptions, type Option, parseOptions } from "./options.ts";

/** What every command has. */
export interface CommonRequest {
  /** Print the help, do nothing. */
  help: boolean;
  /** Show stack traces. */
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

/** A command's options with those that every command has. */
export function allOptions<Request>(usage: Usage<Request>): readonly Option<Request>[] {
  const own = new Set(usage.options.map(({ name }) => name));
  return [
    ...usage.options,
    ...(COMMON as unknown as readonly Option<Request>[]).filter(({ name }) => !own.has(name)),
  ];
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
  const { command, operands, count = { least: 0, most: Infinity } } = usage;
  const table = allOptions(usage);
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
    print(usageHelp(usage, table));
    return undefined;
  }
  if (found.length < count.least || found.length > count.most) {
    throw new SpecError(
      "command line",
      `write \`${["paddock", command, "[options]", operands].filter(Boolean).join(" ")}\``,
    );
  }
  return found;
}
