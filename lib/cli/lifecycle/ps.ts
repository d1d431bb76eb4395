/**
 * `paddock ps`: the sandboxes that are written down.
 *
 * @module
 */

import { show } from "../../plan/command_steps.ts";
import type { Outcome } from "../../run/detached/outcome.ts";
import { settle } from "../../run/detached/settle.ts";
import type { Condition } from "../../state/condition.ts";
import { StateDirectory } from "../../state/directory.ts";
import { idFor } from "../../state/find.ts";
import type { SandboxRecord } from "../../state/record.ts";
import { type CommonRequest, readArguments } from "../arguments.ts";
import type { CliContext, Usage } from "../command.ts";
import { complain, oneLine } from "../failure.ts";
import { print } from "../help.ts";
import { table, visible } from "./each.ts";

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
  /** The command's, as the host numbers it, while it runs. */
  readonly pid: number | null;
  readonly command: readonly string[];
  /** How it ended, if it has. */
  readonly outcome: Outcome | null;
}

async function lineOf(state: StateDirectory, record: SandboxRecord): Promise<Line> {
  const { condition, outcome, hookErrors } = await settle(state, record);
  for (const error of hookErrors) complain(`paddock: ${oneLine(error)}`);
  const { id, name, created, argv, processes } = record;
  return {
    id,
    name: name ?? null,
    state: outcome?.lost ? "lost" : condition,
    created: new Date(created).toISOString(),
    pid: condition === "running" ? processes!.command.pid : null,
    command: argv.map(show),
    outcome: outcome ?? null,
  };
}

/** What is written down, as far as it can be read: all, or what is named. */
async function linesOf(names: readonly string[]): Promise<Line[]> {
  const state = StateDirectory.open();
  const ids = names.map((name) => idFor(state, name));
  const found: Line[] = [];
  for (const { id, record } of state?.entries() ?? []) {
    if (names.length > 0 && !ids.includes(id)) continue;
    found.push(
      record === undefined
        ? { id, name: null, state: "damaged", created: null, pid: null, command: [], outcome: null }
        : await lineOf(state!, record),
    );
  }
  return found.sort((a, b) => (a.created ?? "").localeCompare(b.created ?? ""));
}

/** Lists them. */
export async function ps(args: readonly string[], context: CliContext): Promise<number> {
  const request: Request = { help: false, debug: false, all: false, json: false, quiet: false };
  const names = readArguments(args, USAGE, request, context);
  if (names === undefined) return 0;
  const shown = (await linesOf(names)).filter(({ state }) =>
    request.all || names.length > 0 || ["running", "starting", "elsewhere"].includes(state)
  );
  if (request.json) print(JSON.stringify(shown, null, 2));
  else if (!request.quiet) {
    print(table([["ID", "NAME", "STATE", "CREATED", "PID", "COMMAND"], ...shown.map(cells)]));
  } else for (const { name, id } of shown) print(name ?? id);
  return 0;
}

function cells({ id, name, state, created, pid, command, outcome }: Line): string[] {
  return [
    id.slice(0, 12),
    name ?? "-",
    outcome === null || outcome.lost
      ? state
      : outcome.timedOut
      ? "timed out"
      : `ended ${outcome.code}`,
    created === null ? "-" : created.slice(0, 19).replace("T", " "),
    pid === null ? "-" : `${pid}`,
    visible(command.join(" ")),
  ];
}
