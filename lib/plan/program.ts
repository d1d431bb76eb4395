/**
 * Turns a plan's steps into the programs of one launch:
 *
 * - outside: the agent's part; it opens, clones, writes the id maps, and goes back to its loop
 * - set-up: what the sandbox's first process does, then the command's own steps up to execve
 * - rest: the later part of the set-up, when hooks may still add to the plan before it
 * - init: what stays of pid 1: it reaps, reports, and ends when the host program does
 *
 * @module
 */

import { assemble, type Program } from "../agent/assembler.ts";
import { requestFd, returnToAgent } from "../agent/boot.ts";
import { EVENT_OFFSET, EVENT_SIZE, EventKind, eventTemplate } from "../agent/event.ts";
import {
  AGENT_FD,
  EXECUTE_AREA,
  HOOK_AREA,
  HOOK_SIZE,
  INIT_AREA,
  OUTSIDE_AREA,
  OUTSIDE_SIZE,
  REST_AREA,
  SETUP_AREA,
} from "../agent/layout.ts";
import type { Operation, Value } from "../agent/operation.ts";
import { CLOSE_RANGE_ALL, POLL_ANSWER, pollfd, SIGNAL_SET_SIZE, words } from "../agent/words.ts";
import { CLONE_PARENT, CLONE_PIDFD, CLONE_VFORK, CLONE_VM } from "../sys/abi/clone.ts";
import { F_DUPFD_CLOEXEC, O_CLOEXEC, O_DIRECTORY, O_PATH } from "../sys/abi/fcntl.ts";
import { MAP_ANONYMOUS, MAP_FIXED, MAP_PRIVATE, PROT_READ, PROT_WRITE } from "../sys/abi/memory.ts";
import { POLLIN } from "../sys/abi/poll.ts";
import { PR_SET_DUMPABLE } from "../sys/abi/prctl.ts";
import { SFD_CLOEXEC, SIGNALS } from "../sys/abi/signal.ts";
import { MSG_NOSIGNAL, SCM_RIGHTS, SOL_SOCKET } from "../sys/abi/socket.ts";
import { __WALL, WNOHANG } from "../sys/abi/wait.ts";
import { dieWithParent } from "./command_steps.ts";
import type { Step } from "./step.ts";
import { MOUNT_ATTR_SIZE } from "./structs.ts";

/** Where in the descriptors of a request each one stands. */
export const REQUEST_FD = { launch: 0, stdin: 1, stdout: 2, stderr: 3, firstJoin: 4 } as const;

/** The points at which a set-up can wait for the host program. */
export const Barrier = { MAPS: 1, PRE_MOUNT: 2, NETWORK: 3 } as const;

/** The first word of what the host answers at a barrier. */
export const Answer = { CONTINUE: 0, LOAD_REST: 1, RUN: 2 } as const;

/** Where a hook's program starts: behind the words of the answer. */
export const HOOK_PROGRAM = HOOK_AREA + 32;

/** What of a plan decides the shape of its programs. */
export interface LaunchShape {
  /** All steps of the plan. */
  readonly steps: readonly Step[];
  /** CLONE_NEW* flags of the sandbox's first process. */
  readonly cloneFlags: number;
  /** The sandbox has a pid namespace of its own. */
  readonly ownsPids: boolean;
  /** Some namespaces are joined first, by a process in between. */
  readonly staged: boolean;
  /** The host writes the id maps (newuidmap), at a barrier. */
  readonly mapsByHost: boolean;
  /** Someone outside must do something between the clone and the set-up. */
  readonly hasMaps: boolean;
  /** Hooks wait before the first mount. */
  readonly preMount: boolean;
  /** Hooks wait before privileges are dropped. */
  readonly networkSetup: boolean;
  /** The command is to be pid 1 itself. */
  readonly asPid1: boolean;
  /** The host wants to know when the command runs. */
  readonly reportStart: boolean;
}

/** A system call that is to fail, for tests: which step, which operation of it, which errno. */
export interface Fault {
  /** The step's number. */
  readonly step: number;
  /** Which of its operations, from 0. */
  readonly operation: number;
  /** The errno. */
  readonly errno: number;
}

