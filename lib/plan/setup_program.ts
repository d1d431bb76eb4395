/**
 * The set-up: what the sandbox's first process does, and then the command's own up to execve.
 *
 * @module
 */

import { assemble, type Program } from "../agent/assembler.ts";
import { EVENT_OFFSET, EVENT_SIZE, EventKind, eventTemplate } from "../agent/event.ts";
import {
  AGENT_FD,
  EXECUTE_AREA,
  HOOK_AREA,
  INIT_AREA,
  REST_AREA,
  SETUP_AREA,
} from "../agent/layout.ts";
import type { Operation, Value } from "../agent/operation.ts";
import { CLOSE_RANGE_ALL, pollfd, SIGNAL_SET_SIZE, words } from "../agent/words.ts";
import { CLONE_PIDFD, CLONE_VFORK, CLONE_VM } from "../sys/abi/clone.ts";
import { ERRNO } from "../sys/abi/errno.ts";
import { F_DUPFD_CLOEXEC, O_CLOEXEC, O_RDONLY } from "../sys/abi/fcntl.ts";
import { POLLIN } from "../sys/abi/poll.ts";
import { PR_SET_DUMPABLE, PR_SET_PDEATHSIG } from "../sys/abi/prctl.ts";
import { SFD_CLOEXEC, SIGNALS } from "../sys/abi/signal.ts";
import { dieWithParent } from "./command_steps.ts";
import { INIT_FD } from "./init_program.ts";
import { ASSIGNED_EXECUTE } from "./assignment.ts";
import { Barrier, type Fault, type LaunchShape } from "./launch_shape.ts";
import {
  barrier,
  controlTemplate,
  failureHandler,
  launchFd,
  loadProgram,
  phase,
  sendRecord,
} from "./program_parts.ts";

/** What the sandbox's first process does, and then the command's own, up to its execution. */
export function setupOperations(
  shape: LaunchShape,
  boot: Program,
  part: "all" | "first" | "rest",
  fault?: Fault,
): Operation[] {
  const socket = launchFd(boot);
  const { secret = [] } = shape;
  const first: Operation[] = part === "rest" ? [] : phase(shape, ["unshare"], fault);
  const toRest: Operation[] = part !== "first" ? [] : [
    ...barrier(Barrier.PRE_MOUNT, socket),
    ...loadProgram(REST_AREA, { load: HOOK_AREA + 8 }, { load: HOOK_AREA + 16 }),
    { call: "SET", args: [0], goto: REST_AREA },
  ];
  const second: Operation[] = part === "first" ? [] : [
    ...phase(shape, ["mounts"], fault),
    ...phase(shape, ["network"], fault),
    ...(shape.networkSetup ? barrier(Barrier.NETWORK, socket) : []),
    ...phase(shape, ["finish"], fault),
    ...start(shape, socket),
    ...phase(shape, ["command"], fault),
    ...(shape.asPid1 ? stillWanted(socket) : []),
    // From here on every call has to pass the filter.
    ...phase(shape, ["execute"], fault),
    { call: "SET", args: [0], goto: EXECUTE_AREA },
  ];
  return [
    failureHandler(),
    ...first,
    ...toRest,
    ...second,
    {
      call: "write",
      args: [{ load32: "status" }, { at: "failure" }, EVENT_SIZE, ...secret],
      label: "failed",
      onError: "ignore",
    },
    { call: "exit_group", args: [255, 0, 0, ...secret], label: "exit" },
  ];
}

/**
 * The agent may have died between a change of credentials, which clears the death signal, and its
 * setting anew; nobody above would end this process then. A hang-up tells that the host is gone.
 */
function stillWanted(socket: Value): Operation[] {
  return [
    { call: "SET", args: [socket], store: "polled", store32: true },
    {
      call: "SET",
      args: [pollfd(AGENT_FD.self, POLLIN)],
      store: { name: "polled", offset: 8 },
    },
    {
      call: "ppoll",
      args: [{ at: "polled" }, 2, { words: [0, 0] }, 0, SIGNAL_SET_SIZE],
      when: { differs: 0 },
      goto: "exit",
    },
  ];
}

/** The clone of the command's process. clone3(2), vfork(2). */
function cloneCommand(flags: number): Operation {
  const all = CLONE_PIDFD | CLONE_VFORK | flags;
  return {
    call: "clone3",
    args: [{ words: [all, { at: "pidfd" }, 0, 0, SIGNALS.SIGCHLD, 0, 0, 0, 0, 0, 0] }, 88],
    store: "init command",
    when: { equals: 0 },
    goto: "command",
  };
}

/** What the final sweep without a pid namespace reads: the host's proc lists this process's children. */
function openChildren(): Operation[] {
  return [
    {
      call: "openat",
      args: [AGENT_FD.proc, "thread-self/children", O_RDONLY | O_CLOEXEC, 0],
      store: "children",
    },
    { call: "dup3", args: [{ load32: "children" }, INIT_FD.children, O_CLOEXEC] },
  ];
}

/** Closes all descriptors but those of {@linkcode INIT_FD}. */
function closeOthers(ownsPids: boolean): Operation[] {
  const kept = Object.entries(INIT_FD).filter(([name]) =>
    !ownsPids || (name !== "children" && name !== "proc")
  ).map(([, fd]) => fd).sort((a, b) => a - b);
  return [...kept, CLOSE_RANGE_ALL + 1].flatMap((fd, index): Operation[] => {
    const first = index === 0 ? 0 : kept[index - 1]! + 1;
    return first < fd ? [{ call: "close_range", args: [first, fd - 1, 0] }] : [];
  });
}

