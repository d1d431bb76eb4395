/**
 * Classic BPF as seccomp(2) takes it: instructions as numbers and as bytes. The kernel's
 * Documentation/networking/filter.rst has the machine, seccomp_check_filter() what of it is allowed.
 *
 * @module
 */

import {
  BPF_ABS,
  BPF_ALU,
  BPF_AND,
  BPF_JA,
  BPF_JEQ,
  BPF_JGE,
  BPF_JGT,
  BPF_JMP,
  BPF_K,
  BPF_LD,
  BPF_RET,
  BPF_W,
} from "../sys/abi/seccomp.ts";

/** `struct sock_filter`: the code, how far to jump when it is true and when not, and a number. */
export interface Instruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

/** Bytes of `struct sock_filter`. */
export const INSTRUCTION_SIZE = 8;

/** The instructions that a compiled filter consists of. */
export const CODE = {
  /** Loads 32 bits of `struct seccomp_data`. */
  LOAD: BPF_LD | BPF_W | BPF_ABS,
  /** Leaves only the bits of `k`. */
  AND: BPF_ALU | BPF_AND | BPF_K,
  JUMP: BPF_JMP | BPF_JA,
  IF_EQUAL: BPF_JMP | BPF_JEQ | BPF_K,
  IF_GREATER: BPF_JMP | BPF_JGT | BPF_K,
  IF_AT_LEAST: BPF_JMP | BPF_JGE | BPF_K,
  RETURN: BPF_RET | BPF_K,
} as const;

/** Where the fields of `struct seccomp_data` lie, on a little-endian machine. */
export const DATA = {
  number: 0,
  arch: 4,
  /** The lower half of an argument. */
  low: (argument: number): number => 16 + 8 * argument,
  /** The upper half of an argument. */
  high: (argument: number): number => 20 + 8 * argument,
  /** Bytes of all. */
  size: 64,
} as const;

/** Instructions as the bytes that the kernel takes. */
export function encodeInstructions(list: readonly Instruction[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(list.length * INSTRUCTION_SIZE);
  const view = new DataView(bytes.buffer);
  list.forEach(({ code, jt, jf, k }, index) => {
    const at = index * INSTRUCTION_SIZE;
    view.setUint16(at, code, true);
    view.setUint8(at + 2, jt);
    view.setUint8(at + 3, jf);
    view.setUint32(at + 4, k, true);
  });
  return bytes;
}

/** Bytes as instructions. Throws a `RangeError` for a broken one at the end. */
export function decodeInstructions(bytes: Uint8Array): Instruction[] {
  if (bytes.length % INSTRUCTION_SIZE !== 0) {
    throw new RangeError(`${bytes.length} bytes are no whole number of instructions of 8`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length / INSTRUCTION_SIZE }, (_, index) => {
    const at = index * INSTRUCTION_SIZE;
    return {
      code: view.getUint16(at, true),
      jt: view.getUint8(at + 2),
      jf: view.getUint8(at + 3),
      k: view.getUint32(at + 4, true),
    };
  });
}
