/**
 * Pid 1 while the command runs.
 *
 * @module
 */

import { assemble, type Program } from "../agent/assembler.ts";
import { EVENT_OFFSET, EVENT_SIZE, EventKind, eventTemplate } from "../agent/event.ts";
import {
  HOOK_AREA,
  HOOK_SIZE,
  INIT_AREA,
  OUTSIDE_AREA,
  OUTSIDE_SIZE,
  SETUP_AREA,
} from "../agent/layout.ts";
import type { Operation } from "../agent/operation.ts";
import { POLL_ANSWER, pollfd, SIGNAL_SET_SIZE, words } from "../agent/words.ts";
import { POLLIN } from "../sys/abi/poll.ts";
import { SIGNALS } from "../sys/abi/signal.ts";
import { __WALL, WNOHANG } from "../sys/abi/wait.ts";
import type { LaunchShape } from "./launch_shape.ts";

/** Ends and reaps every other process of the pid namespace, which pid 1 is alone in then. */
const KILL_ALL: readonly Operation[] = [
  { call: "kill", args: [-1, SIGNALS.SIGKILL], onError: { goto: "report" } },
  { call: "wait4", args: [-1, 0, __WALL, 0], onError: { goto: "report" }, label: "reap all" },
  { call: "SET", args: [0], goto: "reap all" },
];

/** What is left open in pid 1 while the command runs. */
export const INIT_FD = { socket: 0, signals: 1, status: 2 } as const;

/** What stays of pid 1: it reaps, reports, and ends when the host program does. */
export function initProgram(shape: LaunchShape): Program {
  const operations: Operation[] = [
    { call: "HANDLER", args: [{ label: "exit" }, { at: "error" }] },
    // One call for all the areas of the set-up, and one for the agent's.
    {
      call: "munmap",
      args: [SETUP_AREA, HOOK_AREA + HOOK_SIZE - SETUP_AREA],
      onError: "ignore",
    },
    { call: "munmap", args: [OUTSIDE_AREA, OUTSIDE_SIZE], onError: "ignore" },
    {
      call: "wait4",
      args: [
        -1,
        { at: { name: "result", offset: EVENT_OFFSET.status } },
        WNOHANG | __WALL,
        { at: { name: "result", offset: EVENT_OFFSET.usage } },
      ],
      store: { name: "result", offset: EVENT_OFFSET.pid },
      onError: { goto: "idle" },
      label: "reap",
    },
    {
      call: "SET",
      args: [{ load: { name: "result", offset: EVENT_OFFSET.pid } }],
      when: { equals: 0 },
      goto: "idle",
    },
    {
      call: "SUBTRACT",
      args: [{ load: { name: "result", offset: EVENT_OFFSET.pid } }, { load: "init command" }],
      onError: "ignore",
      when: { differs: 0 },
      goto: "reap",
    },
    ...(shape.ownsPids ? KILL_ALL : []),
    {
      call: "write",
      args: [INIT_FD.status, { at: "result" }, EVENT_SIZE],
      onError: "ignore",
      label: "report",
    },
    // Without a pid namespace the host looks for what is left, and then hangs up.
    ...(shape.ownsPids ? [] : [
      { call: "SET", args: [-1], store: "init command", onError: "ignore" } as Operation,
      { call: "SET", args: [0], goto: "idle" } as Operation,
    ]),
    { call: "exit_group", args: [0], label: "exit" },
    {
      call: "ppoll",
      args: [{ at: "polled" }, 2, 0, 0, SIGNAL_SET_SIZE],
      label: "idle",
      onError: { goto: "idle" },
    },
    { call: "AND", args: [{ load: "polled" }, POLL_ANSWER], when: { differs: 0 }, goto: "exit" },
    { call: "read", args: [INIT_FD.signals, { at: "siginfo" }, 128] },
    { call: "SET", args: [0], goto: "reap" },
  ];
  return assemble(INIT_AREA, operations, {
    buffers: { siginfo: 128 },
    contents: {
      result: eventTemplate(EventKind.RESULT),
      error: new Uint8Array(24),
      polled: words(pollfd(INIT_FD.socket, POLLIN), pollfd(INIT_FD.signals, POLLIN)),
      "init command": new Uint8Array(8),
    },
  });
}
