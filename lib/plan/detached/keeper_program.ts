/**
 * The keeper of a detached sandbox: what the agent becomes when the program that started it is
 * about to end. It is pid 1's parent and holds the sandbox's socket, so its end is the sandbox's. It
 * moves what the command writes into log files, holds the time limit, and at the end writes down
 * what became of it. All that is left of it in memory are these operations.
 *
 * @module
 */

import { assemble, type Program } from "../../agent/assembler.ts";
import { requestFd } from "../../agent/boot.ts";
import { EVENT_OFFSET, EVENT_SIZE, EventKind, eventTemplate } from "../../agent/event.ts";
import {
  ABOVE,
  ABOVE_END,
  AGENT_FD,
  BOOT,
  KEEPER_AREA,
  OUTSIDE_AREA,
  OUTSIDE_SIZE,
} from "../../agent/layout.ts";
import type { Operation, Place } from "../../agent/operation.ts";
import { pollfd, SIGNAL_SET_SIZE, words } from "../../agent/words.ts";
import { O_CLOEXEC } from "../../sys/abi/fcntl.ts";
import { POLLIN } from "../../sys/abi/poll.ts";
import { PR_SET_NAME, PR_SET_PDEATHSIG } from "../../sys/abi/prctl.ts";
import { SIGNALS } from "../../sys/abi/signal.ts";
import { __WALL, WNOHANG } from "../../sys/abi/wait.ts";
import { moveAll, openLog } from "./keeper_logs.ts";
import { entry, type KeeperShape, NOBODY, PAGE, unless } from "./keeper_shape.ts";
import { ENDING, ENDING_NAME, ENDING_TAIL, KEEPER_FD } from "./layout.ts";

const CLOCK_REALTIME = 0, CLOCK_MONOTONIC = 1, CLOCK_BOOTTIME = 7;
const TFD_CLOEXEC = O_CLOEXEC;
/** The time is up: the command is killed, and a second later pid 1, if it has not ended by itself. */
function timeIsUp({ fds }: KeeperShape): Operation[] {
  const kill = (fd: number, signal: number): Operation => ({
    call: "pidfd_send_signal",
    args: [fd, signal, 0, 0],
    onError: "ignore",
  });
  const timedOut: Place = { name: "tail", offset: 0 };
  return [
    unless("timer", "in time"),
    { call: "read", args: [{ load32: "timer" }, { at: "siginfo" }, 8], onError: "ignore" },
    ...(fds.includes(KEEPER_FD.freezer)
      ? [{ call: "write", args: [KEEPER_FD.freezer, "THAWED", 6], onError: "ignore" } as Operation]
      : []),
    { call: "SET", args: [{ load: timedOut }], when: { differs: 0 }, goto: "overdue" },
    { call: "SET", args: [1], store: timedOut },
    { ...kill(KEEPER_FD.command, SIGNALS.SIGKILL), goto: "in time" },
    { ...kill(KEEPER_FD.first, SIGNALS.SIGCONT), label: "overdue" },
    kill(KEEPER_FD.first, SIGNALS.SIGKILL),
    { call: "SET", args: [0], label: "in time" },
  ];
}

function startTimer({ timeout }: KeeperShape): Operation[] {
  if (timeout === undefined) return [];
  const nanoseconds = Math.max(1, Math.round(timeout * 1e6));
  return [
    { call: "timerfd_create", args: [CLOCK_MONOTONIC, TFD_CLOEXEC], store: "timer" },
    {
      call: "timerfd_settime",
      // Then every second.
      args: [
        { load32: "timer" },
        0,
        { words: [1, 0, Math.floor(nanoseconds / 1e9), nanoseconds % 1e9] },
        0,
      ],
    },
    {
      call: "SET",
      args: [{ load: "timer" }],
      store: entry("timer"),
      store32: true,
    },
  ];
}

