/**
 * Runs a filter as the kernel would, on a call that nobody makes: for tests, and to say what a
 * system call would get.
 *
 * @module
 */

import type { SeccompArch } from "../spec.ts";
import * as abi from "../sys/abi/seccomp.ts";
import { DATA, decodeInstructions, type Instruction } from "./bpf.ts";
import { AUDIT_ARCH } from "./compile.ts";

/** A system call as a filter sees it: `struct seccomp_data`. */
export interface CallData {
  readonly arch: SeccompArch | number;
  readonly number: number;
  readonly arguments?: readonly bigint[];
  readonly instructionPointer?: bigint;
}

function dataBytes(call: CallData): DataView {
  const view = new DataView(new ArrayBuffer(DATA.size));
  view.setUint32(DATA.number, call.number >>> 0, true);
  view.setUint32(
    DATA.arch,
    typeof call.arch === "number" ? call.arch : AUDIT_ARCH[call.arch],
    true,
  );
  view.setBigUint64(8, call.instructionPointer ?? 0n, true);
  for (let index = 0; index < 6; index++) {
    view.setBigUint64(DATA.low(index), BigInt.asUintN(64, call.arguments?.[index] ?? 0n), true);
  }
  return view;
}

function calculate(operation: number, a: number, b: number): number {
  switch (operation) {
    case abi.BPF_ADD:
      return a + b;
    case abi.BPF_SUB:
      return a - b;
    case abi.BPF_MUL:
      return Math.imul(a, b);
    case abi.BPF_DIV:
      return b === 0 ? 0 : a / b;
    case abi.BPF_OR:
      return a | b;
    case abi.BPF_AND:
      return a & b;
    case abi.BPF_LSH:
      return a << b;
    case abi.BPF_RSH:
      return a >>> b;
    case abi.BPF_XOR:
      return a ^ b;
    case abi.BPF_NEG:
      return -a;
  }
  throw new RangeError(`unknown operation 0x${operation.toString(16)}`);
}

function compare(operation: number, a: number, b: number): boolean {
  switch (operation) {
    case abi.BPF_JEQ:
      return a === b;
    case abi.BPF_JGT:
      return a > b;
    case abi.BPF_JGE:
      return a >= b;
    case abi.BPF_JSET:
      return (a & b) !== 0;
  }
  throw new RangeError(`unknown jump 0x${operation.toString(16)}`);
}

/** What a filter returns for a call, and how many instructions that took. */
export function runFilter(filter: Uint8Array, call: CallData): { value: number; steps: number } {
  return runInstructions(decodeInstructions(filter), call);
}

/** The same, for a filter that is asked more than once. */
export function runInstructions(
  program: readonly Instruction[],
  call: CallData,
): { value: number; steps: number } {
  const data = dataBytes(call);
  const memory = new Uint32Array(abi.BPF_MEMWORDS);
  let a = 0, x = 0, steps = 0;
  for (let at = 0; at < program.length; at++) {
    const { code, jt, jf, k } = program[at]!;
    steps++;
    const operand = (code & abi.BPF_X) !== 0 ? x : k;
    switch (code & 7) {
      case abi.BPF_LD:
      case abi.BPF_LDX: {
        const mode = code & 0xe0;
        const value = mode === abi.BPF_ABS
          ? data.getUint32(k, true)
          : mode === abi.BPF_MEM
          ? memory[k]!
          : mode === abi.BPF_LEN
          ? DATA.size
          : k;
        if ((code & 7) === abi.BPF_LD) a = value;
        else x = value;
        break;
      }
      case abi.BPF_ST:
        memory[k] = a;
        break;
      case abi.BPF_STX:
        memory[k] = x;
        break;
      case abi.BPF_ALU:
        a = calculate(code & 0xf0, a, operand) >>> 0;
        break;
      case abi.BPF_JMP:
        if ((code & 0xf0) === abi.BPF_JA) at += k;
        else at += compare(code & 0xf0, a, operand) ? jt : jf;
        break;
      case abi.BPF_RET:
        return { value: (code & 0x18) === abi.BPF_A ? a : k, steps };
      case abi.BPF_MISC:
        if ((code & 0xf8) === abi.BPF_TXA) a = x;
        else x = a;
    }
  }
  throw new RangeError("the filter ends without a return");
}
