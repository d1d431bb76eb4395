/**
 * `deno task bench [--json] [--rounds N]`: every figure of bench/README.md, with its bar.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { benchEgress } from "./egress.ts";
import { benchCompile, benchFilter } from "./filter.ts";
import { benchBinds, benchExec, benchLaunch, benchPool } from "./launch.ts";
import { benchAlive, benchThroughput } from "./many.ts";
import type { Timing } from "./measure.ts";
import { benchMemory } from "./memory.ts";
import { benchNetworkApart } from "./network.ts";
import { benchStartup } from "./startup.ts";

const flags = parseArgs(Deno.args, { boolean: ["json"], string: ["rounds"] });
const rounds = Number(flags.rounds ?? 200);

interface Bar {
  measure: string;
  value: number;
  atMost: number;
  holds: boolean;
}

const bars: Bar[] = [];
function say(text: string): void {
  if (!flags.json) console.log(text);
}

function bar(measure: string, value: number | undefined, atMost: number): void {
  if (value === undefined || Number.isNaN(value)) {
    return say(`  ${measure}: not to be measured here`);
  }
  const holds = value <= atMost;
  bars.push({ measure, value, atMost, holds });
  say(`  ${measure}: ${value.toFixed(2)} (bar ${atMost}) ${holds ? "holds" : "MISSED"}`);
}

function table(timings: readonly Timing[]): void {
  for (const { name, median, minimum } of timings) {
    say(
      `  ${name.padEnd(24)} ${median.toFixed(2).padStart(8)} ms   at best ${minimum.toFixed(2)} ms`,
    );
  }
}

function of(timings: readonly Timing[], name: string): number {
  return timings.find((timing) => timing.name === name)?.median ?? NaN;
}

say("A launch, from the call to the known exit status (medians of paired runs)");
const launch = await benchLaunch(rounds);
table(launch);
bar("against bwrap", of(launch, "paddock") / of(launch, "bwrap"), 0.5);
bar("against a plain process", of(launch, "paddock") / of(launch, "plain process"), 2.2);

say("A run of a warm pool, filled before each");
const pooled = await benchPool(rounds);
table(pooled);
bar("a pool against a plain process", of(pooled, "warm pool") / of(pooled, "plain process"), 1);

say("A further command in a running sandbox");
const entered = await benchExec(rounds);
table(entered);
bar("exec against nsenter", of(entered, "exec") / of(entered, "nsenter"), 0.8);

say("The command as a process");
const startup = await benchStartup(Math.ceil(rounds / 5));
table(startup);
bar(
  "paddock run -- true against an empty file",
  of(startup, "paddock run -- true") / of(startup, "empty file"),
  2,
);

say("The command with one allowed name");
const egress = await benchEgress(Math.ceil(rounds / 10));
table(egress ?? []);
bar(
  "against sandbox-runtime",
  egress && of(egress, "paddock --allow-domain") / of(egress, "srt"),
  0.2,
);

say("Memory of one idle sandbox beside its command (PSS)");
const memory = await benchMemory();
for (const [name, bytes] of Object.entries(memory ?? {})) say(`  ${name}: ${bytes / 1024} KiB`);
const sum = memory && Object.values(memory).reduce((total, bytes) => total + bytes, 0) / 1024;
bar("KiB in all", sum, 32);

say("The filter of system calls: one call of a loop, at best");
const filters = await benchFilter(Math.ceil(rounds / 10)) ?? [];
for (const { name, getpid, personality, instructions } of filters) {
  say(
    `  ${name.padEnd(24)} getpid ${getpid.toFixed(0)} ns, personality ${
      personality.toFixed(0)
    } ns, ${instructions} instructions`,
  );
}
const [, ours, theirs] = filters;
bar("getpid against libseccomp", ours && theirs && ours.getpid / theirs.getpid, 1.1);
bar(
  "personality against libseccomp",
  ours && theirs && ours.personality / theirs.personality,
  1.1,
);
const compiling = benchCompile(200);
say(`  compiled the first time in ${compiling.first.toFixed(2)} ms`);
bar("compiled, ms", compiling.median, 2);

say("Many");
const alive = await benchAlive(500);
say(
  `  ${alive.count} alive: first launches ${alive.firstMilliseconds.toFixed(2)} ms, last ${
    alive.lastMilliseconds.toFixed(2)
  } ms; threads ${alive.threadsBefore}, then ${alive.threadsAfter}`,
);
bar("last launches against the first", alive.lastMilliseconds / alive.firstMilliseconds, 1.5);
const throughput = await benchThroughput(1000, 8);
say(`  1000 runs, 8 at a time: ${throughput.toFixed(0)} a second`);

say("Read-only binds");
const binds = await benchBinds([100, 1000], 5);
table(binds);

say("The network");
const network = await benchNetworkApart(Math.ceil(rounds / 2));
bar("milliseconds that no network adds", network?.none, 0.3);
bar("milliseconds that a bridge adds", network?.bridge, 4);
bar("milliseconds that a published port adds", network?.publish, 2);
bar("plain loopback against a published port", network && 1 / network.forwarder, 2);

if (flags.json) {
  const figures = {
    bars,
    launch,
    pooled,
    entered,
    startup,
    egress,
    memory,
    filters,
    compiling,
    alive,
    throughput,
    binds,
    network,
  };
  console.log(JSON.stringify(figures, null, 2));
}
