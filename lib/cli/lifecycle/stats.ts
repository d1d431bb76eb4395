/**
 * `paddock stats`.
 *
 * @module
 */

import type { SandboxStatistics } from "../../hook.ts";
import type { RunningSandbox } from "../../running.ts";
import { attach } from "../../start.ts";
import { conditionOf } from "../../state/condition.ts";
import { StateDirectory } from "../../state/directory.ts";
import { type CommonRequest, readArguments } from "../arguments.ts";
import type { CliContext, Usage } from "../command.ts";
import { print } from "../help.ts";
import { sizeText } from "../image/size_text.ts";
import { table } from "./each.ts";

interface Request extends CommonRequest {
  json: boolean;
  once: boolean;
}

/** What there is to tell of it. */
export const USAGE: Usage<Request> = {
  command: "stats",
  operands: "[NAME...]",
  count: { least: 0, most: Infinity },
  summary: "Shows what detached sandboxes use, every second on a terminal, else once.",
  options: [
    {
      name: "json",
      group: "Stats",
      help: "print a line of JSON for each sandbox",
      apply: (request) => request.json = true,
    },
    {
      name: "once",
      group: "Stats",
      help: "show it once, also on a terminal",
      apply: (request) => request.once = true,
    },
  ],
  examples: [
    { line: "paddock stats", does: "all that run, live" },
    { line: "paddock stats --once --json web", does: "for a program" },
  ],
  notes:
    `Processors' time is a share of one: 200% are two. With limits the cgroup counts; without, the processes
that live are asked, and memory that they share counts for each.`,
  completes: ["sandbox"],
};

/** Half a second at first, so that there is a share of a processor to show. */
const FIRST = 500;
const PAUSE = 1000;

interface Shown {
  readonly box: RunningSandbox;
  before: SandboxStatistics;
}

function running(): string[] {
  return (StateDirectory.open()?.entries() ?? []).flatMap(({ id, record }) =>
    record !== undefined && conditionOf(record) === "running" ? [id] : []
  );
}

function count(shown: Shown): { now: SandboxStatistics; percent: number } | undefined {
  try {
    const now = shown.box.stats();
    const { before } = shown;
    const time = Math.max(1, now.at - before.at);
    shown.before = now;
    return { now, percent: Math.max(0, (now.cpu.total - before.cpu.total) / time * 100) };
  } catch {
    return undefined;
  }
}

function lines(all: readonly Shown[], json: boolean): string[] {
  const rows = [["ID", "NAME", "CPU", "CPU TIME", "MEMORY", "PROCESSES"]];
  const objects: string[] = [];
  for (const shown of all) {
    const counted = count(shown);
    if (counted === undefined) continue;
    const { now, percent } = counted;
    const { id, name } = shown.box;
    objects.push(
      JSON.stringify({ id, name: name ?? null, cpuPercent: Math.round(percent * 10) / 10, ...now }),
    );
    rows.push([
      id!.slice(0, 12),
      name ?? "-",
      `${percent.toFixed(1)}%`,
      `${(now.cpu.total / 1000).toFixed(2)} s`,
      sizeText(now.memory),
      `${now.processes}`,
    ]);
  }
  return json ? objects : table(rows).split("\n");
}

/** Shows them. */
export async function stats(args: readonly string[], context: CliContext): Promise<number> {
  const request: Request = { help: false, debug: false, json: false, once: false };
  const names = readArguments(args, USAGE, request, context);
  if (names === undefined) return 0;
  const all: Shown[] = (names.length > 0 ? names : running()).map((name) => {
    const box = attach(name);
    return { box, before: box.stats() };
  });
  const live = Deno.stdout.isTerminal() && !request.once && !request.json;
  try {
    await new Promise((resolve) => setTimeout(resolve, FIRST));
    let height = 0;
    for (;;) {
      const shown = lines(all, request.json);
      // Up to where the last one began, and each line anew to its end.
      if (live) print((height > 0 ? `\x1b[${height}A` : "") + shown.join("\x1b[K\n") + "\x1b[J");
      else if (shown.length > 0) print(shown.join("\n"));
      height = shown.length;
      if (!live || (height === 1 && all.length > 0)) return 0;
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  } finally {
    for (const { box } of all) await box[Symbol.asyncDispose]();
  }
}
