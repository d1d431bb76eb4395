/**
 * Finds or makes the first process of a launch, and tells it what it is for.
 *
 * @module
 */

import type { Slot } from "../agent/arena.ts";
import type { CommandLine } from "../plan/command_steps.ts";
import { sourceDescriptors } from "../plan/mounts/sources.ts";
import { assignment, commandProgram, type Compiled, spareShape, stamp } from "./compiled.ts";
import { FirstProcess } from "./first_process.ts";
import { openJoins } from "./joins.ts";
import type { LaunchInit } from "./launch_init.ts";
import { dismiss, takeSpare } from "./spares.ts";
import type { Supervisor } from "./supervisor.ts";

/** A first process that knows its launch. */
export interface AssignedProcess {
  readonly first: FirstProcess;
  /** Where the launch's programs lie, until they have been read. */
  readonly slot: Slot;
  /** What the next launch's first process may be made by; undefined where none is to be kept. */
  readonly shape: string | undefined;
}

/** How many launches this program has begun. */
let launches = 0;

/** Takes a spare or has one made, and assigns it. What was begun is undone if that fails. */
export function assignFirst(
  supervisor: Supervisor,
  init: LaunchInit,
  compiled: Compiled,
  line: CommandLine | undefined,
): AssignedProcess {
  const { agent } = supervisor;
  const { fault } = init;
  const { programs } = compiled;
  // A program's first launch is often its only one, which a spare would but slow down.
  const shape = fault || init.supervisor || launches++ === 0 ? undefined : spareShape(compiled);
  const spare = shape === undefined ? undefined : takeSpare(supervisor, shape);
  // The agent makes its namespaces while the rest is assembled here.
  let first = spare ?? makeFirst(supervisor, init, compiled);
  let slot: Slot | undefined;
  try {
    const { image } = programs.inside();
    const command = line && commandProgram(compiled, line, fault).bytes;
    const commandLength = command?.length ?? 0;
    const { offset } = slot = agent.arena.take(image.length + commandLength);
    if (command) agent.arena.write(command, offset + image.length);
    const assign = (process: FirstProcess) => {
      agent.arena.write(stamp(compiled, process.number), offset);
      return process.assign(assignment(compiled, offset, commandLength), init.stdio);
    };
    // Of one just made it is told elsewhere why it has ended.
    if (!assign(first) && first === spare) {
      dismiss(spare);
      first = makeFirst(supervisor, init, compiled);
      assign(first);
    }
    return { first, slot, shape };
  } catch (error) {
    dismiss(first);
    if (slot) agent.arena.give(slot);
    throw error;
  }
}

function makeFirst(
  supervisor: Supervisor,
  { cgroup }: LaunchInit,
  { spec, programs: { outside } }: Compiled,
): FirstProcess {
  const joins = openJoins(spec);
  try {
    cgroup?.stamp(outside);
    return new FirstProcess(supervisor, outside, [
      ...joins.fds,
      ...sourceDescriptors(spec.mounts),
      ...(cgroup ? [cgroup.pipe] : []),
    ]);
  } finally {
    joins.release();
    cgroup?.handedOver();
  }
}
