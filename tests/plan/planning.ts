import type { LaunchChoices, PlannedLaunch } from "../../lib/plan/launch_choices.ts";
import { planLaunch } from "../../lib/plan/plan.ts";
import type { HostFacts } from "../../lib/plan/facts.ts";
import type { Step } from "../../lib/plan/step.ts";
import type { Operation } from "../../lib/agent/operation.ts";
// Filters other than the default one are compiled.
import "../../lib/seccomp/builder.ts";
import { launchFilter } from "../../lib/run/filters.ts";
import "../../lib/run/all_parts.ts";
import { resolveSpec } from "../../lib/run/resolve.ts";
import type { Sandbox } from "../../lib/sandbox.ts";

/** A machine that does not exist. */
export function machine(uid: number, change: Partial<HostFacts> = {}): HostFacts {
  return {
    uid,
    gid: uid,
    cwd: () => "/home/jane",
    umask: 0o022,
    hostTree: (path) =>
      path !== "/" ? [{ kind: "layer", path, target: "/" }] : [
        { kind: "symlink", target: "/bin", to: "usr/bin" },
        { kind: "layer", path: "/usr", target: "/usr" },
        { kind: "dir", target: "/var", mode: 0o755 },
        { kind: "file", path: "/var/file", target: "/var/file" },
        { kind: "layer", path: "/var/lib", target: "/var/lib" },
      ],
    descriptorPath: (fd) => fd === 7 ? "/srv/seven" : undefined,
    env: (name) => ({ PATH: "/usr/bin:/bin", LANG: "C.UTF-8" })[name],
    envNames: () => ["PATH", "LANG"],
    hostView: [
      { kind: "bind-dir", path: "/usr" },
      { kind: "symlink", path: "/bin", to: "usr/bin" },
      { kind: "copy", path: "/etc/passwd", contents: new TextEncoder().encode("root\n") },
      { kind: "copy", path: "/etc/resolv.conf", contents: new TextEncoder().encode("ns\n") },
      { kind: "bind-file", path: "/etc/ld.so.cache" },
    ],
    subordinate: () => ({
      uids: [{ inside: 0, outside: 100_000, count: 65_536 }],
      gids: [{ inside: 0, outside: 200_000, count: 65_536 }],
    }),
    softNofile: 1024,
    landlockVersion: () => 7,
    hardLimit: () => "unlimited",
    ...change,
  };
}

export const ROOT = machine(0);
export const JANE = machine(1000);

/** The plan of a sandbox on such a machine. */
export function planOf(
  box: Sandbox,
  facts: HostFacts = JANE,
  choices: Partial<LaunchChoices> = {},
): PlannedLaunch {
  return planLaunch(resolveSpec(box.spec, facts).spec, facts, {
    preMount: false,
    networkSetup: false,
    reportStart: true,
    requestFd: (index) => 1000 + index,
    filter: launchFilter(resolveSpec(box.spec, facts).spec, facts, {
      socket: 1000,
      hasHandler: false,
      secret: [0n, 0n, 0n],
    }),
    ...choices,
  });
}

/** The steps of this name. */
export function named(plan: PlannedLaunch, name: string): Step[] {
  return plan.steps.filter((step) => step.name === name);
}

/** The one step of this name. */
export function only(plan: PlannedLaunch, name: string): Step {
  const [step, ...more] = named(plan, name);
  if (!step || more.length > 0) {
    throw new Error(`${step ? more.length + 1 : 0} steps "${name}" of: ${names(plan).join(", ")}`);
  }
  return step;
}

/** The names of all steps. */
export function names(plan: PlannedLaunch): string[] {
  return plan.steps.map((step) => step.name);
}

/** The system calls of a step by one name. */
export function calls(step: Step, call: Operation["call"]): Operation[] {
  return step.operations.filter((operation) => operation.call === call);
}
