/**
 * Makes the plan of a sandbox: a pure function of its description and of a few facts about the
 * machine. Nothing is opened, nothing is asked of the kernel.
 *
 * @module
 */

import type { Operation } from "../agent/operation.ts";
import type { NamespaceKind, SandboxSpec } from "../spec.ts";
import { PR_SET_CHILD_SUBREAPER } from "../sys/abi/prctl.ts";
import type { CgroupLayout } from "./cgroup_layout.ts";
import { commandPhase } from "./command_phase.ts";
import { type CommandLine, dieWithParent, execStep } from "./command_steps.ts";
import type { HostFacts } from "./facts.ts";
import { checkContradictions, devTarget } from "./contradictions.ts";
import { decideIdentity, type Identity } from "./identity.ts";
import { idMapSteps } from "./id_map_steps.ts";
import {
  CLONE_HINTS,
  clonedKinds,
  cloneFlags,
  dropGroupsStep,
  joinedKinds,
  joinStep,
  keyringStep,
  loopbackStep,
  nameStep,
  noNestingStep,
  timeStep,
} from "./namespace_steps.ts";
import type { LaunchChoices, PlannedLaunch } from "./launch_choices.ts";
import { type LaunchShape, REQUEST_FD } from "./launch_shape.ts";
import { cloneOperations } from "./outside_program.ts";
import { FilesystemPlan } from "./mounts/filesystem.ts";
import { kindsBehindLock, needsLock } from "./mounts/lock.ts";
import { pivotStep } from "./mounts/root.ts";
import { hasScheduling, optionalParts } from "./optional_parts.ts";
import { firstSource, sourceDescriptors, Sources } from "./mounts/sources.ts";
import type { NewStep, Step } from "./step.ts";

const INTO_CGROUP_HINTS = {
  EACCES:
    "this user may not move processes from its cgroup to the sandbox's; start the program within a delegated cgroup, e.g. by `systemd-run --user --scope -p Delegate=yes`",
  EBUSY: "the parent cgroup has processes of its own; give limits.parent one that has none",
  EAGAIN: "the limit of processes of the parent's cgroup, or of the user, is reached",
};

class Planner {
  readonly steps: Step[] = [];
  readonly identity: Identity;
  readonly #filesystem: FilesystemPlan;

