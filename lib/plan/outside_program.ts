/**
 * The agent's part of a launch, and the first steps of the process that it makes.
 *
 * @module
 */

import { assemble, type Program } from "../agent/assembler.ts";
import { returnToAgent } from "../agent/boot.ts";
import { EVENT_OFFSET, EVENT_SIZE, EventKind, eventTemplate } from "../agent/event.ts";
import { AGENT_FD, HOOK_AREA, HOOK_SIZE, OUTSIDE_AREA } from "../agent/layout.ts";
import type { Operation, Value } from "../agent/operation.ts";
import { SIGNAL_SET_SIZE } from "../agent/words.ts";
import { CLONE_INTO_CGROUP, CLONE_PARENT, CLONE_PIDFD } from "../sys/abi/clone.ts";
import { O_CLOEXEC, O_DIRECTORY, O_PATH } from "../sys/abi/fcntl.ts";
import { MAP_ANONYMOUS, MAP_FIXED, MAP_PRIVATE, PROT_READ, PROT_WRITE } from "../sys/abi/memory.ts";
import { SIGNALS } from "../sys/abi/signal.ts";
import { CGROUP_NAME, CGROUP_NAME_SIZE, type CgroupLayout } from "./cgroup_layout.ts";
import { dieWithParent } from "./command_steps.ts";
import { ASSIGNMENT_BUFFERS, awaitAssignment, followAssignment } from "./assignment.ts";
import { Barrier, type Fault, type LaunchShape } from "./launch_shape.ts";
import { optionalParts } from "./optional_parts.ts";
import { barrier, controlTemplate, launchFd, phase, sendRecord } from "./program_parts.ts";
import { MOUNT_ATTR_SIZE } from "./structs.ts";

/** The clone of the sandbox's first process. clone3(2). */
export function cloneOperations(
  flags: number,
  staged: boolean,
  layout?: CgroupLayout,
): Operation[] {
  const all = flags | CLONE_PIDFD | (staged ? CLONE_PARENT : 0);
  // With CLONE_PARENT the signal is the agent's own, and must not be given; and whoever the agent
  // made is in the cgroup already.
  return cloneWith(
    all,
    staged ? 0 : SIGNALS.SIGCHLD,
    { store: "pid", goto: "child" },
    staged ? undefined : layout,
  );
}

/** A clone3 that may put the new process into a cgroup of version 2. */
function cloneWith(
  flags: number,
  signal: number,
  to: { store: string; goto: string },
  layout?: CgroupLayout,
): Operation[] {
  const into = layout?.[0]?.version === 2;
  // Beyond 32 bits, where `|` ends.
  const all = (flags >>> 0) + (into ? CLONE_INTO_CGROUP : 0);
  const name = `arguments for ${to.goto}`;
  const words: Value = {
    words: [all, { at: "pidfd" }, 0, 0, signal, 0, 0, 0, 0, 0, 0],
    name,
  };
  const clone: Operation = {
    call: "clone3",
    args: [into ? { at: name } : words, 88],
    store: to.store,
    when: { equals: 0 },
    goto: to.goto,
  };
  return into
    ? [{ call: "SET", args: [words] }, optionalParts().cgroup.intoCgroup(name), clone]
    : [clone];
}