/** What pid 1 reports, and what the agent had reported before it became the keeper. */
function listen({ firstPid }: KeeperShape): Operation[] {
  const field = (name: keyof typeof EVENT_OFFSET) => ({
    load32: { name: "incoming", offset: EVENT_OFFSET[name] },
  });
  const note: Operation = {
    call: "pwrite64",
    args: [KEEPER_FD.ending, { at: "incoming" }, EVENT_SIZE, ENDING.record],
    onError: "ignore",
  };
  return [
    unless("status", "told"),
    {
      call: "read",
      args: [KEEPER_FD.status, { at: "incoming" }, EVENT_SIZE],
      store: "length",
      onError: { goto: "told" },
      label: "listen",
    },
    { call: "SET", args: [{ load: "length" }], when: { equals: 0 }, goto: "nobody reports" },
    { call: "SET", args: [field("kind")], when: { equals: EventKind.RESULT }, goto: "result" },
    { call: "SET", args: [field("kind")], when: { differs: EventKind.REAPED }, goto: "listen" },
    { call: "SET", args: [field("pid")], when: { differs: firstPid }, goto: "listen" },
    { call: "SET", args: [{ load: "reported" }], when: { differs: 0 }, goto: "ended" },
    { ...note, goto: "ended" },
    { call: "SET", args: [1], store: "reported", label: "result" },
    { ...note, goto: "listen" },
    { call: "SET", args: [NOBODY], store: entry("status"), label: "nobody reports" },
    {
      call: "SET",
      args: [{ load: "finishing" }],
      when: { differs: 0 },
      goto: "move",
      label: "told",
    },
  ];
}

/** Reaps; pid 1's end is that of all. */
function reap({ firstPid }: KeeperShape): Operation[] {
  const pid: Place = { name: "reaped", offset: EVENT_OFFSET.pid };
  return [
    unless("signals", "move"),
    { call: "read", args: [AGENT_FD.signals, { at: "siginfo" }, 128], onError: "ignore" },
    {
      call: "wait4",
      args: [
        -1,
        { at: { name: "reaped", offset: EVENT_OFFSET.status } },
        WNOHANG | __WALL,
        { at: { name: "reaped", offset: EVENT_OFFSET.usage } },
      ],
      store: pid,
      onError: { goto: "move" },
      label: "reap",
    },
    { call: "SET", args: [{ load: pid }], when: { equals: 0 }, goto: "move" },
    {
      call: "SUBTRACT",
      args: [{ load: pid }, firstPid],
      onError: "ignore",
      when: { differs: 0 },
      goto: "reap",
    },
    // Its own report, if it could make one, says more and is still to be read.
    { call: "SET", args: [{ load: "reported" }], when: { differs: 0 }, goto: "ended" },
    {
      call: "pwrite64",
      args: [KEEPER_FD.ending, { at: "reaped" }, EVENT_SIZE, ENDING.record],
      onError: "ignore",
    },
    { call: "SET", args: [1], store: "finishing", label: "ended" },
    { call: "SET", args: [0], goto: "listen" },
  ];
}

