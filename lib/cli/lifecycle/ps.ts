/**
 * `paddock ps`: the sandboxes that are written down.
 *
 * @module
 */

import { type Condition, conditionOf } from "../../state/condition.ts";
import { StateDirectory } from "../../state/directory.ts";
import { idFor } from "../../state/find.ts";
import type { SandboxRecord } from "../../state/record.ts";
import { type CommonRequest, readArguments } from "../arguments.ts";
import type { CliContext, Usage } from "../command.ts";
import { print } from "../help.ts";

interface Request extends CommonRequest {
  all: boolean;
  json: boolean;
  quiet: boolean;
}

/** What there is to tell of it. */
export const USAGE: Usage<Request> = {
  command: "ps",
  operands: "[NAME...]",
  count: { least: 0, most: Infinity },
  summary:
    "Lists the detached sandboxes that run, the oldest first; or those named, whatever became of them.",
  options: [
    {
      name: "all",
      short: "a",
      group: "List",
      help: "also those that have ended",
      apply: (list) => list.all = true,
    },
    {
      name: "json",
      group: "List",
      help: "print a list in JSON",
      apply: (list) => list.json = true,
    },
    {
      name: "quiet",
      short: "q",
      group: "List",
      help: "print their names only, or the ids of those that have none",
      apply: (list) => list.quiet = true,
    },
  ],
  examples: [
    { line: "paddock ps", does: "what runs" },
    { line: "paddock ps --all --json", does: "and what has ended, for a program" },
  ],
  completes: ["sandbox"],
};

/** A sandbox as `ps --json` tells of it. */
interface Line {
  readonly id: string;
  readonly name: string | null;
  readonly state: Condition | "damaged";
  readonly created: string | null;
  readonly pid: number | null;
  readonly command: readonly string[];
}

function lineOf({ id, name, created, argv, processes }: SandboxRecord, state: Condition): Line {
  const decoder = new TextDecoder();
  return {
    id,
    name: name ?? null,
    state,
    created: new Date(created).toISOString(),
    pid: state === "running" ? processes!.command.pid : null,
    command: argv.map((word) => typeof word === "string" ? word : decoder.decode(word)),
  };
}

/** What is written down, as far as it can be read: all, or what is named. */
function lines(names: readonly string[]): Line[] {
  const state = StateDirectory.open();
  const ids = names.map((name) => idFor(state, name));
  const entries = state?.entries() ?? [];
  return entries.filter(({ id }) => names.length === 0 || ids.includes(id)).map((
    { id, record },
  ): Line =>
    record === undefined
      ? { id, name: null, state: "damaged", created: null, pid: null, command: [] }
      : lineOf(record, conditionOf(record))
  ).sort((a, b) => (a.created ?? "").localeCompare(b.created ?? ""));
}

/** Lists them. */
export function ps(args: readonly string[], context: CliContext): Promise<number> {
  const request: Request = { help: false, debug: false, all: false, json: false, quiet: false };
  const names = readArguments(args, USAGE, request, context);
  if (names === undefined) return Promise.resolve(0);
  const shown = lines(names).filter(({ state }) =>
    request.all || names.length > 0 || ["running", "starting", "elsewhere"].includes(state)
  );
  if (request.quiet) { for (const { name, id } of shown) print(name ?? id); }
  else if (request.json) print(JSON.stringify(shown, null, 2));
  else table(shown);
  return Promise.resolve(0);
}

function table(shown: readonly Line[]): void {
  const rows = [
    ["ID", "NAME", "STATE", "CREATED", "PID", "COMMAND"],
    ...shown.map(({ id, name, state, created, pid, command }) => [
      id.slice(0, 12),
      name ?? "-",
      state,
      created === null ? "-" : created.slice(0, 19).replace("T", " "),
      pid === null ? "-" : `${pid}`,
      visible(command.join(" ")),
    ]),
  ];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  print(
    rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column]!)).join("  ").trimEnd())
      .join("\n"),
  );
}

/** As one line that no terminal takes for more than text. */
function visible(text: string): string {
  // deno-lint-ignore no-control-regex
  const plain = text.replace(/[\x00-\x1f\x7f-\x9f]/g, "?");
  return plain.length > 60 ? `${plain.slice(0, 59)}…` : plain;
}