/** The agent's part: it opens, clones, writes the id maps, and goes back to its loop. */
export function outsideProgram(shape: LaunchShape, boot: Program, fault?: Fault): Program {
  const socket = launchFd(boot);
  const cloneStep = shape.steps.find((step) => step.name === "clone")!;
  const announce = (record: "first" | "stage", pidCell: string): Operation[] => [
    { call: "SET", args: [{ load: pidCell }], store: { name: record, offset: EVENT_OFFSET.pid } },
    ...sendRecord(socket, record, "pidfd"),
  ];
  const handleAgent: Operation = {
    call: "HANDLER",
    args: [{ label: "failed" }, { at: "failure" }],
  };
  const { cgroup } = shape;
  const attaches = cgroup?.places.some(({ version }) => version === 1) ?? false;
  // The other end is the keeper's; if that ends before it has written, the pipe does too.
  const closeAttach: Operation[] = [
    { call: "close", args: [{ load32: { name: "attach", offset: 4 } }] },
  ];
  const stage: Operation[] = !shape.staged ? [] : [
    ...cloneWith(
      CLONE_PIDFD,
      SIGNALS.SIGCHLD,
      { store: "stage pid", goto: "stage" },
      cgroup?.places,
    ).map((operation): Operation => ({ ...operation, step: cloneStep.number })),
    ...(cgroup ? optionalParts().keeper.startKeeper("stage pid") : []),
    ...announce("stage", "stage pid"),
    { call: "SET", args: [0], goto: "return" },
    { call: "HANDLER", args: [{ label: "child failed" }, { at: "failure" }], label: "stage" },
    dieWithParent(),
    // What it makes is in its cgroups, and only if it is itself.
    ...(attaches ? [...closeAttach, ...optionalParts().cgroup.awaitAttached()] : []),
    ...phase(shape, ["join"], fault),
  ];
  const sync = shape.hasMaps && !shape.mapsByHost;
  const end: Operation[] = shape.staged
    ? [{ call: "exit_group", args: [0] }]
    : [{ call: "SET", args: [0], goto: "return" }];
  const clone = cloneStep.operations.map((operation, index): Operation => ({
    ...operation,
    step: cloneStep.number,
    ...(fault?.step === cloneStep.number && fault.operation === index
      ? { call: "SET", args: [-fault.errno] }
      : {}),
  }));
  const operations: Operation[] = [
    handleAgent,
    ...phase(shape, ["outside"], fault).filter((operation) => operation.step !== cloneStep.number),
    ...(attaches ? [{ call: "pipe2", args: [{ at: "attach" }, O_CLOEXEC] } as Operation] : []),
    ...stage,
    ...(sync ? [{ call: "pipe2", args: [{ at: "sync" }, O_CLOEXEC] } as Operation] : []),
    ...clone,
    // Before anything that can fail: the host may have heard from the process itself already that
    // it failed, and have given the launch up.
    ...(cgroup && !shape.staged ? optionalParts().keeper.startKeeper("pid") : []),
    ...announce("first", "pid"),
    ...(sync
      ? [
        { call: "DECIMAL", args: [{ load: "pid" }, { at: "pid text" }] } as Operation,
        {
          call: "openat",
          args: [AGENT_FD.proc, { at: "pid text" }, O_PATH | O_DIRECTORY | O_CLOEXEC, 0],
          store: "proc",
        } as Operation,
        ...phase(shape, ["maps"], fault),
        // Releases the child; an early end of this side reads as the end of the pipe there.
        {
          call: "write",
          args: [{ load32: { name: "sync", offset: 4 } }, { at: "sync" }, 1],
        } as Operation,
      ]
      : []),
    ...end,
    {
      call: "write",
      args: [AGENT_FD.status, { at: "failure" }, EVENT_SIZE],
      label: "failed",
      onError: "ignore",
    },
    ...(cgroup ? optionalParts().keeper.removeAtOnce(cgroup) : []),
    ...returnToAgent(boot).map((operation, index): Operation =>
      index === 0 ? { ...operation, label: "return" } : operation
    ),

    ...(cgroup ? optionalParts().keeper.keeperOperations(shape, cgroup, fault) : []),

    // The sandbox's first process starts here.
    { call: "HANDLER", args: [{ label: "child failed" }, { at: "failure" }], label: "child" },
    dieWithParent(),
    ...(attaches && !shape.staged ? closeAttach : []),
    // The host program holds the other end of this socket: a hang-up means that it is gone, and
    // with it maybe the agent, too early for the line above to notice.
    {
      call: "SET",
      args: [socket],
      store: "polled",
      store32: true,
    },
    {
      call: "ppoll",
      args: [{ at: "polled" }, 1, { at: "no time" }, 0, SIGNAL_SET_SIZE],
      when: { differs: 0 },
      goto: "exit",
    },
    ...(sync
      ? [{ call: "close", args: [{ load32: { name: "sync", offset: 4 } }] } as Operation]
      : []),
    ...(shape.preMount || shape.networkSetup || shape.mapsByHost
      ? [{
        call: "mmap",
        args: [
          HOOK_AREA,
          HOOK_SIZE,
          PROT_READ | PROT_WRITE,
          MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
          -1,
          0,
        ],
      } as Operation]
      : []),
    // Messages come in the order in which they are sent: the launch is known before there are maps.
    ...(shape.mapsByHost ? [...awaitAssignment(socket), ...barrier(Barrier.MAPS, socket)] : []),
    ...(sync
      ? [{
        call: "read",
        args: [{ load32: "sync" }, { at: "byte" }, 1],
        when: { differs: 1 },
        goto: "exit",
      } as Operation]
      : []),
    ...phase(shape, ["namespaces"], fault),
    ...(shape.mapsByHost ? [] : awaitAssignment(socket)),
    ...followAssignment(shape.asPid1),
    {
      call: "write",
      args: [AGENT_FD.status, { at: "failure" }, EVENT_SIZE],
      label: "child failed",
      onError: "ignore",
    },
    { call: "exit_group", args: [255], label: "exit" },
  ];
  return assemble(OUTSIDE_AREA, operations, {
    buffers: {
      "kept pid": 24,
      [CGROUP_NAME]: CGROUP_NAME_SIZE,
      "pid text": 24,
      "no time": 16,
      byte: 8,
      "idmap attributes": MOUNT_ATTR_SIZE,
      ...ASSIGNMENT_BUFFERS,
    },
    contents: {
      failure: eventTemplate(EventKind.FAILED),
      ...(fault?.behind ? { trace: eventTemplate(EventKind.TRACED) } : {}),
      ...(shape.mapsByHost ? { barrier: eventTemplate(EventKind.BARRIER) } : {}),
      first: eventTemplate(EventKind.FIRST),
      "first control": controlTemplate(),
      ...(shape.staged
        ? { stage: eventTemplate(EventKind.STAGE), "stage control": controlTemplate() }
        : {}),
    },
  });
}
