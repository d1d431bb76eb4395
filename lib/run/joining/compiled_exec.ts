/**
 * Plans and assembles an exec. The last one of each sandbox is kept, for many run the same again: a
 * health check, for one.
 *
 * @module
 */

import type { Program } from "../../agent/assembler.ts";
import { requestFd } from "../../agent/boot.ts";
import { type CommandLine, execStep } from "../../plan/command_steps.ts";
import { type ExecChoices, planExec } from "../../plan/exec_plan.ts";
import { execProgram } from "../../plan/exec_program.ts";
import { optionalParts } from "../../plan/optional_parts.ts";
import type { Step } from "../../plan/step.ts";
import { launchFilter } from "../filters.ts";
import type { Entrance } from "./entrance.ts";

/** What decides an exec besides the sandbox. */
export interface ExecPlanInit extends Pick<ExecChoices, "user" | "cwd" | "tty"> {
  readonly line: CommandLine;
  /** How many cgroups of version 1 it is to go into. */
  readonly attaches: number;
  /** Whether it is made in a cgroup of version 2. */
  readonly bornInside: boolean;
}

/** An exec that lacks only its number and its place in the arena. */
export interface CompiledExec {
  readonly steps: readonly Step[];
  readonly program: Program;
  /** What the filter's listener goes by, if it asks. */
  readonly judge?: Uint8Array;
}

const kept = new WeakMap<Entrance, { key: string; boot: Program; compiled: CompiledExec }>();

/** Compiles it, or finds it compiled. */
export function compileExec(boot: Program, entrance: Entrance, init: ExecPlanInit): CompiledExec {
  const isText = (word: string | Uint8Array) => typeof word === "string";
  const { argv, env } = init.line;
  // Bytes may have been changed in place.
  const key = argv.every(isText) && env.every(isText) ? JSON.stringify(init) : undefined;
  const found = kept.get(entrance);
  if (found && found.key === key && found.boot === boot) return found.compiled;
  const { spec, facts, held, identity, supervise } = entrance;
  const place = (index: number) => requestFd(boot, index);
  const filter = launchFilter(spec, facts, {
    socket: place(0),
    hasHandler: supervise?.hasHandler ?? false,
  });
  const firstHeld = 4, firstAttach = firstHeld + held.length;
  const most = planExec(spec, facts, identity, {
    ...init,
    held,
    places: {
      socket: place(0),
      stdio: [place(1), place(2), place(3)],
      held: held.map((_, index) => place(firstHeld + index)),
      attach: Array.from({ length: init.attaches }, (_, index) => place(firstAttach + index)),
    },
    filter,
    landlock: spec.landlock && optionalParts().landlockRuleset(spec, facts.landlockVersion).ruleset,
  });
  const secret = filter?.secret;
  const steps = [...most, { number: most.length + 1, ...execStep(init.line, secret) }];
  const cgroup = init.bornInside ? place(firstAttach + init.attaches) : undefined;
  const program = execProgram({ steps, secret, cgroup }, boot);
  const compiled = { steps, program, judge: filter?.judge };
  // What the filter wants to see is a secret of one command.
  if (key !== undefined && secret === undefined) kept.set(entrance, { key, boot, compiled });
  return compiled;
}
