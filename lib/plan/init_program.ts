/**
 * Pid 1 while the command runs.
 *
 * @module
 */

import { assemble, type Program } from "../agent/assembler.ts";
import { EVENT_OFFSET, EVENT_SIZE, EventKind, eventTemplate } from "../agent/event.ts";
import {
  ABOVE_END,
  AGENT_FD,
  BOOT,
  HOOK_AREA,
  HOOK_SIZE,
  INIT_AREA,
  OUTSIDE_AREA,
  OUTSIDE_SIZE,
  SETUP_AREA,
} from "../agent/layout.ts";
import type { Operation } from "../agent/operation.ts";
import { POLL_ANSWER, pollfd, SIGNAL_SET_SIZE, words } from "../agent/words.ts";
import { O_CLOEXEC, O_DIRECTORY, O_RDONLY } from "../sys/abi/fcntl.ts";
import { POLLIN } from "../sys/abi/poll.ts";
import { SIGNALS } from "../sys/abi/signal.ts";
import { MSG_DONTWAIT, MSG_PEEK } from "../sys/abi/socket.ts";
import { __WALL, WNOHANG } from "../sys/abi/wait.ts";
import type { LaunchShape } from "./launch_shape.ts";

/** Ends and reaps every other process of the pid namespace, which pid 1 is alone in then. */
const KILL_ALL: readonly Operation[] = [
  { call: "kill", args: [-1, SIGNALS.SIGKILL], onError: { goto: "report" } },
  { call: "wait4", args: [-1, 0, __WALL, 0], onError: { goto: "report" }, label: "reap all" },
  { call: "SET", args: [0], goto: "reap all" },
];

/**
 * What is left open in pid 1 while the command runs: at the places that the agent's own have, of
 * which the command's process, cloned when these are in place, needs the status and the arena.
 */
export const INIT_FD = {
  status: AGENT_FD.status,
  signals: AGENT_FD.signals,
  socket: AGENT_FD.self,
  /** For {@linkcode SWEEP} only. */
  children: AGENT_FD.control,
  proc: AGENT_FD.proc,
} as const;

/** How often the sweep comes back to those it could not end, and how far apart. */
const MOST_SWEEPS = 50;
const PAUSE = words(0, 20_000_000);

const SPACE = 0x20, ZERO = 0x30;

/**
 * Ends and reaps all descendants where no pid namespace does it. Orphans have become children of
 * this process (PR_SET_CHILD_SUBREAPER), and the host's proc lists those: numbers, each with a
 * space behind it. They are killed by the folder of that proc, for a number may mean another
 * process in a namespace that was joined. proc_pid_task_children(5), pidfd_send_signal(2).
 *
 * It is done when there are no children; and where some cannot be ended, for the command took this
 * process's limit of descriptors away, that is told.
 */
const SWEEP: readonly Operation[] = [
  {
    call: "lseek",
    args: [INIT_FD.children, 0, 0],
    label: "sweep",
  },
  { call: "SET", args: [0], store: "killed" },
  { call: "SET", args: [0], store: "child", label: "next child" },
  {
    call: "read",
    args: [INIT_FD.children, { at: "digit" }, 1],
    when: { equals: 0 },
    goto: "swept",
    label: "next digit",
  },
  { call: "AND", args: [{ load32: "digit" }, 0xff], when: { equals: SPACE }, goto: "kill child" },
  // Ten times what there is, and the digit.
  { call: "ADD", args: [{ load: "child" }, { load: "child" }], store: "twice" },
  { call: "ADD", args: [{ load: "twice" }, { load: "twice" }], store: "sum" },
  { call: "ADD", args: [{ load: "sum" }, { load: "sum" }], store: "sum" },
  { call: "ADD", args: [{ load: "sum" }, { load: "twice" }], store: "sum" },
  { call: "ADD", args: [{ load: "sum" }, { load32: "digit" }], store: "sum" },
  { call: "SUBTRACT", args: [{ load: "sum" }, ZERO], store: "child", goto: "next digit" },
  { call: "DECIMAL", args: [{ load: "child" }, { at: "child text" }], label: "kill child" },
  {
    call: "openat",
    args: [INIT_FD.proc, { at: "child text" }, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0],
    store: "child",
    onError: { goto: "next child" },
  },
  {
    call: "pidfd_send_signal",
    args: [{ load32: "child" }, SIGNALS.SIGKILL, 0, 0],
    store: "sent",
    onError: "ignore",
  },
  { call: "close", args: [{ load32: "child" }] },
  {
    call: "SET",
    args: [{ load: "sent" }],
    onError: "ignore",
    when: { differs: 0 },
    goto: "next child",
  },
  { call: "SET", args: [1], store: "killed", goto: "next child" },
  {
    call: "SET",
    args: [{ load: "killed" }],
    when: { equals: 0 },
    goto: "none killed",
    label: "swept",
  },
  // One has ended; what it leaves behind is found the next time.
  { call: "wait4", args: [-1, 0, __WALL, 0], onError: { goto: "report" } },
  { call: "SET", args: [0], goto: "sweep" },
  {
    call: "wait4",
    args: [-1, 0, WNOHANG | __WALL, 0],
    store: "reaped",
    onError: { goto: "report" },
    label: "none killed",
  },
  { call: "SET", args: [{ load: "reaped" }], when: { differs: 0 }, goto: "sweep" },
  {
    call: "ADD",
    args: [{ load: "sweeps" }, 1],
    store: "sweeps",
    when: { equals: MOST_SWEEPS },
    goto: "not swept",
  },
  { call: "ppoll", args: [0, 0, PAUSE, 0, SIGNAL_SET_SIZE], onError: "ignore", goto: "sweep" },
  {
    call: "write",
    args: [INIT_FD.status, { at: "left record" }, EVENT_SIZE],
    onError: "ignore",
    label: "not swept",
  },
  { call: "SET", args: [0], goto: "exit" },
];

