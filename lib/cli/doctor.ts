/**
 * `paddock doctor`: says what works on this machine, what it costs where something does not, and
 * what to do about it.
 *
 * @module
 */

import { SpecError } from "../errors.ts";
import { PROBE_IDS, type ProbeId } from "../probe/ids.ts";
import { type CommonRequest, readArguments } from "./arguments.ts";
import type { CliContext, Usage } from "./command.ts";
import { print } from "./help.ts";

interface Request extends CommonRequest {
  json: boolean;
  quiet: boolean;
  repair: boolean;
  dryRun: boolean;
}

const DOCTOR = "Doctor";

/** What there is to tell of it. */
export const DOCTOR_USAGE: Usage<Request> = {
  command: "doctor",
  operands: "[PROBE...]",
  summary:
    `Tries what sandboxes are made of, on this machine and as this user: what works, what it costs where
something does not, and what to do about it. It ends with 0 where a plain sandbox starts, else with
1.`,
  options: [
    {
      name: "json",
      group: DOCTOR,
      help: "print the report as JSON; its fields and ids are stable",
      apply: (request) => request.json = true,
    },
    {
      name: "quiet",
      short: "q",
      group: DOCTOR,
      help: "print only what does not work; with --repair, nothing but errors",
      apply: (request) => request.quiet = true,
    },
    {
      name: "repair",
      group: DOCTOR,
      help: "remove what a killed Paddock left: cgroups, bridges, firewalls, directories",
      apply: (request) => request.repair = true,
    },
    {
      name: "dry-run",
      short: "n",
      group: DOCTOR,
      help: "with --repair, only say what would be removed",
      apply: (request) => request.dryRun = true,
    },
  ],
  examples: [
    { line: "paddock doctor", does: "everything" },
    { line: "paddock doctor --quiet", does: "only what does not work" },
    { line: "paddock doctor user-namespaces overlay", does: "two things" },
    {
      line: "paddock doctor --json | jq '.findings[] | select(.status != \"works\")'",
      does: "for a program",
    },
    { line: "paddock doctor --repair --dry-run", does: "what a kill -9 left behind" },
  ],
  completes: [PROBE_IDS],
};

/** Looks, or repairs. */
export async function doctor(args: readonly string[], context: CliContext): Promise<number> {
  const request: Request = {
    help: false,
    debug: false,
    json: false,
    quiet: false,
    repair: false,
    dryRun: false,
  };
  const only = readArguments(args, DOCTOR_USAGE, request, context);
  if (only === undefined) return 0;
  if (request.dryRun && !request.repair) {
    throw new SpecError("--dry-run", "goes with --repair; without it nothing is changed anyway");
  }
  if (request.repair) {
    if (only.length > 0) throw new SpecError("--repair", "takes no names of probes");
    return await (await import("./doctor/repair.ts")).repair(request);
  }
  return await look(only, request);
}

async function look(only: readonly string[], { json, quiet }: Request): Promise<number> {
  const [{ probe }, { findingLines, summary }, { paintFor }] = await Promise.all([
    import("../probe/probe.ts"),
    import("./doctor/report.ts"),
    import("./colour.ts"),
  ]);
  const paint = paintFor(Deno.stdout);
  const width = Deno.stdout.isTerminal() ? Deno.consoleSize().columns : 100;
  let group = "";
  const report = await probe({
    only: only.length === 0 ? undefined : only as ProbeId[],
    // As they come, for all of it takes a moment.
    onFinding(finding) {
      if (json || (quiet && finding.status === "works")) return;
      if (finding.group !== group) print(`${group === "" ? "" : "\n"}${paint.bold(finding.group)}`);
      group = finding.group;
      print(findingLines(finding, paint, width).join("\n"));
    },
  });
  if (json) print(JSON.stringify(report, undefined, 2));
  else if (!quiet) print(`\n${summary(report, paint)}`);
  return report.usable ? 0 : 1;
}
