/**
 * The cgroup of one launch, as the host program sees it: its name, the pipe by which its keeper
 * learns that it is to be removed, and what it had used at the end.
 *
 * @module
 */

import type { Program } from "../agent/assembler.ts";
import type { CgroupStatistics } from "../hook/cgroup.ts";
import type { CgroupLayout } from "../plan/cgroup_layout.ts";
import { CGROUP_NAME, CGROUP_NAME_SIZE } from "../plan/cgroup_layout.ts";
import type { LimitsSpec } from "../spec.ts";
import { O_CLOEXEC } from "../sys/abi/fcntl.ts";
import { check, syscall } from "../sys/libc.ts";
import { findBase } from "./base.ts";
import { SandboxCgroup } from "./cgroup.ts";
import { type Hierarchy, readHierarchies } from "./hierarchies.ts";
import { countedUnified, layoutFor, mayWrite, neededUnified, parentDirectory } from "./layout.ts";
import { namePrefix, removeLeftovers } from "./leftovers.ts";

/** For each agent and each set of limits by their names: sandboxes of one kind share a layout. */
const layouts = new Map<string, CgroupLayout>();
let layoutsOf: number | undefined;

/** Where cgroups for these limits are made; the first time, what is needed for that is prepared. */
export async function layoutOf(limits: LimitsSpec, agent: number): Promise<CgroupLayout> {
  if (layoutsOf !== agent) {
    layouts.clear();
    layoutsOf = agent;
  }
  const names = Object.entries(limits).filter(([_, value]) => value !== undefined)
    .map(([name]) => name).sort();
  const key = JSON.stringify([names, limits.parent]);
  const known = layouts.get(key);
  // Whoever made the directory may have removed it.
  if (known?.every(({ directory }) => mayWrite(directory))) return known;
  const hierarchies = readHierarchies();
  const hierarchy = hierarchies.find(({ version }) => version === 2);
  const parent = hierarchy && limits.parent && parentDirectory(hierarchy, limits.parent);
  const layout = await findLayout(limits, hierarchies, parent, agent);
  await removeLeftovers(layout.map(({ directory }) => directory));
  layouts.set(key, layout);
  return layout;
}

/** The same without looking it up; `parent` is where it is to be in the hierarchy of version 2. */
async function findLayout(
  limits: LimitsSpec,
  hierarchies: readonly Hierarchy[],
  parent: string | undefined,
  agent: number,
): Promise<CgroupLayout> {
  const uid = Deno.uid() ?? 0;
  const hierarchy = hierarchies.find(({ version }) => version === 2);
  const needed = neededUnified(limits, hierarchies);
  let unified: string | undefined;
  if (hierarchy !== undefined) {
    const counted = countedUnified(hierarchies);
    const request = { hierarchy, counted, parent, agent, uid };
    // What is not limited is to be counted at least, where that can be had.
    for (const wanted of needed.length > 0 ? [needed] : [counted, needed]) {
      try {
        unified ??= await findBase({ ...request, needed: wanted });
      } catch (error) {
        if (needed.length > 0) throw error;
      }
    }
  }
  return layoutFor(limits, hierarchies, unified, uid);
}

let count = 0;

/** A name that no other cgroup of this agent has. */
export function nextName(agent: number): string {
  return `${namePrefix(agent)}${++count}`;
}

/** The cgroup of a launch. */
export class CgroupSession {
  /** Where it is made. */
  readonly layout: CgroupLayout;
  /** Its handle, good until {@linkcode end}. */
  readonly cgroup: SandboxCgroup;
  readonly #name: string;
  #keeps: number | undefined;
  #theirs: number | undefined;

  /** Made by {@linkcode openCgroup}. */
  constructor(layout: CgroupLayout, agent: number, supervisors: number) {
    this.layout = layout;
    this.#name = nextName(agent);
    const paths = layout.map(({ directory }) => `${directory}/${this.#name}`);
    this.cgroup = new SandboxCgroup(layout, paths, supervisors);
    const pipe = new Int32Array(2);
    check(syscall("pipe2", pipe, O_CLOEXEC), "pipe2");
    [this.#theirs, this.#keeps] = pipe;
  }

  /** The end of the pipe that the keeper gets. */
  get pipe(): number {
    return this.#theirs!;
  }

  /** The end that this program keeps, for whoever hands that over. */
  get keeps(): number {
    return this.#keeps!;
  }

  /** Writes the name into the outside program. */
  stamp(outside: Program): void {
    const at = outside.places.get(CGROUP_NAME);
    if (at === undefined) throw new Error("This program makes no cgroup");
    const place = outside.bytes.subarray(at - outside.base, at - outside.base + CGROUP_NAME_SIZE);
    place.fill(0);
    new TextEncoder().encodeInto(this.#name, place.subarray(0, CGROUP_NAME_SIZE - 1));
  }

  /** The agent has the keeper's end now. */
  handedOver(): void {
    if (this.#theirs !== undefined) syscall("close", this.#theirs);
    this.#theirs = undefined;
  }

  /** What it has used; then it is removed. Undefined the second time. */
  end(): CgroupStatistics | undefined {
    if (this.#keeps === undefined) return undefined;
    const statistics = this.cgroup.statistics();
    this.cgroup.close();
    this.handedOver();
    syscall("close", this.#keeps);
    this.#keeps = undefined;
    return statistics;
  }
}

/** A cgroup that holds others: the hierarchies with it in the place of the program's own. */
export interface CgroupParent {
  readonly hierarchies: () => Hierarchy[];
}

/** Prepares the cgroup of a launch, maybe within another; the agent makes it. */
export async function openCgroup(
  limits: LimitsSpec,
  agent: number,
  asPid1: boolean,
  within?: CgroupParent,
): Promise<CgroupSession> {
  const hierarchies = within?.hierarchies();
  const layout = hierarchies === undefined ? await layoutOf(limits, agent) : await findLayout(
    limits,
    hierarchies,
    hierarchies.find(({ version }) => version === 2)?.own,
    agent,
  );
  return new CgroupSession(layout, agent, asPid1 ? 0 : 1);
}
