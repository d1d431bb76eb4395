/**
 * The program of one exec: the agent makes the process that joins, that makes the command's, and
 * when the command is executed the one in between is gone. All of it lies in one area, for a clone
 * goes on with the same memory.
 *
 * @module
 */

import { assemble, type Program } from "../agent/assembler.ts";
import { returnToAgent } from "../agent/boot.ts";
import { EVENT_OFFSET, EVENT_SIZE, EventKind, eventTemplate } from "../agent/event.ts";
import { AGENT_FD, OUTSIDE_AREA } from "../agent/layout.ts";
import type { Operation, Value } from "../agent/operation.ts";
import { pollfd, SIGNAL_SET_SIZE, words } from "../agent/words.ts";
import {
  CLONE_INTO_CGROUP,
  CLONE_PARENT,
  CLONE_PARENT_SETTID,
  CLONE_PIDFD,
  CLONE_VFORK,
  CLONE_VM,
} from "../sys/abi/clone.ts";
import { F_DUPFD_CLOEXEC } from "../sys/abi/fcntl.ts";
import { POLLIN } from "../sys/abi/poll.ts";
import { PR_SET_DUMPABLE } from "../sys/abi/prctl.ts";
import { SIGNALS } from "../sys/abi/signal.ts";
import { dieWithParent } from "./command_steps.ts";
import { TERMINAL_BUFFERS } from "./exec_terminal.ts";
import { controlTemplate, launchFd, phase, sendRecord } from "./program_parts.ts";
import type { Step } from "./step.ts";

/** What decides the program besides its steps. */
export interface ExecShape {
  /** All steps, with the one that executes. */
  readonly steps: readonly Step[];
  /** Where the cgroup of version 2 is, if the process is to be born in one. */
  readonly cgroup?: number;
  /** What the filter wants to see in the calls behind it. */
  readonly secret?: readonly [bigint, bigint, bigint];
}

function clone(flags: number, signal: number, to: string, cgroup?: number): Operation[] {
  const name = `arguments for ${to}`;
  const all = (flags >>> 0) + (cgroup === undefined ? 0 : CLONE_INTO_CGROUP);
  const args: Value = {
    words: [all, { at: "pidfd" }, 0, { at: "thread" }, signal, 0, 0, 0, 0, 0, 0],
    name,
  };
  const call: Operation = {
    call: "clone3",
    args: [{ at: name }, 88],
    store: "pid",
    when: { equals: 0 },
    goto: to,
  };
  return [
    { call: "SET", args: [args] },
    ...(cgroup === undefined ? [] : [{
      call: "SET",
      args: [{ load32: cgroup }],
      store: { name, offset: 80 },
    } as Operation]),
    call,
  ];
}

function announce(record: string, socket: Value): Operation[] {
  return [
    { call: "SET", args: [{ load: "pid" }], store: { name: record, offset: EVENT_OFFSET.pid } },
    ...sendRecord(socket, record, "pidfd"),
  ];
}

/** Assembles it. */
export function execProgram(shape: ExecShape, boot: Program): Program {
  const socket = launchFd(boot);
  const { secret = [], cgroup } = shape;
  const handler = (label: string): Operation => ({
    call: "HANDLER",
    args: [{ label }, { at: "failure" }],
  });
  const writeFailure = (label: string): Operation => ({
    call: "write",
    args: [{ load32: "status" }, { at: "failure" }, EVENT_SIZE, ...secret],
    label,
    onError: "ignore",
  });
  const operations: Operation[] = [
    handler("agent failed"),
    ...clone(CLONE_PIDFD, SIGNALS.SIGCHLD, "join", cgroup),
    ...announce("first", socket),
    { call: "SET", args: [0], goto: "return" },
    writeFailure("agent failed"),
    ...returnToAgent(boot).map((operation, index): Operation =>
      index === 0 ? { ...operation, label: "return" } : operation
    ),

    // The process that joins. It is nobody's but the agent's: no pid namespace inside shows it.
    { ...handler("failed"), label: "join" },
    dieWithParent(),
    ...phase(shape, ["attach"]),
    { call: "prctl", args: [PR_SET_DUMPABLE, 0] },
    ...phase(shape, ["join", "finish"]),
    // The command's parent is the agent, who reaps it; this process waits, as vfork(2) does, and
    // what it tells then is true.
    ...clone(
      CLONE_PIDFD | CLONE_PARENT | CLONE_PARENT_SETTID | CLONE_VM | CLONE_VFORK,
      0,
      "command",
    ),
    // The other process has set it, in the memory that is both's.
    { call: "SET", args: [AGENT_FD.status], store: "status" },
    ...announce("command record", socket),
    { call: "write", args: [AGENT_FD.status, { at: "started" }, EVENT_SIZE] },
    { call: "exit_group", args: [0] },

    // The command's own process.
    { ...dieWithParent(), label: "command" },
    // Standard output takes the place of the status pipe, so that moves out of the way first.
    { call: "fcntl", args: [AGENT_FD.status, F_DUPFD_CLOEXEC, 3], store: "status" },
    // Its number on the host, which the kernel has written for both: it may be executed, have ended
    // and be reaped before the other process goes on.
    {
      call: "SET",
      args: [{ load: "thread" }],
      store: { name: "command record", offset: EVENT_OFFSET.pid },
    },
    { call: "write", args: [socket, { at: "command record" }, EVENT_SIZE] },
    ...phase(shape, ["command"]),
    // The agent may have died before the death signal was set, and the host program with it.
    { call: "SET", args: [socket], store: "polled", store32: true },
    { call: "SET", args: [pollfd(AGENT_FD.self, POLLIN)], store: { name: "polled", offset: 8 } },
    {
      call: "ppoll",
      args: [{ at: "polled" }, 2, { words: [0, 0] }, 0, SIGNAL_SET_SIZE],
      when: { differs: 0 },
      goto: "exit",
    },
    ...phase(shape, ["execute"]),
    writeFailure("failed"),
    { call: "exit_group", args: [255, 0, 0, ...secret], label: "exit" },
  ];
  return assemble(OUTSIDE_AREA, operations, {
    buffers: {
      statx: 256,
      cwd: 4096,
      nofile: 16,
      polled: 16,
      "landlock rule": 16,
      ...TERMINAL_BUFFERS,
    },
    contents: {
      failure: eventTemplate(EventKind.FAILED),
      first: eventTemplate(EventKind.FIRST),
      "first control": controlTemplate(),
      "command record": eventTemplate(EventKind.COMMAND),
      "command record control": controlTemplate(),
      started: eventTemplate(EventKind.STARTED),
      descriptor: eventTemplate(EventKind.DESCRIPTOR),
      "descriptor control": controlTemplate(),
      listener: eventTemplate(EventKind.LISTENER),
      "listener control": controlTemplate(),
      status: words(AGENT_FD.status),
    },
  });
}
