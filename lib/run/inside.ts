/**
 * Sends programs into a sandbox that waits at a barrier.
 *
 * @module
 */

import { assemble, OPERATION_SIZE } from "../agent/assembler.ts";
import { HOOK_AREA } from "../agent/layout.ts";
import type { Operation, Value } from "../agent/operation.ts";
import { SandboxError, SyscallError } from "../errors.ts";
import type { Inside, InsideArgument, InsideProgram, InsideResult } from "../hook.ts";
import { Answer, HOOK_PROGRAM } from "../plan/launch_shape.ts";
import { MSG_NOSIGNAL, SCM_RIGHTS, SOL_SOCKET } from "../sys/abi/socket.ts";
import { type SyscallName, syscallName } from "../sys/syscall_numbers.ts";

/** Where a program goes back to when it is done, and how it reaches the host. */
export interface BarrierPlace {
  /** The address of the operation that waits for the next answer. */
  readonly resume: number;
  /** The handler and record of the set-up, to be put back. */
  readonly handler: number;
  readonly record: number;
  /** Where the launch socket's descriptor is. */
  readonly socket: number;
}

/** How a message is exchanged with the sandbox: sends the program, resolves to the answer. */
export type Exchange = (message: Uint8Array<ArrayBuffer>) => Promise<{
  bytes: Uint8Array<ArrayBuffer>;
  fds: number[];
}>;

/** What a message over a Unix socket holds everywhere, with some room. unix(7). */
const LARGEST_PROGRAM = 128 * 1024;

function message(program: InsideProgram, place: BarrierPlace) {
  const send = program.send ?? [];
  const control = new Uint8Array(16 + ((send.length * 4 + 7) & ~7));
  const view = new DataView(control.buffer);
  view.setBigUint64(0, BigInt(16 + send.length * 4), true);
  view.setInt32(8, SOL_SOCKET, true);
  view.setInt32(12, SCM_RIGHTS, true);
  const header = (withFds: boolean): Value => ({
    words: [
      0,
      0,
      { words: [{ at: "hook error" }, { label: "hook length" }] },
      1,
      withFds ? { at: "hook control" } : 0,
      withFds ? 16 + send.length * 4 : 0,
      0,
    ],
  });
  const socket: Value = { load32: place.socket };
  const operations: Operation[] = [
    { call: "HANDLER", args: [{ label: "hook failed" }, { at: "hook error" }] },
    ...program.operations,
    ...send.map((cell, index): Operation => ({
      call: "SET",
      args: [{ load32: cell }],
      store: { name: "hook control", offset: 16 + index * 4 },
      store32: true,
    })),
    { call: "sendmsg", args: [socket, header(send.length > 0), MSG_NOSIGNAL], onError: "ignore" },
    ...send.map((cell): Operation => ({
      call: "close",
      args: [{ load32: cell }],
      onError: "ignore",
    })),
    { call: "SET", args: [0], goto: "hook end" },
    {
      call: "sendmsg",
      args: [socket, header(false), MSG_NOSIGNAL],
      onError: "ignore",
      label: "hook failed",
    },
    { call: "HANDLER", args: [place.handler, place.record], goto: place.resume, label: "hook end" },
  ];
  const contents = {
    "hook error": new Uint8Array(24),
    "hook control": control,
    ...program.contents,
  };
  const build = (length: number) =>
    assemble(
      HOOK_PROGRAM,
      operations.map((operation): Operation => ({
        ...operation,
        args: operation.args?.map((value) => fill(value, length)),
      })),
      { buffers: program.buffers, contents },
    );
  // The answer is the whole data of the program, whose length is known after a first assembly.
  const data = build(0).bytes.length - operations.length * OPERATION_SIZE;
  return { program: build(data), operations, data };
}

function fill(value: Value, length: number): Value {
  if (typeof value !== "object" || value instanceof Uint8Array) return value;
  if ("label" in value && value.label === "hook length") return length;
  if ("words" in value) return { ...value, words: value.words.map((word) => fill(word, length)) };
  return value;
}

/** The inside of a sandbox that waits at `place`. */
export function insideAt(place: BarrierPlace, exchange: Exchange): Inside {
  const run = async (source: InsideProgram): Promise<InsideResult> => {
    const { program, operations } = message(source, place);
    if (program.bytes.length > LARGEST_PROGRAM) {
      throw new SandboxError(
        `A hook's program has ${program.bytes.length} bytes; at most ${LARGEST_PROGRAM} fit a message`,
      );
    }
    const request = new Uint8Array(HOOK_PROGRAM - HOOK_AREA + program.bytes.length);
    new DataView(request.buffer).setBigUint64(0, BigInt(Answer.RUN), true);
    request.set(program.bytes, HOOK_PROGRAM - HOOK_AREA);
    const { bytes, fds } = await exchange(request);
    const base = HOOK_PROGRAM + operations.length * OPERATION_SIZE;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const errno = -view.getInt32(4, true);
    if (errno > 0) {
      const failed = operations[(view.getUint32(20, true) - HOOK_PROGRAM) / OPERATION_SIZE];
      const name = failed?.call ?? syscallName(view.getUint32(8, true)) ?? "a system call";
      const path = failed?.args?.find((value) => typeof value === "string");
      throw new SyscallError({ syscall: name, errno, path });
    }
    const at = (name: string) => {
      const address = program.places.get(name);
      if (address === undefined) throw new TypeError(`The program has no cell "${name}"`);
      return address - base;
    };
    return {
      cell: (name) => view.getBigInt64(at(name), true),
      bytes: (name, length) => bytes.slice(at(name), at(name) + length),
      fds,
    };
  };
  return {
    run,
    async syscall(name: SyscallName, ...args: InsideArgument[]): Promise<number> {
      const result = await run({ operations: [{ call: name, args, store: "result" }] });
      return Number(result.cell("result"));
    },
    async descriptor(name: SyscallName, ...args: InsideArgument[]): Promise<number> {
      const result = await run({
        operations: [{ call: name, args, store: "result" }],
        send: ["result"],
      });
      return result.fds[0]!;
    },
  };
}
