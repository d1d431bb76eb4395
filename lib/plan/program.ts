/**
 * Turns a plan's steps into the programs of one launch:
 *
 * - outside: the agent's part; it opens, clones, writes the id maps, and goes back to its loop
 * - set-up: what the sandbox's first process does, then the command's own steps up to execve
 * - rest: the later part of the set-up, when hooks may still add to the plan before it
 * - execute: the command line, which alone differs between launches of one sandbox
 * - init: what stays of pid 1: it reaps, reports, and ends when the host program does
 *
 * @module
 */

import { assemble, type Program } from "../agent/assembler.ts";
import { EXECUTE_AREA } from "../agent/layout.ts";
import { initProgram } from "./init_program.ts";
import type { Fault, LaunchShape } from "./launch_shape.ts";
import { outsideProgram } from "./outside_program.ts";
import { phase } from "./program_parts.ts";
import { setupProgram } from "./setup_program.ts";
import type { Step } from "./step.ts";

/** The programs that run inside of the sandbox. */
export interface InsidePrograms {
  /** For the sandbox's first process; its first part, when hooks may still add to the plan. */
  readonly setup: Program;
  /** For pid 1, once the command runs. */
  readonly init: Program;
  /** Set-up and init behind each other, as they go into the arena. */
  readonly image: Uint8Array<ArrayBuffer>;
  /** The places of other programs that a later part may refer to. */
  readonly externals: ReadonlyMap<string, number>;
}

/** All programs of one launch. */
export interface LaunchPrograms {
  /** For the agent. */
  readonly outside: Program;
  /** The others, assembled when first asked for: the agent can be at work by then. */
  readonly inside: () => InsidePrograms;
}

/** How operations of the last step are marked: its number depends on what hooks add before it. */
export const EXECUTE_STEP = 0xffff;

/** Assembles the last step: the command line and its execution. */
export function executeProgram(step: Step, fault?: Fault): Program {
  const operations = phase({ steps: [step] }, ["execute"], fault);
  return assemble(
    EXECUTE_AREA,
    operations.map((operation) => ({ ...operation, step: EXECUTE_STEP })),
  );
}

/** Assembles the programs of a launch: first the agent's, the others when they are asked for. */
export function launchPrograms(shape: LaunchShape, boot: Program, fault?: Fault): LaunchPrograms {
  const outside = outsideProgram(shape, boot, fault);
  let inside: InsidePrograms | undefined;
  return { outside, inside: () => inside ??= insidePrograms(shape, boot, outside, fault) };
}

function insidePrograms(
  shape: LaunchShape,
  boot: Program,
  outside: Program,
  fault?: Fault,
): InsidePrograms {
  const init = initProgram(shape);
  const externals = new Map<string, number>();
  for (const [name, place] of outside.places) {
    if (/^tree |^assignment|^attach$/.test(name)) externals.set(name, place);
  }
  for (const [name, place] of init.places) if (name.startsWith("init ")) externals.set(name, place);
  const setup = setupProgram(shape, boot, externals, fault);
  const image = new Uint8Array(setup.bytes.length + init.bytes.length);
  return { setup, init, image, externals };
}