/** All programs of one launch. */
export interface LaunchPrograms {
  /** For the agent. Its places `"setup offset"`, `"setup length"` and so on are to be filled in. */
  readonly outside: Program;
  /** For the sandbox's first process. */
  readonly setup: Program;
  /** Its later part, when there are hooks before it. */
  readonly rest?: Program;
  /** For pid 1, once the command runs. */
  readonly init: Program;
}

function phase(
  shape: Pick<LaunchShape, "steps">,
  names: readonly Step["phase"][],
  fault?: Fault,
): Operation[] {
  const list: Operation[] = [];
  for (const step of shape.steps) {
    if (!names.includes(step.phase)) continue;
    step.operations.forEach((operation, index) => {
      const failing = fault?.step === step.number && fault.operation === index;
      list.push({
        ...operation,
        step: step.number,
        ...(failing ? { call: "SET", args: [-fault.errno] } : {}),
      });
    });
  }
  return list;
}

/** A `struct msghdr` that sends a record with the descriptor in `fdCell` along. cmsg(3). */
function sendRecord(socket: Value, record: string, fdCell: string): Operation[] {
  const control = `${record} control`;
  return [
    {
      call: "SET",
      args: [{ load32: fdCell }],
      store: { name: control, offset: 16 },
      store32: true,
    },
    {
      call: "sendmsg",
      args: [
        socket,
        { words: [0, 0, { words: [{ at: record }, EVENT_SIZE] }, 1, { at: control }, 20, 0] },
        MSG_NOSIGNAL,
      ],
    },
  ];
}

/** The `struct cmsghdr` that {@linkcode sendRecord} fills in. */
function controlTemplate(): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(24);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, 20n, true);
  view.setInt32(8, SOL_SOCKET, true);
  view.setInt32(12, SCM_RIGHTS, true);
  return bytes;
}

function loadProgram(area: number, offset: Value, length: Value): Operation[] {
  return [
    {
      call: "mmap",
      args: [
        area,
        length,
        PROT_READ | PROT_WRITE,
        MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
        -1,
        0,
      ],
    },
    { call: "pread64", args: [AGENT_FD.arena, area, length, offset] },
  ];
}

function launchFd(boot: Program): Value {
  return { load32: requestFd(boot, REQUEST_FD.launch) };
}

function outsideProgram(shape: LaunchShape, boot: Program, fault?: Fault): Program {
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
  const stage: Operation[] = !shape.staged ? [] : [
    {
      call: "clone3",
      args: [
        { words: [CLONE_PIDFD, { at: "pidfd" }, 0, 0, SIGNALS.SIGCHLD, 0, 0, 0, 0, 0, 0] },
        88,
      ],
      store: "stage pid",
      when: { equals: 0 },
      goto: "stage",
    },
    ...announce("stage", "stage pid"),
    { call: "SET", args: [0], goto: "return" },
    { call: "HANDLER", args: [{ label: "child failed" }, { at: "failure" }], label: "stage" },
    dieWithParent(),
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
    ...stage,
    ...(sync ? [{ call: "pipe2", args: [{ at: "sync" }, O_CLOEXEC] } as Operation] : []),
    ...clone,
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
    ...returnToAgent(boot).map((operation, index): Operation =>
      index === 0 ? { ...operation, label: "return" } : operation
    ),

    // The sandbox's first process starts here.
    { call: "HANDLER", args: [{ label: "child failed" }, { at: "failure" }], label: "child" },
    dieWithParent(),
    ...phase(shape, ["early"], fault),
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
    ...(shape.asPid1
      ? []
      : loadProgram(INIT_AREA, { load: "init offset" }, { load: "init length" })),
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
    ...loadProgram(SETUP_AREA, { load: "setup offset" }, { load: "setup length" }),
    { call: "SET", args: [0], goto: SETUP_AREA },
    {
      call: "write",
      args: [AGENT_FD.status, { at: "failure" }, EVENT_SIZE],
      label: "child failed",
      onError: "ignore",
    },
    { call: "exit_group", args: [255], label: "exit" },
  ];
  return assemble(OUTSIDE_AREA, operations, {
    buffers: { "pid text": 24, "no time": 16, "idmap attributes": MOUNT_ATTR_SIZE },
    contents: {
      "execute offset": new Uint8Array(8),
      "execute length": new Uint8Array(8),
      failure: eventTemplate(EventKind.FAILED),
      "net failure": eventTemplate(EventKind.FAILED),
      first: eventTemplate(EventKind.FIRST),
      "first control": controlTemplate(),
      ...(shape.staged
        ? { stage: eventTemplate(EventKind.STAGE), "stage control": controlTemplate() }
        : {}),
    },
  });
}