/** Writes down how it ended, and lets the cgroup be removed. */
function finish({ counted }: KeeperShape): Operation[] {
  const time = (clock: number, name: "boottime" | "realtime"): Operation => ({
    call: "clock_gettime",
    args: [clock, { at: { name: "tail", offset: ENDING[name] - ENDING.timedOut } }],
    onError: "ignore",
  });
  return [
    time(CLOCK_BOOTTIME, "boottime"),
    time(CLOCK_REALTIME, "realtime"),
    {
      call: "pwrite64",
      args: [KEEPER_FD.ending, { at: "tail" }, ENDING_TAIL, ENDING.timedOut],
      onError: "ignore",
    },
    ...Array.from({ length: counted }, (_, index): Operation[] => [
      {
        call: "pread64",
        args: [KEEPER_FD.counted + index, { at: "page" }, ENDING.countedSize - 1, 0],
        store: "length",
        onError: { goto: `counted ${index}` },
      },
      {
        call: "pwrite64",
        args: [
          KEEPER_FD.ending,
          { at: "page" },
          { load: "length" },
          ENDING.counted + index * ENDING.countedSize,
        ],
        onError: "ignore",
      },
      { call: "SET", args: [0], label: `counted ${index}` },
    ]).flat(),
    { call: "fsync", args: [KEEPER_FD.ending], onError: "ignore" },
    {
      call: "renameat",
      args: [KEEPER_FD.directory, ENDING_NAME.partial, KEEPER_FD.directory, ENDING_NAME.whole],
      onError: "ignore",
    },
    // Who removes the cgroup is a child of this process, and whoever waits for this one's end finds
    // nothing left.
    { call: "close", args: [KEEPER_FD.cgroup], onError: "ignore" },
    { call: "wait4", args: [-1, 0, __WALL, 0], onError: { goto: "exit" }, label: "wait" },
    { call: "SET", args: [0], goto: "wait" },
  ];
}

/** Assembles the keeper, for the agent of this boot program. */
export function keeperProgram(shape: KeeperShape, boot: Program): Program {
  const highest = KEEPER_FD.launch - 1;
  const operations: Operation[] = [
    { call: "HANDLER", args: [{ label: "exit" }, { at: "error" }] },
    // The program that started it may end from here on.
    { call: "prctl", args: [PR_SET_PDEATHSIG, 0] },
    { call: "prctl", args: [PR_SET_NAME, "paddock-keeper"], onError: "ignore" },
    ...shape.fds.map((fd, index): Operation => ({
      call: "dup3",
      args: [{ load32: requestFd(boot, index) }, fd, O_CLOEXEC],
    })),
    { call: "close_range", args: [0, AGENT_FD.signals - 1, 0] },
    { call: "close_range", args: [AGENT_FD.signals + 1, highest, 0] },
    // Where it was started may be unmounted.
    { call: "chdir", args: ["/"], onError: "ignore" },
    { call: "munmap", args: [OUTSIDE_AREA, OUTSIDE_SIZE] },
    { call: "munmap", args: [BOOT, boot.bytes.length] },
    // A kernel that has sealed the vDSO keeps it, and the stack with it.
    { call: "munmap", args: [ABOVE, ABOVE_END - ABOVE], onError: "ignore" },
    ...openLog("stdout"),
    ...openLog("stderr"),
    ...startTimer(shape),
    { call: "write", args: [KEEPER_FD.ready, { at: "polled" }, 1], onError: "ignore" },
    { call: "close", args: [KEEPER_FD.ready], goto: shape.ended ? "ended" : "reap" },

    {
      call: "ppoll",
      args: [{ at: "polled" }, 5, 0, 0, SIGNAL_SET_SIZE],
      onError: "ignore",
      label: "next",
    },
    ...timeIsUp(shape),
    ...listen(shape),
    ...reap(shape),
    ...moveAll(shape),
    ...finish(shape),
    { call: "exit_group", args: [0], label: "exit" },
  ];
  return assemble(KEEPER_AREA, operations, {
    buffers: { siginfo: 128, page: PAGE },
    contents: {
      polled: words(
        pollfd(AGENT_FD.signals, POLLIN),
        pollfd(KEEPER_FD.status, POLLIN),
        pollfd(KEEPER_FD.stdout, POLLIN),
        pollfd(KEEPER_FD.stderr, POLLIN),
        pollfd(NOBODY, POLLIN),
      ),
      error: new Uint8Array(24),
      incoming: new Uint8Array(EVENT_SIZE),
      reaped: eventTemplate(EventKind.REAPED),
      tail: new Uint8Array(ENDING_TAIL),
      reported: words(shape.reported ? 1 : 0),
      "stdout left": words(shape.logs.size),
      "stderr left": words(shape.logs.size),
    },
  });
}
