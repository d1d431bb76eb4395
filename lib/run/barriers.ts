/**
 * What happens while a set-up waits for this program: id maps by newuidmap, and the hooks before the
 * command. Loaded when a launch comes to its first barrier, which most never do.
 *
 * @module
 */

import type { Program } from "../agent/assembler.ts";
import { requestFd } from "../agent/boot.ts";
import { SandboxError } from "../errors.ts";
import type { Inside } from "../hook.ts";
import { mapByHelper } from "../ids/map_programs.ts";
import { Answer, Barrier } from "../plan/launch_shape.ts";
import { isCaller } from "../plan/mounts/sources.ts";
import { optionalParts } from "../plan/optional_parts.ts";
import type { PlannedLaunch } from "../plan/launch_choices.ts";
import { planLaunch } from "../plan/plan.ts";
import { patchLaunch } from "../plan/program_parts.ts";
import { restProgram } from "../plan/setup_program.ts";
import type { MountSpec, SandboxSpec } from "../spec.ts";
import { launchFilter } from "./filters.ts";
import { type Exchange, insideAt } from "./inside.ts";
import { adoptMount, checkLate } from "./late_mounts.ts";
import type { LaunchInit } from "./launch_init.ts";
import { networkSides } from "./network_sides.ts";
import { resolveSpec } from "./resolve.ts";

/** What its barriers need of a launch. */
export interface WaitingLaunch {
  readonly init: LaunchInit;
  readonly number: number;
  /** The description and the plan. */
  readonly spec: SandboxSpec;
  readonly plan: PlannedLaunch;
  /** Pre-mount hooks have added to them; optional sources among that were not there. */
  replanned(spec: SandboxSpec, plan: PlannedLaunch, skipped: readonly string[]): void;
  /** The program that waits. */
  readonly setup: Program;
  readonly externals: ReadonlyMap<string, number>;
  readonly boot: Program;
  /** Resolves to the pid of the sandbox's first process as the host numbers it. */
  firstProcess(): Promise<number>;
  /** Sends a message, maybe with descriptors. */
  send(message: Uint8Array<ArrayBuffer>, fds?: readonly number[]): void;
  /** Sends a message and resolves to what comes back. */
  exchange: Exchange;
  /** Puts a program into the arena: where it lies. */
  place(program: Program): number;
}

/** The barriers of one launch. */
export class Barriers {
  readonly #launch: WaitingLaunch;
  // Behind the pre-mount hooks these are others.
  #spec: SandboxSpec;
  #plan: PlannedLaunch;
  #setup: Program;
  /** The barrier that the sandbox waits at. */
  #current: number | undefined;

  /** For this launch. */
  constructor(launch: WaitingLaunch) {
    this.#launch = launch;
    ({ spec: this.#spec, plan: this.#plan, setup: this.#setup } = launch);
  }

  /** Does what is to be done at a barrier, and lets the set-up go on. */
  async at(code: number): Promise<void> {
    this.#current = code;
    const pid = await this.#launch.firstProcess();
    if (code === Barrier.MAPS) await mapByHelper(pid, this.#plan.identity.maps!);
    else if (code === Barrier.PRE_MOUNT) return await this.#preMount(pid);
    else await this.#networkSetup(pid);
    this.#reply(Answer.CONTINUE);
  }

  #reply(...answer: number[]): void {
    this.#current = undefined;
    const words = new BigUint64Array(4);
    answer.forEach((word, index) => words[index] = BigInt(word));
    this.#launch.send(new Uint8Array(words.buffer));
  }

  /** The inside of the sandbox, for as long as it waits at this barrier. */
  #inside(code: number): Inside {
    const { boot, exchange } = this.#launch;
    const { labels, places } = this.#setup;
    return insideAt({
      resume: labels.get(`barrier ${code}`)!,
      handler: labels.get("failed")!,
      record: places.get("failure")!,
      socket: requestFd(boot, 0),
    }, (message) => {
      // Whoever waits now waits for something else, and would take it for that.
      if (this.#current !== code) {
        throw new SandboxError("The hook's stage is over: the sandbox has gone on");
      }
      return exchange(message);
    });
  }

  async #networkSetup(pid: number): Promise<void> {
    const spec = this.#spec;
    const { inside, host, close } = networkSides(this.#inside(Barrier.NETWORK));
    const netns = `/proc/${pid}/ns/net`;
    try {
      await this.#launch.init.hooks.run(
        "networkSetup",
        (base) => ({ ...base, spec: structuredClone(spec), pid, inside, host, netns }),
      );
    } finally {
      close();
    }
  }

