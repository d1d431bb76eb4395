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
import { POLL_ANSWER, pollfd, SIGNAL_SET_SIZE, words } from "../../agent/words.ts";
import { ERRNO } from "../../sys/abi/errno.ts";
import { O_CLOEXEC, O_CREAT, O_NOFOLLOW, O_TRUNC, O_WRONLY } from "../../sys/abi/fcntl.ts";
import { POLLIN } from "../../sys/abi/poll.ts";
import { PR_SET_NAME, PR_SET_PDEATHSIG } from "../../sys/abi/prctl.ts";
import { SIGNALS } from "../../sys/abi/signal.ts";
import { __WALL, WNOHANG } from "../../sys/abi/wait.ts";
import { ENDING, ENDING_NAME, ENDING_TAIL, KEEPER_FD, logName } from "./layout.ts";

/** What a keeper is made for. */
export interface KeeperShape {
  /** Pid 1 of the sandbox, as the agent numbers it. */
  readonly firstPid: number;
  /** The number in {@linkcode KEEPER_FD} or behind it of each descriptor that comes with the request. */
  readonly fds: readonly number[];
  /** The most bytes of a log file, and how many files a stream has. */
  readonly logs: { readonly size: number; readonly files: number };
  /** Milliseconds until everything is killed. */
  readonly timeout?: number;
  /** How many files of the cgroup are saved. */
  readonly counted: number;
  /** Pid 1's report has been read and written down already. */
  readonly reported: boolean;
  /** It has ended already, and only the rest is to be done. */
  readonly ended: boolean;
}

const SPLICE_F_MOVE = 1, SPLICE_F_NONBLOCK = 2;
const CLOCK_REALTIME = 0, CLOCK_MONOTONIC = 1, CLOCK_BOOTTIME = 7;
const TFD_CLOEXEC = O_CLOEXEC;
/** For what is not moved but read: the contents of a cgroup's file, or output that is lost. */
const PAGE = 4096;
/** The entries of the poll. */
const POLLED = { signals: 0, status: 1, stdout: 2, stderr: 3, timer: 4 } as const;
/** Nobody: ppoll(2) leaves an entry with a negative descriptor out. */
const NOBODY = 0xffff_ffff;

function entry(which: keyof typeof POLLED, offset = 0): Place {
  return { name: "polled", offset: POLLED[which] * 8 + offset };
}

/** Goes on at `to` when the entry has no answer. */
function unless(which: keyof typeof POLLED, to: string, label?: string): Operation {
  return {
    call: "AND",
    args: [{ load: entry(which) }, POLL_ANSWER],
    when: { equals: 0 },
    goto: to,
    label,
  };
}

/** Opens the newest log file of a stream, empty. */
function openLog(stream: "stdout" | "stderr", label?: string): Operation[] {
  const flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC;
  return [
    {
      call: "openat",
      args: [KEEPER_FD.directory, logName(stream, 0), flags, 0o600],
      store: `${stream} file`,
      onError: "ignore",
      label,
    },
  ];
}

/** The older ones move on by one, and the oldest goes. */
function rotate(stream: "stdout" | "stderr", files: number): Operation[] {
  return Array.from({ length: files - 1 }, (_, index): Operation => ({
    call: "renameat",
    args: [
      KEEPER_FD.directory,
      logName(stream, files - 2 - index),
      KEEPER_FD.directory,
      logName(stream, files - 1 - index),
    ],
    onError: "ignore",
  }));
}

/** Moves what a stream has into its log; never more than there is room in the file. */
function move(stream: "stdout" | "stderr", { logs }: KeeperShape): Operation[] {
  const pipe = KEEPER_FD[stream], file = `${stream} file`, left = `${stream} left`;
  const lost: Place = {
    name: "tail",
    offset: ENDING[stream === "stdout" ? "lostStdout" : "lostStderr"] - ENDING.timedOut,
  };
  const done = `${stream} done`, end = `${stream} end`, lose = `${stream} lose`;
  return [
    unless(stream, done),
    {
      call: "splice",
      args: [pipe, 0, { load: file }, 0, { load: left }, SPLICE_F_MOVE | SPLICE_F_NONBLOCK],
      store: "moved",
      onError: "ignore",
      when: { equals: 0 },
      goto: end,
    },
    {
      call: "SET",
      args: [{ load: "moved" }],
      onError: "ignore",
      when: { equals: -ERRNO.EAGAIN },
      goto: done,
    },
    { call: "SET", args: [{ load: "moved" }], onError: { goto: lose } },
    { call: "SET", args: [1], store: "progress" },
    {
      call: "SUBTRACT",
      args: [{ load: left }, { load: "moved" }],
      store: left,
      when: { differs: 0 },
      goto: done,
    },
    // The file is full.
    { call: "close", args: [{ load32: file }], onError: "ignore" },
    ...rotate(stream, logs.files),
    ...openLog(stream, `${stream} open`),
    { call: "SET", args: [logs.size], store: left, goto: done },
    // It cannot be written: the disk is full. The command must not stand still for that.
    {
      call: "read",
      args: [pipe, { at: "page" }, PAGE],
      store: "moved",
      onError: { goto: done },
      label: lose,
    },
    { call: "SET", args: [{ load: "moved" }], when: { equals: 0 }, goto: end },
    { call: "SET", args: [1], store: "progress" },
    { call: "ADD", args: [{ load: lost }, { load: "moved" }], store: lost },
    // Or it could not even be made; it may be now.
    { call: "SET", args: [{ load: file }], onError: { goto: `${stream} open` } },
    { call: "SET", args: [0], goto: done },
    { call: "close", args: [pipe], label: end },
    { call: "SET", args: [NOBODY], store: entry(stream) },
    { call: "SET", args: [0], label: done },
  ];
}

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

/** Both streams; at the end, until nothing is left of them. */
function moveAll(shape: KeeperShape): Operation[] {
  const ask = (stream: "stdout" | "stderr"): Operation => ({
    call: "SET",
    args: [POLLIN * 0x1_0001],
    store: entry(stream, 4),
    store32: true,
  });
  return [
    { call: "SET", args: [0], store: "progress", label: "move" },
    { call: "SET", args: [{ load: "finishing" }], when: { equals: 0 }, goto: "as polled" },
    // A pipe that is still open somewhere, and empty, answers EAGAIN.
    ask("stdout"),
    ask("stderr"),
    { call: "SET", args: [0], label: "as polled" },
    ...move("stdout", shape),
    ...move("stderr", shape),
    { call: "SET", args: [{ load: "finishing" }], when: { equals: 0 }, goto: "next" },
    { call: "SET", args: [{ load: "progress" }], when: { differs: 0 }, goto: "move" },
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
