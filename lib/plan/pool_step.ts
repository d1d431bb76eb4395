/**
 * Where a sandbox that was built ahead of time waits for its command.
 *
 * @module
 */

import { EVENT_OFFSET, EVENT_SIZE } from "../agent/event.ts";
import { EXECUTE_AREA } from "../agent/layout.ts";
import type { Value } from "../agent/operation.ts";
import { ASSIGNED_EXECUTE, assignedStdio, awaitAssignment, wholeAssignment } from "./assignment.ts";
import { stdioStep } from "./command_steps.ts";
import { Barrier } from "./launch_shape.ts";
import { loadProgram } from "./program_parts.ts";
import type { NewStep } from "./step.ts";

/**
 * The command's own process says that all is done, and waits for the command line and its standard
 * streams. It is what the command will be, down to its capabilities; a hang-up ends it. The process
 * above it cannot see one meanwhile, for it has made this one as vfork(2) does, and ends after it.
 */
export function waitSteps(socket: Value): NewStep[] {
  return [
    {
      phase: "execute",
      name: "wait",
      sentence: "wait for the command",
      hints: {
        EMFILE: 'rlimit("nofile") is too low for the streams to be handed over; 32 will do',
      },
      operations: [
        {
          call: "SET",
          args: [Barrier.COMMAND],
          store: { name: "barrier", offset: EVENT_OFFSET.pid },
        },
        { call: "write", args: [{ load32: "status" }, { at: "barrier" }, EVENT_SIZE] },
        ...awaitAssignment(socket),
        ...wholeAssignment(),
        // Standard error takes the place of the arena, so this comes first.
        ...loadProgram(EXECUTE_AREA, ...ASSIGNED_EXECUTE),
      ],
    },
    { ...stdioStep(([0, 1, 2] as const).map(assignedStdio)), phase: "execute" },
  ];
}
