/**
 * What the programs of a launch are put together from: phases, records with descriptors, areas.
 *
 * @module
 */

import type { Program } from "../agent/assembler.ts";
import { requestFd } from "../agent/boot.ts";
import { EVENT_OFFSET, EVENT_SIZE } from "../agent/event.ts";
import { AGENT_FD, HOOK_AREA, HOOK_SIZE } from "../agent/layout.ts";
import type { Operation, Value } from "../agent/operation.ts";
import { MAP_ANONYMOUS, MAP_FIXED, MAP_PRIVATE, PROT_READ, PROT_WRITE } from "../sys/abi/memory.ts";
import { MSG_NOSIGNAL, SCM_RIGHTS, SOL_SOCKET } from "../sys/abi/socket.ts";
import { Answer, type Fault, HOOK_PROGRAM, type LaunchShape, REQUEST_FD } from "./launch_shape.ts";
import type { Step } from "./step.ts";

/** The operations of these phases, each marked with its step; the faulty one fails by itself. */
export function phase(
  shape: Pick<LaunchShape, "steps">,
  names: readonly Step["phase"][],
  fault?: Fault,
): Operation[] {
  const list: Operation[] = [];
  for (const step of shape.steps) {
    if (!names.includes(step.phase)) continue;
    const { number, operations } = step;
    for (let index = 0; index < operations.length; index++) {
      const { call, args, store, store32, onError, goto, when, label } = operations[index]!;
      const failing = fault?.step === number && fault.operation === index;
      // All of one shape: V8 is quicker to copy them so, and to read them.
      list.push({
        call: failing ? "SET" : call,
        args: failing ? [-fault.errno] : args,
        store,
        store32,
        onError,
        goto,
        when,
        label,
        step: number,
      });
    }
    // Told under the step's number, and never an error of it.
    if (fault?.behind) {
      for (const operation of fault.behind(step)) list.push({ ...operation, step: number });
    }
  }
  return list;
}

/** What a set-up does when a step fails. */
export function failureHandler(): Operation {
  return { call: "HANDLER", args: [{ label: "failed" }, { at: "failure" }] };
}

/** A `struct msghdr` that sends a record with the descriptor in `fdCell` along. cmsg(3). */
export function sendRecord(socket: Value, record: string, fdCell: string): Operation[] {
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

/** Sends a descriptor made inside out to the host. */
export function sendDescriptor(socket: Value, fdCell: string): Operation[] {
  return sendRecord(socket, "descriptor", fdCell);
}

/** The `struct cmsghdr` that {@linkcode sendRecord} fills in. */
export function controlTemplate(): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(24);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, 20n, true);
  view.setInt32(8, SOL_SOCKET, true);
  view.setInt32(12, SCM_RIGHTS, true);
  return bytes;
}

/** Waits until the host program says to go on; it may send programs to run until then. */
export function barrier(code: number, socket: Value): Operation[] {
  return [
    { call: "SET", args: [code], store: { name: "barrier", offset: EVENT_OFFSET.pid } },
    { call: "write", args: [AGENT_FD.status, { at: "barrier" }, EVENT_SIZE] },
    {
      call: "read",
      args: [socket, HOOK_AREA, HOOK_SIZE],
      when: { equals: 0 },
      goto: "exit",
      label: `barrier ${code}`,
    },
    { call: "SET", args: [{ load: HOOK_AREA }], when: { equals: Answer.RUN }, goto: HOOK_PROGRAM },
  ];
}

/** Maps an area and reads a program from the arena into it. */
export function loadProgram(area: number, offset: Value, length: Value): Operation[] {
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

/** Where the launch's socket is, as the agent received it. */
export function launchFd(boot: Program): Value {
  return { load32: requestFd(boot, REQUEST_FD.launch) };
}

/** The records that carry the launch's number; nothing else of any program may be called so. */
export const RECORDS = [
  "failure",
  "first",
  "stage",
  "barrier",
  "started",
  "skipped",
  "left record",
  "trace",
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
