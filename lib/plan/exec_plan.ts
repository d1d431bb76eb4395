/**
 * Plans how a further command comes into a running sandbox. All that it is and may do follows from
 * the sandbox's description; nothing is asked of the inside, which may be hostile by now
 * (CVE-2016-9962, CVE-2019-12589).
 *
 * The order is the security. The process that joins is made outside, in the sandbox's cgroup, and is
 * not dumpable before it enters anything. It becomes the user, gives its capabilities up and submits
 * to Landlock while nobody inside can see it, for a pid namespace takes in only children. Then it
 * makes the one process that is seen, which only arranges its descriptors, its session and its
 * limits, puts the filter in force, and executes the command. The filter cannot come before the
 * clone: a profile may forbid to clone, and is still to allow the command.
 *
 * @module
 */

import type { Operation, Value } from "../agent/operation.ts";
import { parseMode } from "../quantity.ts";
import type { RlimitName, SandboxSpec, TerminalSize } from "../spec.ts";
import { PR_SET_DUMPABLE } from "../sys/abi/prctl.ts";
import {
  cwdStep,
  dieWithParent,
  lastStep,
  sessionStep,
  stdioStep,
  umaskStep,
} from "./command_steps.ts";
import { identityStep, keptCapabilities, noNewPrivsStep } from "./credential_steps.ts";
import type { HostFacts } from "./facts.ts";
import type { Held } from "./held_steps.ts";
import type { Identity } from "./identity.ts";
import { type LandlockRuleset, landlockRulesStep, landlockStep } from "./landlock_steps.ts";
import { dropGroupsStep, keyringStep, NAMESPACE_FLAG } from "./namespace_steps.ts";
import type { LaunchFilter } from "./launch_choices.ts";
import { raiseSteps } from "./raise_steps.ts";
import { rlimitStep, softNofileStep } from "./rlimit_steps.ts";
import { commandSchedulingSteps, firstSchedulingSteps } from "./scheduling_steps.ts";
import type { NewStep, Phase, Step } from "./step.ts";
import { sandboxTerminalStep } from "./exec_terminal.ts";

/** Where the descriptors of a request lie, for `load32`. */
export interface ExecPlaces {
  /** The socket to the host program. */
  readonly socket: number;
  /** Standard input, output and error. */
  readonly stdio: readonly [number, number, number];
  /** What the sandbox handed out, in the order of `held`. */
  readonly held: readonly number[];
  /** The `cgroup.procs` files of hierarchies of version 1. */
  readonly attach: readonly number[];
}

/** What an exec adds to the description. */
export interface ExecChoices {
  readonly held: readonly Held[];
  readonly places: ExecPlaces;
  /** Who the command is; the sandbox's own user by default. */
  readonly user: Identity["user"];
  readonly cwd: string;
  readonly tty: boolean | TerminalSize;
  readonly filter: LaunchFilter | undefined;
  readonly landlock: LandlockRuleset | undefined;
}

/** What of a plan is in force for whoever joins. */
export type ExecIdentity = Pick<Identity, "setup" | "denySetgroups" | "maps">;

function attachStep(places: readonly number[]): NewStep[] {
  if (places.length === 0) return [];
  return [{
    phase: "attach",
    name: "attach",
    sentence: "go into the sandbox's cgroups",
    paths: { path: "cgroup.procs" },
    hints: { ENODEV: "the sandbox has ended" },
    operations: places.map((place): Operation => ({
      call: "write",
      args: [{ load32: place }, "0", 1],
    })),
  }];
}

