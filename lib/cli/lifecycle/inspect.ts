/**
 * `paddock inspect`.
 *
 * @module
 */

import "../../run/all_parts.ts";
import { membersOf } from "../../run/joining/members.ts";
import { show } from "../../plan/command_steps.ts";
import { decideIdentity } from "../../plan/identity.ts";
import { hostFacts } from "../../run/host_facts.ts";
import { makePlan } from "../../run/plan_view.ts";
import { encodeJson } from "../../state/plain_json.ts";
import { find } from "../../state/find.ts";
import type { SandboxRecord } from "../../state/record.ts";
import { type CommonRequest, readArguments } from "../arguments.ts";
import type { CliContext, Usage } from "../command.ts";
import { print } from "../help.ts";
import { look, nameOf, table, visible } from "./each.ts";

interface Request extends CommonRequest {
  json: boolean;
}

/** What there is to tell of it. */
export const USAGE: Usage<Request> = {
  command: "inspect",
  operands: "NAME",
  count: { least: 1, most: 1 },
  summary:
    "Tells what a detached sandbox is made of: its namespaces, ids, processes, mounts, network, limits and its plan.",
  options: [{
    name: "json",
    group: "Inspect",
    help: "print it as JSON",
    apply: (request) => request.json = true,
  }],
  examples: [
    { line: "paddock inspect web", does: "for a reader" },
    { line: "paddock inspect --json web", does: "for a program" },
  ],
  completes: ["sandbox"],
};

function detailsOf(record: SandboxRecord, isRunning: boolean) {
  const { spec, namespaces, processes } = record;
  const facts = { ...hostFacts(), ...record.facts };
  const { user, maps } = decideIdentity(spec, facts);
  const pid = namespaces.pid?.inode;
  return {
    id: record.id,
    name: record.name ?? null,
    created: new Date(record.created).toISOString(),
    command: record.argv.map(show),
    namespaces: Object.fromEntries(
      Object.entries(namespaces).map(([kind, { inode }]) => [kind, Number(inode)]),
    ),
    user,
    idMaps: maps ?? null,
    processes: isRunning && processes !== undefined && pid !== undefined
      ? membersOf(processes.first.pid, `pid:[${pid}]`)
      : [],
    keeper: isRunning ? processes!.keeper.pid : null,
    root: spec.root,
    mounts: spec.mounts,
    network: spec.network ?? { mode: "none" },
    limits: spec.limits ?? null,
    cgroups: record.cgroups,
    logs: record.logs,
    skipped: record.skipped,
    plan: `${makePlan(spec, [], record.argv)}`.split("\n"),
  };
}

/** Tells it. */
export async function inspect(args: readonly string[], context: CliContext): Promise<number> {
  const request: Request = { help: false, debug: false, json: false };
  const names = readArguments(args, USAGE, request, context);
  if (names === undefined) return 0;
  const found = find(names[0]!);
  const { condition, outcome } = await look(found);
  const details = {
    state: condition,
    ...detailsOf(found.record, condition === "running"),
    outcome: outcome ?? null,
  };
  if (request.json) {
    print(JSON.stringify(JSON.parse(encodeJson(details)), null, 2));
    return 0;
  }
  const { idMaps, processes } = details;
  const ranges = (list: readonly { inside: number; outside: number; count?: number }[] = []) =>
    list.map(({ inside, outside, count = 1 }) => `${inside} is ${outside} outside (${count})`);
  const section = (title: string, lines: readonly string[]) =>
    lines.length === 0 ? [] : [`${title}:`, ...lines.map((line) => `  ${line}`)];
  print([
    `${nameOf(found.record)} (${details.id}), ${condition}: ${visible(details.command.join(" "))}`,
    `created ${details.created}`,
    ...section(
      "Namespaces",
      table([
        ["", ""],
        ...Object.entries(details.namespaces).map(([kind, inode]) => [
          kind,
          `${inode}`,
        ]),
      ]).split("\n").slice(1),
    ),
    ...section("Users", ranges(idMaps?.uids)),
    ...section("Groups", ranges(idMaps?.gids)),
    ...section(
      "Processes",
      processes.length === 0 ? [] : table([
        ["INSIDE", "OUTSIDE", "COMMAND"],
        ...processes.map((
          { inside, pid, command },
        ) => [`${inside}`, `${pid}`, visible(command.join(" "))]),
      ]).split("\n"),
    ),
    ...section("Network", [JSON.stringify(details.network)]),
    ...section("Limits", details.limits === null ? [] : [JSON.stringify(details.limits)]),
    ...section("Cgroups", details.cgroups),
    ...section("Plan", details.plan),
  ].join("\n"));
  return 0;
}
