/**
 * What tells the host when a step has ended: a record with the time, behind the step's operations.
 *
 * @module
 */

import { EVENT_OFFSET, EVENT_SIZE } from "../agent/event.ts";
import { AGENT_FD } from "../agent/layout.ts";
import type { Operation } from "../agent/operation.ts";
import type { Step } from "./step.ts";

/** Namespaces have monotonic clocks of their own; this one is everybody's. clock_gettime(2). */
export const CLOCK_REALTIME = 0;

/** Phases in a program that knows by itself where the status pipe is. */
const IN_SETUP: readonly Step["phase"][] = ["unshare", "mounts", "network", "finish", "command"];
/** In the last one every call has to pass the filter; and a keeper has no status pipe. */
const SILENT: readonly Step["phase"][] = ["execute", "attach"];

/** The operations behind a step. That they fail is no failure of the launch. */
export function stepEnded({ phase, number }: Step): Operation[] {
  if (SILENT.includes(phase)) return [];
  const status = IN_SETUP.includes(phase) ? { load32: "status" } : AGENT_FD.status;
  const onError = "ignore";
  return [
    { call: "SET", args: [number], store: "trace", store32: true },
    {
      call: "clock_gettime",
      args: [CLOCK_REALTIME, { at: { name: "trace", offset: EVENT_OFFSET.pid } }],
      onError,
    },
    { call: "write", args: [status, { at: "trace" }, EVENT_SIZE], onError },
  ];
}