  /** Runs the pre-mount hooks, plans again with what they added, and sends the rest. */
  async #preMount(pid: number): Promise<void> {
    const launch = this.#launch;
    const spec = this.#spec;
    const { hooks, facts } = launch.init;
    const inside = this.#inside(Barrier.PRE_MOUNT);
    const added: MountSpec[] = [];
    await hooks.run("preMount", (base) => ({
      ...base,
      spec: structuredClone(spec),
      pid,
      inside,
      addMount: (mount: MountSpec) => {
        added.push(mount);
      },
    }));
    const mounts = [...spec.mounts, ...added];
    const { spec: full, skipped } = resolveSpec({ ...spec, mounts }, facts);
    const adopted = await this.#adopt(full, spec.mounts.length, pid, inside);
    this.#spec = full;
    this.#plan = this.#planAgain(full, adopted);
    launch.replanned(full, this.#plan, skipped);
    const rest = restProgram(this.#plan, launch.boot, launch.externals, launch.init.fault);
    patchLaunch(rest, launch.number);
    this.#setup = rest;
    this.#reply(Answer.LOAD_REST, launch.place(rest), rest.bytes.length);
  }

  /** Opens here what a privileged caller's sandbox has lost the right to open, and hands it in. */
  async #adopt(
    full: SandboxSpec,
    from: number,
    pid: number,
    inside: Inside,
  ): Promise<ReadonlyMap<number, number>> {
    const { init: { facts }, boot } = this.#launch;
    const { identity } = this.#plan;
    const isRoot = facts.uid === 0;
    const privileged = identity.maps !== undefined && isRoot;
    const mapped = full.idMap !== undefined || isCaller(identity, facts);
    const adopted = new Map<number, number>();
    for (const [index, mount] of full.mounts.slice(from).entries()) {
      checkLate(mount, isRoot, privileged);
      if (mount.kind !== "bind" || !privileged) continue;
      const fd = await adoptMount(mount, pid, requestFd(boot, 0), mapped, (program, tree) => {
        const result = inside.run(program);
        // The program takes it as the next message.
        this.#launch.send(new Uint8Array(8), [tree]);
        return result;
      });
      adopted.set(from + index, fd);
    }
    return adopted;
  }

  #planAgain(full: SandboxSpec, adoptedFds: ReadonlyMap<number, number>): PlannedLaunch {
    const { boot, init } = this.#launch;
    const { facts, hooks, supervise, cgroup } = init;
    return planLaunch(full, facts, {
      preMount: true,
      networkSetup: hooks.has("networkSetup"),
      reportStart: init.reportStart && !full.asPid1,
      keepChanges: init.reportStart && init.supervisor === undefined,
      commandLater: init.command === undefined,
      detached: init.supervisor !== undefined,
      handOut: init.handOut,
      requestFd: (index) => requestFd(boot, index),
      // A hook may have added something that can be written.
      filter: launchFilter(full, facts, {
        socket: requestFd(boot, 0),
        hasHandler: supervise?.hasHandler ?? false,
        secret: this.#plan.secret,
      }),
      adoptedFds,
      landlock: full.landlock &&
        optionalParts().landlockRuleset(full, facts.landlockVersion).ruleset,
      cgroup: cgroup?.layout,
    });
  }
}