/** Waits until the host program says to go on; it may send programs to run until then. */
function barrier(code: number, socket: Value): Operation[] {
  const name = `barrier ${code}`;
  return [
    { call: "SET", args: [code], store: { name: "barrier", offset: EVENT_OFFSET.pid } },
    { call: "write", args: [AGENT_FD.status, { at: "barrier" }, EVENT_SIZE] },
    {
      call: "read",
      args: [socket, HOOK_AREA, HOOK_SIZE],
      when: { equals: 0 },
      goto: "exit",
      label: name,
    },
    { call: "SET", args: [{ load: HOOK_AREA }], when: { equals: Answer.RUN }, goto: HOOK_PROGRAM },
  ];
}

function setupOperations(
  shape: LaunchShape,
  boot: Program,
  part: "all" | "first" | "rest",
  fault?: Fault,
): Operation[] {
  const socket = launchFd(boot);
  const handler: Operation = { call: "HANDLER", args: [{ label: "failed" }, { at: "failure" }] };
  const first: Operation[] = part === "rest" ? [] : [
    ...(shape.mapsByHost ? barrier(Barrier.MAPS, socket) : []),
    ...(shape.hasMaps && !shape.mapsByHost
      ? [{
        call: "read",
        args: [{ load32: "sync" }, { at: "byte" }, 1],
        when: { differs: 1 },
        goto: "exit",
      } as Operation]
      : []),
    ...phase(shape, ["namespaces"], fault),
  ];
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
    { call: "SET", args: [0], goto: EXECUTE_AREA },
  ];
  return [
    handler,
    ...first,
    ...toRest,
    ...second,
    {
      call: "write",
      args: [{ load32: "status" }, { at: "failure" }, EVENT_SIZE],
      label: "failed",
      onError: "ignore",
    },
    { call: "exit_group", args: [255], label: "exit" },
  ];
}

/** Where the command's own process begins; and what becomes of this one. */
function start(shape: LaunchShape, socket: Value): Operation[] {
  // Standard output takes the place of the status pipe, so that moves out of the way first.
  const begin: Operation[] = [
    {
      call: "fcntl",
      args: [AGENT_FD.status, F_DUPFD_CLOEXEC, 3],
      store: "status",
      label: "command",
    },
    ...loadProgram(EXECUTE_AREA, { load: "execute offset" }, { load: "execute length" }),
  ];
  if (shape.asPid1) return begin;
  return [
    // Nobody inside may look into this process, or write its memory (CVE-2016-9962).
    { call: "prctl", args: [PR_SET_DUMPABLE, 0] },
    {
      call: "clone3",
      // As vfork(2): the memory is shared and not copied, and this process goes on when the other
      // has executed or ended, so what it reports then is true.
      args: [
        {
          words: [
            CLONE_PIDFD | CLONE_VM | CLONE_VFORK,
            { at: "pidfd" },
            0,
            0,
            SIGNALS.SIGCHLD,
            0,
            0,
            0,
            0,
            0,
            0,
          ],
        },
        88,
      ],
      store: "init command",
      when: { equals: 0 },
      goto: "command",
    },
    {
      call: "SET",
      args: [{ load: "init command" }],
      store: { name: "command record", offset: EVENT_OFFSET.pid },
    },
    ...sendRecord(socket, "command record", "pidfd"),
    ...(shape.reportStart
      ? [{ call: "write", args: [AGENT_FD.status, { at: "started" }, EVENT_SIZE] } as Operation]
      : []),
    {
      call: "signalfd4",
      args: [-1, words(2 ** (SIGNALS.SIGCHLD - 1)), SIGNAL_SET_SIZE, SFD_CLOEXEC],
      store: "signals",
    },
    { call: "dup3", args: [AGENT_FD.status, INIT_FD.status, O_CLOEXEC] },
    { call: "dup3", args: [socket, INIT_FD.socket, O_CLOEXEC] },
    { call: "dup3", args: [{ load32: "signals" }, INIT_FD.signals, O_CLOEXEC] },
    { call: "close_range", args: [INIT_FD.status + 1, CLOSE_RANGE_ALL, 0] },
    { call: "SET", args: [0], goto: INIT_AREA },
    ...begin,
  ];
}

