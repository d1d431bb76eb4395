/**
 * Checks a filter that somebody else compiled, as the kernel's bpf_check_classic() and
 * seccomp_check_filter() do, so that a broken one is named before anything is started.
 *
 * @module
 */

import { SpecError } from "../errors.ts";
import * as abi from "../sys/abi/seccomp.ts";
import { DATA, decodeInstructions, type Instruction, INSTRUCTION_SIZE } from "./bpf.ts";

const { BPF_ABS, BPF_ALU, BPF_IMM, BPF_JMP, BPF_K, BPF_LD, BPF_LDX, BPF_LEN, BPF_MEM, BPF_MISC } =
  abi;

/** Every code that seccomp takes. */
const CODES = new Set([
  BPF_LD | abi.BPF_W | BPF_ABS,
  BPF_LD | abi.BPF_W | BPF_LEN,
  BPF_LDX | abi.BPF_W | BPF_LEN,
  ...[BPF_IMM, BPF_MEM].flatMap((mode) => [BPF_LD | mode, BPF_LDX | mode]),
  abi.BPF_ST,
  abi.BPF_STX,
  abi.BPF_RET | BPF_K,
  abi.BPF_RET | abi.BPF_A,
  ...["ADD", "SUB", "MUL", "DIV", "AND", "OR", "XOR", "LSH", "RSH"].flatMap((name) => {
    const operation = abi[`BPF_${name}` as "BPF_ADD"];
    return [BPF_ALU | operation | BPF_K, BPF_ALU | operation | abi.BPF_X];
  }),
  BPF_ALU | abi.BPF_NEG,
  BPF_MISC | abi.BPF_TAX,
  BPF_MISC | abi.BPF_TXA,
  BPF_JMP | abi.BPF_JA,
  ...["JEQ", "JGE", "JGT", "JSET"].flatMap((name) => {
    const operation = abi[`BPF_${name}` as "BPF_JEQ"];
    return [BPF_JMP | operation | BPF_K, BPF_JMP | operation | abi.BPF_X];
  }),
]);

function problem(
  { code, jt, jf, k }: Instruction,
  index: number,
  length: number,
): string | undefined {
  if (!CODES.has(code)) return `the code 0x${code.toString(16)} is not one that seccomp takes`;
  const kind = code & 7, mode = code & 0xe0, left = length - index - 1;
  if (
    (kind === BPF_LD || kind === BPF_LDX) && mode === BPF_ABS && (k % 4 !== 0 || k >= DATA.size)
  ) {
    return `loads from ${k}, which is no field of struct seccomp_data`;
  }
  const memory = kind === abi.BPF_ST || kind === abi.BPF_STX ||
    ((kind === BPF_LD || kind === BPF_LDX) && mode === BPF_MEM);
  if (memory && k >= abi.BPF_MEMWORDS) return `there is no memory word ${k}`;
  if (kind === BPF_ALU && (code & 8) === 0) {
    const operation = code & 0xf0;
    if (operation === abi.BPF_DIV && k === 0) return "divides by zero";
    if ((operation === abi.BPF_LSH || operation === abi.BPF_RSH) && k >= 32) {
      return `shifts by ${k} bits`;
    }
  }
  if (kind === BPF_JMP) {
    const far = (code & 0xf0) === abi.BPF_JA ? k : Math.max(jt, jf);
    if (far >= left) return "jumps beyond the end";
  }
}

/** Whether each memory word that is read has been written on every way there. */
function unwritten(program: readonly Instruction[]): number | undefined {
  const all = 0xffff;
  const masks = new Array<number>(program.length).fill(all);
  let valid = 0;
  for (const [index, { code, jt, jf, k }] of program.entries()) {
    valid &= masks[index]!;
    const kind = code & 7;
    if (kind === abi.BPF_ST || kind === abi.BPF_STX) valid |= 1 << k;
    else if ((kind === BPF_LD || kind === BPF_LDX) && (code & 0xe0) === BPF_MEM) {
      if ((valid & (1 << k)) === 0) return index;
    } else if (kind === BPF_JMP) {
      const targets = (code & 0xf0) === abi.BPF_JA ? [k] : [jt, jf];
      for (const target of targets) masks[index + 1 + target]! &= valid;
      valid = all;
    }
  }
}

/** Throws a `SpecError` for bytes that the kernel would not take as a filter. */
export function checkProgram(bytes: Uint8Array, field = "seccomp.profile.bpf"): void {
  const count = bytes.length / INSTRUCTION_SIZE;
  if (!Number.isInteger(count) || count === 0 || count > abi.BPF_MAXINSNS) {
    throw new SpecError(
      field,
      `${bytes.length} bytes are not 1 to ${abi.BPF_MAXINSNS} instructions of ${INSTRUCTION_SIZE}`,
    );
  }
  const program = decodeInstructions(bytes);
  for (const [index, instruction] of program.entries()) {
    const text = problem(instruction, index, program.length);
    if (text !== undefined) throw new SpecError(`${field}[${index}]`, text);
  }
  if ((program.at(-1)!.code & 7) !== abi.BPF_RET) {
    throw new SpecError(`${field}[${count - 1}]`, "the last instruction is no return");
  }
  const index = unwritten(program);
  if (index !== undefined) {
    throw new SpecError(`${field}[${index}]`, "reads a memory word that may not have been written");
  }
}