function joinSteps(
  { held, places }: ExecChoices,
  { setup, denySetgroups, maps }: ExecIdentity,
): NewStep[] {
  return held.flatMap((one, index): NewStep[] => {
    if (one.what === "root" || one.what === "landlock") return [];
    const { kind } = one;
    const join: NewStep = {
      phase: "join",
      name: `join ${kind}`,
      sentence: `enter the sandbox's ${kind} namespace`,
      hints: {
        EPERM: "the program that enters must be the one that started the sandbox, or root",
        EINVAL: "this program is in the sandbox's namespace already",
      },
      operations: [{
        call: "setns",
        args: [{ load32: places.held[index]! }, NAMESPACE_FLAG[kind]],
      }],
    };
    if (kind !== "user" || maps === undefined) return [join];
    const { uid, gid } = setup;
    return [join, {
      phase: "join",
      name: "set-up user",
      sentence: `become user ${uid} and group ${gid} of the sandbox for the entry`,
      operations: [
        ...(denySetgroups ? [] : [{ call: "setgroups", args: [0, 0] } as Operation]),
        { call: "setresgid", args: [gid, gid, gid] },
        { call: "setresuid", args: [uid, uid, uid] },
        // A change of credentials sets both anew.
        { call: "prctl", args: [PR_SET_DUMPABLE, 0] },
        dieWithParent(),
      ],
    }];
  });
}

/** All steps but the last, which executes. */
export function planExec(
  spec: SandboxSpec,
  facts: HostFacts,
  identity: ExecIdentity,
  choices: ExecChoices,
): Step[] {
  const { places, tty } = choices;
  const to = (phase: Phase, steps: readonly NewStep[]) => steps.map((step) => ({ ...step, phase }));
  const ownUser = spec.namespaces.user !== undefined && spec.namespaces.user !== "shared";
  const joinsUser = typeof spec.namespaces.user === "object";
  const privileged = facts.uid === 0 || ownUser;
  const kept = keptCapabilities(spec.capabilities, choices.user.uid);
  const ruleset = choices.held.findIndex(({ what }) => what === "landlock");
  const slave: Value = { load32: "slave" };
  const stdio: Value[] = tty
    ? [slave, slave, slave]
    : places.stdio.map((place) => ({ load32: place }));
  const softNofile = spec.rlimits.nofile === undefined ? facts.softNofile : undefined;
  const steps: NewStep[] = [
    ...attachStep(places.attach),
    ...to("attach", [
      keyringStep(),
      // Here it still has the rights that the agent has, which the launch needed from outside.
      ...firstSchedulingSteps(spec, false),
      ...commandSchedulingSteps(spec, false),
      ...raiseSteps(spec, facts, 0),
    ]),
    ...(facts.uid === 0 && joinsUser ? [dropGroupsStep()] : []),
    ...joinSteps(choices, identity),
    ...(tty ? [sandboxTerminalStep(tty, choices.user, places.socket)] : []),
    ...to("finish", [
      ...(privileged
        ? [
          identityStep(
            choices.user,
            { setIds: true, setGroups: !identity.denySetgroups && !joinsUser },
            kept,
          ),
          unseenStep(),
        ]
        : []),
      cwdStep(choices.cwd),
      umaskStep(spec.umask === undefined ? facts.umask : parseMode(spec.umask, "umask")),
      ...(choices.landlock && ruleset === -1 ? [landlockRulesStep(choices.landlock)] : []),
      noNewPrivsStep(),
      ...(choices.landlock
        ? [
          ruleset === -1 ? landlockStep() : {
            ...landlockStep(),
            operations: [
              { call: "SET", args: [{ load32: places.held[ruleset]! }], store: "landlock" },
              ...landlockStep().operations,
            ] satisfies Operation[],
          },
        ]
        : []),
    ]),
    stdioStep(stdio),
    ...(spec.newSession || tty ? [sessionStep(tty !== false)] : []),
    ...(softNofile === undefined ? [] : [softNofileStep(softNofile)]),
    ...Object.entries(spec.rlimits).map(([name, value]) => rlimitStep(name as RlimitName, value)),
    lastStep(),
    ...choices.filter?.steps ?? [],
  ];
  return steps.map((step, index) => ({ number: index + 1, ...step }));
}

/** Nobody may look into a process that is about to be seen. */
function unseenStep(): NewStep {
  return {
    phase: "finish",
    name: "unseen",
    sentence: "let nobody look into this process, and die with the agent",
    operations: [{ call: "prctl", args: [PR_SET_DUMPABLE, 0] }, dieWithParent()],
  };
}
