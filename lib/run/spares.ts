/**
 * First processes made ahead of time. The network namespace alone takes the kernel as long as all
 * the rest of a launch; so each launch, from a program's second one on, has the next one's first
 * process made when it needs the processors no more: its command runs, or has ended. One is kept
 * for each of the last few shapes.
 *
 * A spare is never used twice. It waits with a few pages of memory, holds no mount of the host, and
 * ends with this program. What a launch could miss because its process was made before is not part
 * of a spare: mounts, cgroups, descriptors, the command.
 *
 * @module
 */

import type { Program } from "../agent/assembler.ts";
import { FirstProcess } from "./first_process.ts";
import type { Supervisor } from "./supervisor.ts";

/** How many shapes have a spare at the same time. */
const MOST_SHAPES = 4;

let owner: Supervisor | undefined;
const spares = new Map<string, FirstProcess>();
/** Those that nobody wants and that the agent is still making. */
const leaving = new Set<FirstProcess>();

/** Ends a process that no launch wants. */
export function dismiss(spare: FirstProcess): void {
  leaving.add(spare);
  for (const one of leaving) if (one.discard()) leaving.delete(one);
}

/** The spares of this agent; those of one that has died are gone with it. */
function sparesOf(supervisor: Supervisor): Map<string, FirstProcess> {
  if (owner !== supervisor) {
    owner = supervisor;
    for (const spare of spares.values()) dismiss(spare);
    spares.clear();
    supervisor.agent.beforeLeaving = discardSpares;
  }
  return spares;
}

/** Takes the spare of this shape out, if there is one and it is well. */
export function takeSpare(supervisor: Supervisor, shape: string): FirstProcess | undefined {
  const known = sparesOf(supervisor);
  const spare = known.get(shape);
  if (!spare) return undefined;
  // Nobody waits for the events of a spare; that it has been killed is learnt here.
  supervisor.agent.drain();
  known.delete(shape);
  // One that is still being made will do as well: its launch waits for it as for any other.
  if (!spare.isGone) return spare;
  dismiss(spare);
  return undefined;
}

/** Has a spare of this shape made, if there is none. */
export function keepSpare(supervisor: Supervisor, shape: string, outside: Program): void {
  // A launch may end because its agent has died; another one may serve by now.
  if (!supervisor.agent.alive) return;
  const known = sparesOf(supervisor);
  if (known.has(shape)) return;
  if (known.size >= MOST_SHAPES) {
    const [oldest, spare] = known.entries().next().value!;
    known.delete(oldest);
    dismiss(spare);
  }
  try {
    const spare = new FirstProcess(supervisor, outside, []);
    // Meanwhile launches may have ended, and one of them may have had the same thought.
    if (known.has(shape)) dismiss(spare);
    else known.set(shape, spare);
  } catch {
    // The launch that asked for it does not depend on it; the next one meets the cause itself.
  }
}

/**
 * Ends all spares, for tests that count what a program holds. The result is how many of them are
 * still being made, and not ended for that reason.
 */
export function discardSpares(): number {
  for (const spare of spares.values()) dismiss(spare);
  spares.clear();
  for (const spare of leaving) if (spare.discard()) leaving.delete(spare);
  return leaving.size;
}
