/**
 * The message by which a sandbox's first process learns what it is for: where its programs lie, and
 * the command's standard streams. Until it comes, the process has its namespaces and knows nothing
 * of the launch; so it can be made ahead of time.
 *
 * @module
 */

import { INIT_AREA, SETUP_AREA } from "../agent/layout.ts";
import type { Operation, Value } from "../agent/operation.ts";
import { ERRNO } from "../sys/abi/errno.ts";
import { MSG_CMSG_CLOEXEC, MSG_CTRUNC } from "../sys/abi/socket.ts";
import { loadProgram } from "./program_parts.ts";

/** Where programs lie in the arena: offset and length in bytes of each. */
export interface Assignment {
  readonly init: readonly [offset: number, length: number];
  readonly setup: readonly [offset: number, length: number];
  readonly execute: readonly [offset: number, length: number];
}

/** The cells of the message and of its descriptors; the set-up reads them too. */
export const ASSIGNMENT_CELLS = { body: "assignment", fds: "assignment control" } as const;

const WORDS = 6;
const BYTES = WORDS * 8;
/** CMSG_SPACE of three descriptors. cmsg(3). */
const CONTROL_BYTES = 32;

/** Sizes of the cells. */
export const ASSIGNMENT_BUFFERS = {
  [ASSIGNMENT_CELLS.body]: BYTES,
  [ASSIGNMENT_CELLS.fds]: CONTROL_BYTES,
};

/** The message's body. */
export function encodeAssignment({ init, setup, execute }: Assignment): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(WORDS * 2);
  [...init, ...setup, ...execute].forEach((word, index) => words[index * 2] = word);
  return new Uint8Array(words.buffer);
}

function word(index: number): Value {
  return { load: { name: ASSIGNMENT_CELLS.body, offset: index * 8 } };
}

/** Standard input, output or error, as it came with the message. */
export function assignedStdio(index: 0 | 1 | 2): Value {
  return { load32: { name: ASSIGNMENT_CELLS.fds, offset: 16 + index * 4 } };
}

/** Where the command line lies, once the message has come. */
export const ASSIGNED_EXECUTE: readonly [offset: Value, length: Value] = [word(4), word(5)];

const HEADER = "assignment header";
const FLAGS_OFFSET = 48;

/** Where descriptors of the message were lost, which is no error of recvmsg(2): EMFILE is one. */
export function wholeAssignment(): Operation[] {
  return [
    {
      call: "AND",
      args: [{ load32: { name: HEADER, offset: FLAGS_OFFSET } }, MSG_CTRUNC],
      when: { equals: 0 },
      goto: "assignment is whole",
    },
    { call: "SET", args: [-ERRNO.EMFILE] },
    { call: "SET", args: [0], label: "assignment is whole" },
  ];
}

/** Waits for the message. */
export function awaitAssignment(socket: Value): Operation[] {
  return [
    {
      call: "recvmsg",
      args: [
        socket,
        {
          words: [
            0,
            0,
            { words: [{ at: ASSIGNMENT_CELLS.body }, BYTES] },
            1,
            { at: ASSIGNMENT_CELLS.fds },
            CONTROL_BYTES,
            0,
          ],
          name: HEADER,
        },
        MSG_CMSG_CLOEXEC,
      ],
      // The host program is gone, or does not want this process any more: a hang-up, which is an
      // error where the host has left something unread.
      onError: "ignore",
      when: { differs: BYTES },
      goto: "exit",
    },
  ];
}

/** Loads the programs that the message named, and goes on in the set-up. */
export function followAssignment(asPid1: boolean): Operation[] {
  return [
    ...(asPid1 ? [] : loadProgram(INIT_AREA, word(0), word(1))),
    ...loadProgram(SETUP_AREA, word(2), word(3)),
    { call: "SET", args: [0], goto: SETUP_AREA },
  ];
}