/** Where the command's own process begins; and what becomes of this one. */
function start(shape: LaunchShape, socket: Value): Operation[] {
  // Standard output takes the place of the status pipe, so that moves out of the way first.
  const begin: Operation[] = [
    // Until the credentials change; what is waited for until then may take long.
    { ...dieWithParent(), label: "command" },
    { call: "fcntl", args: [AGENT_FD.status, F_DUPFD_CLOEXEC, 3], store: "status" },
    ...(shape.commandLater ? [] : loadProgram(EXECUTE_AREA, ...ASSIGNED_EXECUTE)),
  ];
  if (shape.asPid1) return begin;
  return [
    // Nobody inside may look into this process, or write its memory (CVE-2016-9962).
    { call: "prctl", args: [PR_SET_DUMPABLE, 0] },
    { call: "getpid", store: "first pid" },
    // Without a pid namespace this process must outlive the others to end them; from here on the
    // socket's hang-up says when, also one that has come already.
    ...(shape.ownsPids ? [] : [{ call: "prctl", args: [PR_SET_PDEATHSIG, 0] } as Operation]),
    // The command may lower this process's limit of descriptors (prlimit(2)), so all that it will
    // need are made before, at places that the command's own process does not use.
    {
      call: "signalfd4",
      args: [-1, words(2 ** (SIGNALS.SIGCHLD - 1)), SIGNAL_SET_SIZE, SFD_CLOEXEC],
      store: "signals",
    },
    { call: "dup3", args: [{ load32: "signals" }, INIT_FD.signals, O_CLOEXEC] },
    { call: "dup3", args: [socket, INIT_FD.socket, O_CLOEXEC] },
    ...(shape.ownsPids ? [] : openChildren()),
    // As vfork(2): the memory is shared and not copied, and this process goes on when the other has
    // executed or ended, so what it reports then is true.
    { ...cloneCommand(CLONE_VM), onError: "ignore" },
    {
      call: "SET",
      args: [{ load: "init command" }],
      onError: "ignore",
      when: { equals: -ERRNO.EINVAL },
      goto: "clone apart",
    },
    {
      call: "SET",
      args: [{ load: "init command" }],
      store: { name: "command record", offset: EVENT_OFFSET.pid },
      label: "cloned",
    },
    ...[
      ...sendRecord(socket, "command record", "pidfd"),
      ...(shape.reportStart
        ? [{ call: "write", args: [AGENT_FD.status, { at: "started" }, EVENT_SIZE] } as Operation]
        : []),
    ].map((operation): Operation => ({
      ...operation,
      // If nobody listens any more, there is still the command to end, when pid 1 sees the hang-up.
      // And with the limit lowered not even a descriptor may be sent.
      onError: "ignore",
    })),
    ...closeOthers(shape.ownsPids),
    { call: "SET", args: [0], goto: INIT_AREA },
    // Before Linux 6.3 a process about to enter another time namespace may not share its memory.
    { call: "SET", args: [0], label: "clone apart" },
    cloneCommand(0),
    { call: "SET", args: [0], goto: "cloned" },
    ...begin,
  ];
}

/** The data that set-up programs share. */
export function setupData(): Record<string, Uint8Array> {
  return {
    failure: eventTemplate(EventKind.FAILED),
    barrier: eventTemplate(EventKind.BARRIER),
    started: eventTemplate(EventKind.STARTED),
    skipped: eventTemplate(EventKind.SKIPPED),
    trace: eventTemplate(EventKind.TRACED),
    "command record": eventTemplate(EventKind.COMMAND),
    "command record control": controlTemplate(),
    descriptor: eventTemplate(EventKind.DESCRIPTOR),
    "descriptor control": controlTemplate(),
    listener: eventTemplate(EventKind.LISTENER),
    "listener control": controlTemplate(),
    // Until the command's process moves it, the status pipe is where the agent has it.
    status: words(AGENT_FD.status),
  };
}

const SETUP_BUFFERS = {
  statx: 256,
  cwd: 4096,
  nofile: 16,
  polled: 16,
  "landlock rule": 16,
  // See held_steps.ts, which a plain launch does not load.
  "held control": 64,
  "held record": EVENT_SIZE,
};

/** Assembles the set-up, or its first part when hooks may still add to the plan behind it. */
export function setupProgram(
  shape: LaunchShape,
  boot: Program,
  externals: ReadonlyMap<string, number>,
  fault?: Fault,
): Program {
  const part = shape.preMount ? "first" : "all";
  return assemble(SETUP_AREA, setupOperations(shape, boot, part, fault), {
    externals,
    buffers: SETUP_BUFFERS,
    contents: setupData(),
  });
}

/** Assembles the later part of a set-up, for the plan that the pre-mount hooks left. */
export function restProgram(
  shape: LaunchShape,
  boot: Program,
  externals: ReadonlyMap<string, number>,
  fault?: Fault,
): Program {
  return assemble(REST_AREA, setupOperations(shape, boot, "rest", fault), {
    externals,
    buffers: SETUP_BUFFERS,
    contents: setupData(),
  });
}