  constructor(
    readonly spec: SandboxSpec,
    readonly facts: HostFacts,
    readonly choices: LaunchChoices,
  ) {
    this.identity = decideIdentity(spec, facts);
    const sources = new Sources(
      spec,
      facts,
      this.identity,
      choices.requestFd,
      firstSource(spec, REQUEST_FD.firstJoin),
      choices.adoptedFds,
    );
    this.#filesystem = new FilesystemPlan(
      spec,
      facts,
      sources,
      choices.landlock,
      choices.keepChanges ? choices.requestFd(REQUEST_FD.launch) : undefined,
    );
  }

  get #userns(): boolean {
    return this.spec.namespaces.user === "new";
  }

  get #joinsUser(): boolean {
    return typeof this.spec.namespaces.user === "object";
  }

  #is(kind: "mount" | "pid" | "net" | "uts" | "time"): "new" | "shared" | "joined" {
    const choice = this.spec.namespaces[kind] ?? "shared";
    return typeof choice === "object" ? "joined" : choice;
  }

  /** Root's sandbox has lost root's rights, and only the agent, outside, still has them. */
  get #privilegedOutside(): boolean {
    return this.#userns && this.facts.uid === 0;
  }

  plan(): PlannedLaunch {
    const { spec, choices } = this;
    checkContradictions(spec);
    const joins = joinedKinds(spec);
    const staged = joins.length > 0;
    const inside = [
      ...this.#namespaces(),
      ...(this.#is("mount") === "new" ? [...this.#filesystem.steps(), pivotStep()] : []),
      ...this.#lock(),
      ...this.#finish(),
      ...commandPhase(spec, this.facts, this.identity, choices, this.#privilegedOutside),
    ];
    // The mount namespace comes when the launch is known; the time namespace has its own way.
    const apart: NamespaceKind[] = ["time", "mount", ...this.#behindLock];
    if (this.#ownCgroup) apart.push("cgroup");
    const kinds = clonedKinds(spec, apart);
    const { sources } = this.#filesystem;
    const layout = this.#cgroup;
    const ordered: NewStep[] = [
      ...(layout
        ? optionalParts().cgroup.cgroupSteps(spec.limits!, layout, spec.asPid1 ? 0 : 1)
        : []),
      ...sources.outside,
      // Afterwards they would be ids that the joined namespace does not know, and nobody could drop.
      ...(this.facts.uid === 0 && joins.some(({ kind }) => kind === "user")
        ? [dropGroupsStep()]
        : []),
      ...joins.map(({ kind, target }, index) =>
        joinStep(kind, target, choices.requestFd(REQUEST_FD.firstJoin + index))
      ),
      {
        phase: "outside",
        name: "clone",
        sentence:
          (kinds.length === 0
            ? "make a process"
            : `make a process in new ${kinds.join(", ")} namespaces`) +
          (layout?.[0]?.version === 2 ? ", in the cgroup from its first moment" : ""),
        hints: layout ? { ...CLONE_HINTS, ...INTO_CGROUP_HINTS } : CLONE_HINTS,
        operations: cloneOperations(cloneFlags(spec, apart), staged, layout),
      },
      ...this.#attach(),
      ...this.#maps(),
      ...inside,
    ];
    return {
      steps: ordered.map((step, index) => ({ number: index + 1, ...step })),
      identity: this.identity,
      cloneFlags: cloneFlags(spec, apart),
      ownsPids: this.#is("pid") === "new",
      staged,
      hasMaps: this.#userns,
      mapsByHost: this.identity.byHelper,
      ahead: !staged && sources.outside.length === 0 && sources.handed === 0 &&
        !this.identity.byHelper && !spec.asPid1 && !layout,
      preMount: choices.preMount,
      landlocks: choices.landlock !== undefined,
      networkSetup: choices.networkSetup,
      asPid1: spec.asPid1,
      reportStart: choices.reportStart,
      secret: choices.filter?.secret,
      commandLater: choices.commandLater,
      detached: choices.detached,
      cgroup: layout && {
        places: layout,
        pipe: {
          load32: choices.requestFd(
            firstSource(spec, REQUEST_FD.firstJoin) + sourceDescriptors(spec.mounts).length,
          ),
        },
      },
    };
  }

  /** What plans processors and priorities, if anything is said about them. */
  get #scheduling() {
    return hasScheduling(this.spec) ? optionalParts().scheduling : undefined;
  }

  /** Where the sandbox's cgroup is made, if it has one. */
  get #cgroup(): CgroupLayout | undefined {
    if (this.spec.limits === undefined) return undefined;
    if (this.choices.cgroup === undefined) throw new Error("Limits need a layout of cgroups");
    return this.choices.cgroup;
  }

  /** The cgroup namespace comes when the process is in the cgroup that is to be its root. */
  get #ownCgroup(): boolean {
    return this.#cgroup !== undefined && this.spec.namespaces.cgroup === "new";
  }

  #attach(): NewStep[] {
    const step = this.#cgroup && optionalParts().cgroup.attachStep(this.#cgroup);
    return step ? [step] : [];
  }

  /**
   * The process is in its cgroup, and has its cgroup namespace: as late as can be where that takes
   * long, but before hooks that are promised all namespaces, and before a cgroup filesystem shows it.
   */
  #inCgroup(phase: "namespaces" | "finish"): NewStep[] {
    const { spec, choices } = this;
    const layout = this.#cgroup;
    if (!layout) return [];
    const slow = layout.some(({ version }) => version === 1);
    const early = !slow || choices.preMount ||
      spec.mounts.some(({ kind }) => kind === "cgroupfs");
    if (early !== (phase === "namespaces")) return [];
    const { attachedStep, cgroupNamespaceStep } = optionalParts().cgroup;
    return [
      // With joined namespaces it is waited for before these.
      ...(slow && joinedKinds(spec).length === 0 ? [attachedStep(phase)] : []),
      ...(this.#ownCgroup ? [cgroupNamespaceStep(phase, CLONE_HINTS)] : []),
    ];
  }

  /** The steps between the clone and the set-up, done from outside. */
  #maps(): NewStep[] {
    const { maps, byHelper, denySetgroups } = this.identity;
    if (!maps) return [];
    if (byHelper) {
      return [{
        phase: "maps",
        name: "newuidmap",
        sentence: "map ids by newuidmap and newgidmap",
        operations: [],
      }];
    }
    const steps = idMapSteps(maps, denySetgroups);
    const idmap = this.#filesystem.sources.idmapStep();
    if (idmap) steps.push(idmap);
    if (this.#privilegedOutside) {
      steps.push(...this.#scheduling?.outsideSchedulingSteps(this.spec) ?? []);
      if (Object.keys(this.spec.rlimits).length > 0) {
        steps.push(...optionalParts().raise.raiseSteps(this.spec, this.facts));
      }
    }
    return steps;
  }

  #namespaces(): NewStep[] {
    const { spec, identity } = this;
    const steps: NewStep[] = [];
    const add = (step: NewStep) => steps.push(step);
    add(keyringStep());
    const outside = this.#privilegedOutside;
    for (const step of this.#scheduling?.firstSchedulingSteps(spec, outside) ?? []) add(step);
    if (this.#userns) add(noNestingStep(needsLock(spec)));
    // Root's own ids are none in a user namespace that was joined, unless it maps them.
    if (this.#userns || (this.#joinsUser && this.facts.uid === 0)) {
      const { uid, gid } = identity.setup;
      add({
        phase: "namespaces",
        name: "set-up user",
        sentence: `become user ${uid} and group ${gid} of the sandbox for the set-up`,
        operations: [
          ...(identity.denySetgroups || this.#joinsUser
            ? []
            : [{ call: "setgroups", args: [0, 0] } as Operation]),
          { call: "setresgid", args: [gid, gid, gid] },
          { call: "setresuid", args: [uid, uid, uid] },
          dieWithParent(),
        ],
      });
    }
    if (!this.#behindLock.includes("uts")) steps.push(...this.#names());
    if (this.#is("time") === "new") add(timeStep(spec.timeOffsets ?? {}));
    if (this.#is("pid") !== "new") {
      add({
        phase: "namespaces",
        name: "subreaper",
        sentence: "become the parent of whatever the command leaves behind",
        operations: [{ call: "prctl", args: [PR_SET_CHILD_SUBREAPER, 1] }],
      });
    }
    if (this.#is("net") === "new" && !this.#behindLock.includes("net")) add(loopbackStep());
    steps.push(...this.#inCgroup("namespaces"));
    return steps;
  }

  #names(): NewStep[] {
    const { hostname, domainname } = this.spec;
    return [
      ...(hostname === undefined ? [] : [nameStep("sethostname", hostname)]),
      ...(domainname === undefined ? [] : [nameStep("setdomainname", domainname)]),
    ];
  }

  /** Namespaces that are made when the mounts are locked. */
  get #behindLock(): NamespaceKind[] {
    return kindsBehindLock(this.spec, this.choices.preMount);
  }

  /** Keeps a command with CAP_SYS_ADMIN from undoing the mounts. */
  #lock(): NewStep[] {
    if (!needsLock(this.spec)) return [];
    const { behindLockStep, lockStep } = optionalParts().lock;
    const late = this.#behindLock;
    const behind = [
      ...(late.includes("uts") ? this.#names() : []),
      ...(late.includes("net") ? [loopbackStep()] : []),
    ];
    return [
      ...(this.choices.handOut ? [optionalParts().held.outerUserStep()] : []),
      lockStep(this.identity.maps!),
      ...(late.length > 0 ? [behindLockStep(late, CLONE_HINTS)] : []),
      ...behind.map((step): NewStep => ({ ...step, phase: "network" })),
    ];
  }

  #finish(): NewStep[] {
    const { spec, identity, choices } = this;
    const steps: NewStep[] = this.#inCgroup("finish");
    if (spec.tty) {
      steps.push(
        optionalParts().terminal.terminalStep(
          devTarget(spec)!,
          spec.tty,
          identity.user,
          choices.requestFd(REQUEST_FD.launch),
        ),
      );
    }
    if (choices.handOut) steps.push(optionalParts().held.handOutStep(spec, choices));
    return steps;
  }
}

/** The last step of every plan; apart from the others, for it alone differs from launch to launch. */
export function executeStep(plan: LaunchShape, command: CommandLine): Step {
  return { number: plan.steps.length + 1, ...execStep(command, plan.secret) };
}

/** Makes the plan of a launch up to the command's execution. Pure; throws a `SpecError` for what contradicts itself. */
export function planLaunch(
  spec: SandboxSpec,
  facts: HostFacts,
  choices: LaunchChoices,
): PlannedLaunch {
  return new Planner(spec, facts, choices).plan();
}