/** Ends and reaps every other process of the pid namespace, which pid 1 is alone in then. */
const KILL_ALL: readonly Operation[] = [
  { call: "kill", args: [-1, SIGNALS.SIGKILL], onError: { goto: "report" } },
  { call: "wait4", args: [-1, 0, __WALL, 0], onError: { goto: "report" }, label: "reap all" },
  { call: "SET", args: [0], goto: "reap all" },
];

/** What is left open in pid 1 while the command runs. */
const INIT_FD = { socket: 0, signals: 1, status: 2 } as const;

function initProgram(shape: LaunchShape): Program {
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

/** The clone of the sandbox's first process. clone3(2). */
export function cloneOperations(flags: number, staged: boolean): Operation[] {
  const all = flags | CLONE_PIDFD | (staged ? CLONE_PARENT : 0);
  return [{
    call: "clone3",
    // With CLONE_PARENT the signal is the agent's own, and must not be given.
    args: [{
      words: [all >>> 0, { at: "pidfd" }, 0, 0, staged ? 0 : SIGNALS.SIGCHLD, 0, 0, 0, 0, 0, 0],
    }, 88],
    store: "pid",
    when: { equals: 0 },
    goto: "child",
  }];
}

/** Puts a 64-bit word into an assembled program. */
export function patch(program: Program, place: string, value: number): void {
  const at = program.places.get(place);
  if (at === undefined) return;
  new DataView(program.bytes.buffer).setBigUint64(at - program.base, BigInt(value), true);
}

/** The records that carry the launch's number. */
const RECORDS = [
  "failure",
  "net failure",
  "first",
  "stage",
  "barrier",
  "started",
  "command record",
  "descriptor",
  "result",
];

/** Writes the launch's number into every record of a program. */
export function patchLaunch(program: Program, launch: number): void {
  const view = new DataView(program.bytes.buffer);
  for (const record of RECORDS) {
    const at = program.places.get(record);
    if (at !== undefined) view.setUint32(at - program.base + EVENT_OFFSET.launch, launch, true);
  }
}

/** How operations of the last step are marked: its number depends on what hooks add before it. */
export const EXECUTE_STEP = 0xffff;

/** Assembles the last step: the command line and its execution. */
export function executeProgram(step: Step, fault?: Fault): Program {
  const operations = phase({ steps: [step] }, ["command"], fault);
  return assemble(
    EXECUTE_AREA,
    operations.map((operation) => ({ ...operation, step: EXECUTE_STEP })),
  );
}

/** The data that set-up programs share. */
function setupData(): Record<string, Uint8Array> {
  return {
    failure: eventTemplate(EventKind.FAILED),
    barrier: eventTemplate(EventKind.BARRIER),
    started: eventTemplate(EventKind.STARTED),
    "command record": eventTemplate(EventKind.COMMAND),
    "command record control": controlTemplate(),
    descriptor: eventTemplate(EventKind.DESCRIPTOR),
    "descriptor control": controlTemplate(),
    // Until the command's process moves it, the status pipe is where the agent has it.
    status: words(AGENT_FD.status),
  };
}

const SETUP_BUFFERS = { statx: 256, cwd: 4096, nofile: 16, byte: 8 };

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

/** Assembles all programs of a launch. */
export function launchPrograms(
  shape: LaunchShape,
  boot: Program,
  fault?: Fault,
): LaunchPrograms & { externals: ReadonlyMap<string, number> } {
  const outside = outsideProgram(shape, boot, fault);
  const init = initProgram(shape);
  const externals = new Map<string, number>();
  for (const [name, place] of outside.places) {
    if (/^(tree|execute|net) ?|^sync$/.test(name)) externals.set(name, place);
  }
  for (const [name, place] of init.places) if (name.startsWith("init ")) externals.set(name, place);
  const part = shape.preMount ? "first" : "all";
  const setup = assemble(SETUP_AREA, setupOperations(shape, boot, part, fault), {
    externals,
    buffers: SETUP_BUFFERS,
    contents: setupData(),
  });
  return { outside, setup, init, externals };
}

/** Sends a descriptor made inside out to the host. */
export function sendDescriptor(socket: Value, fdCell: string): Operation[] {
  return sendRecord(socket, "descriptor", fdCell);
}
