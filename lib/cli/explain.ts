/**
 * `--explain`: prints what would be done, and does nothing.
 *
 * @module
 */

import { mountTable } from "../plan/mount_table.ts";
import type { Plan } from "../run/plan_view.ts";
import type { Command } from "../run/run.ts";
import { hasGate } from "../spec/network.ts";
import type { Sandbox } from "../sandbox.ts";
import type { BridgeNetwork, NoneNetwork } from "../spec.ts";
import { gateLists } from "./gate_lists.ts";
import { print } from "./help.ts";
import type { RunRequest } from "./run_request.ts";

/** What may be reached through a gate. */
function gate(network: NoneNetwork | BridgeNetwork): string[] {
  const { allowed, denied } = gateLists(network);
  return [
    `network: by TCP through a gate in this program, ${allowed.join(", ") || "nothing"} can be ` +
    `reached${denied.length === 0 ? "" : `, but not ${denied.join(", ")}`}; all else is refused` +
    (network.mode === "bridge" ? ", but for the others on its bridge" : ""),
  ];
}

/** What is no step of its own: it goes along with the steps, or comes around them. */
function around(box: Sandbox): string[] {
  const { env, network, timeout, asPid1 } = box.spec;
  const lines: string[] = [];
  const inherited = env.inherit === "all" ? ["all there are"] : env.inherit;
  const values = Object.entries(env.set).map(([name, value]) =>
    `${name}=${typeof value === "string" ? value : new TextDecoder().decode(value)}`
  );
  lines.push(
    `environment: ${values.map((value) => JSON.stringify(value)).join(" ") || "nothing is set"}` +
      (inherited.length === 0 ? "" : `; from here: ${inherited.join(" ")}`),
  );
  if (network !== undefined && hasGate(network)) lines.push(...gate(network));
  if (timeout !== undefined) lines.push(`time limit: ${timeout}, then everything inside is killed`);
  if (asPid1) lines.push("the command is pid 1 itself, with no reaper above it");
  return lines;
}

/** The mounts as they will be seen inside, as columns. */
function mounts(plan: Plan): string {
  const table = mountTable(plan.steps);
  if (table.length === 0) return "";
  const rows = table.map(({ target, type, source = "-", options, optional }) => [
    target,
    type,
    source,
    `${options.join(",")}${optional ? " (if it is there)" : ""}`,
  ]);
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) =>
    `      ${row.map((word, column) => word.padEnd(widths[column] ?? 0)).join("  ").trimEnd()}`
  );
  return `\nMounts as seen inside, with what is mounted below them on the host:\n${
    lines.join("\n")
  }`;
}

/** Prints the plan as a story, as a picture or, with `json`, as data. */
export async function explain(
  { box, json, picture }: Pick<RunRequest, "box" | "json" | "picture">,
  command: Command,
  hooks: readonly { name: string }[],
): Promise<void> {
  const plan = box.plan(command);
  if (picture !== undefined) {
    const { draw } = await import("./picture/draw.ts");
    return print(draw(picture, box.spec, plan, command, hooks));
  }
  if (json) return print(JSON.stringify(plan, undefined, 2));
  const lines = around(box);
  for (const { name, ...stages } of hooks) {
    // What a hook does is code, and no plan can tell.
    lines.push(`plugin "${name}": hooks ${Object.keys(stages).join(", ") || "none"}`);
  }
  print(`${plan}${mounts(plan)}\nBesides:\n${lines.map((line) => `      ${line}`).join("\n")}`);
}
