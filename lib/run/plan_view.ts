/**
 * A plan as its user sees it: numbered sentences, printable, comparable.
 *
 * @module
 */

import type { Plugin } from "../hook.ts";
import { landlockRuleset } from "../landlock/ruleset.ts";
import { exposure } from "../plan/exposure.ts";
import { layoutForPlan } from "../cgroup/layout.ts";
import { describeNetwork } from "../plan/describe_network.ts";
import { executeStep, planLaunch } from "../plan/plan.ts";
import type { Phase, Step } from "../plan/step.ts";
import type { SandboxSpec } from "../spec.ts";
import { launchFilter } from "./filters.ts";
import { hostFacts } from "./host_facts.ts";
import { HookRunner } from "./hooks.ts";
import { commandLine, resolveSpec } from "./resolve.ts";

const HEADINGS: Record<Phase, string> = {
  outside: "Outside",
  join: "Joining",
  attach: "Beside it, in a process that keeps the cgroup",
  maps: "Outside, for the new process",
  namespaces: "Inside, in the new namespaces",
  unshare: "Inside, the mount namespace",
  mounts: "Inside, the filesystem",
  network: "Inside, the network",
  finish: "Inside, before the command",
  command: "In the command's own process",
  execute: "There, at the very end",
};

/** What would happen. */
export interface Plan {
  /** All steps in the order of time. */
  readonly steps: readonly Step[];
  /** What is shared with the host and so not isolated, a line each. */
  readonly notIsolated: readonly string[];
  /** The steps as a story, one sentence a line. */
  toString(): string;
  /** The steps as plain data; bytes become text or hexadecimal. */
  toJSON(): unknown;
}

function plain(value: unknown): unknown {
  if (typeof value === "bigint") return Number(value);
  if (value instanceof Uint8Array) {
    return { hex: Array.from(value, (byte) => byte.toString(16).padStart(2, "0")).join("") };
  }
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, plain(entry)]));
  }
  return value;
}

/** Plans without doing anything. Stages of hooks are shown as lines of their own. */
export function makePlan(
  source: SandboxSpec,
  plugins: readonly Plugin[],
  command: readonly (string | Uint8Array)[],
  hasHandler = false,
): Plan {
  const facts = hostFacts();
  const { spec } = resolveSpec(source, facts);
  const hooks = new HookRunner(plugins);
  const landlock = landlockRuleset(spec, facts.landlockVersion).ruleset;
  const notIsolated = exposure(spec, landlock);
  const plan = planLaunch(spec, facts, {
    preMount: hooks.has("preMount"),
    networkSetup: hooks.has("networkSetup"),
    reportStart: true,
    handOut: hooks.has("postStart"),
    // Where descriptors will be in memory does not matter for the story.
    requestFd: (index) => index,
    landlock,
    filter: launchFilter(spec, facts, { socket: 0, hasHandler, secret: [0n, 0n, 0n] }),
    cgroup: spec.limits && layoutForPlan(spec.limits, facts.uid),
  });
  const steps = [...plan.steps, executeStep(plan, commandLine(spec, facts, command))];
  return {
    steps,
    notIsolated,
    toString() {
      let phase: Phase | undefined;
      const story = steps.flatMap((step) => {
        const heading = step.phase === phase ? [] : [`${HEADINGS[phase = step.phase]}:`];
        return [...heading, `${String(step.number).padStart(4)}. ${step.sentence}`];
      });
      const connected = describeNetwork(spec.network).map((line) => `      ${line}`);
      if (connected.length > 0) story.push("By plugins, before the command:", ...connected);
      const open = notIsolated.map((line) => `      ${line}`);
      return [...story, ...(open.length > 0 ? ["Not isolated:", ...open] : [])].join("\n");
    },
    toJSON: () => steps.map((step) => plain(step)),
  };
}