/** What stays of pid 1: it reaps, reports, and ends when the host program does. */
export function initProgram(shape: LaunchShape): Program {
  const operations: Operation[] = [
    { call: "HANDLER", args: [{ label: shape.ownsPids ? "exit" : "not swept" }, { at: "error" }] },
    // One call for the agent's areas, and one for those of the set-up and all above, the stack too.
    { call: "munmap", args: [BOOT, OUTSIDE_AREA + OUTSIDE_SIZE - BOOT], onError: "ignore" },
    {
      call: "munmap",
      args: [SETUP_AREA, ABOVE_END - SETUP_AREA],
      onError: "ignore",
      when: { equals: 0 },
      goto: "reap",
    },
    // A kernel that has sealed the vDSO keeps that, and the stack with it.
    {
      call: "munmap",
      args: [SETUP_AREA, HOOK_AREA + HOOK_SIZE - SETUP_AREA],
      onError: "ignore",
    },
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
    ...(shape.ownsPids ? KILL_ALL : SWEEP),
    {
      call: "write",
      args: [INIT_FD.status, { at: "result" }, EVENT_SIZE],
      onError: "ignore",
      label: "report",
    },
    { call: "exit_group", args: [0], label: "exit" },
    {
      call: "ppoll",
      args: [{ at: "polled" }, 2, 0, 0, SIGNAL_SET_SIZE],
      label: "idle",
      onError: { goto: "starved" },
    },
    {
      call: "AND",
      args: [{ load: "polled" }, POLL_ANSWER],
      when: { differs: 0 },
      goto: shape.ownsPids ? "exit" : "sweep",
    },
    { call: "read", args: [INIT_FD.signals, { at: "siginfo" }, 128] },
    { call: "SET", args: [0], goto: "reap" },
    // The command is the same user, so it may lower this process's limits (prlimit(2)), and with no
    // descriptor allowed two cannot be waited for. Then looking at both from time to time must do.
    {
      call: "recvfrom",
      args: [INIT_FD.socket, { at: "siginfo" }, 1, MSG_PEEK | MSG_DONTWAIT, 0, 0],
      store: "peeked",
      onError: "ignore",
      when: { equals: 0 },
      goto: shape.ownsPids ? "exit" : "sweep",
      label: "starved",
    },
    {
      call: "ppoll",
      args: [0, 0, PAUSE, 0, SIGNAL_SET_SIZE],
      onError: "ignore",
      when: { differs: -1 },
      goto: "reap",
    },
  ];
  return assemble(INIT_AREA, operations, {
    buffers: { siginfo: 128, "child text": 24 },
    contents: {
      result: eventTemplate(EventKind.RESULT),
      ...(shape.ownsPids ? {} : { "left record": eventTemplate(EventKind.LEFT) }),
      error: new Uint8Array(24),
      polled: words(pollfd(INIT_FD.socket, POLLIN), pollfd(INIT_FD.signals, POLLIN)),
      "init command": new Uint8Array(8),
    },
  });
}
