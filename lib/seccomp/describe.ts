/**
 * A filter in words: what each system call gets, and the instructions that say so.
 *
 * @module
 */

import type { SeccompArch, SeccompTest } from "../spec.ts";
import { syscallName } from "../sys/syscall_numbers.ts";
import { AUDIT_ARCH } from "./compile.ts";
import { describeValue } from "./actions.ts";
import { CODE, DATA, decodeInstructions, type Instruction } from "./bpf.ts";
import { callNames, callNumber, type FlatPolicy, type Outcome, rangesOf } from "./outcomes.ts";

const SIGNS = {
  equal: "==",
  "not-equal": "!=",
  less: "<",
  "at-most": "<=",
  greater: ">",
  "at-least": ">=",
  "masked-equal": "==",
} as const;

const hex = (value: number | string) => `0x${BigInt(value).toString(16)}`;

/** A comparison, e.g. `arg1 & 0xffff == 0x5412 (32 bits)`. */
export function describeTest({ argument, is, value, mask, bits }: SeccompTest): string {
  const left = mask === undefined ? `arg${argument}` : `arg${argument} & ${hex(mask)}`;
  return `${left} ${SIGNS[is]} ${hex(value)}${bits === 32 ? " (32 bits)" : ""}`;
}

/** What a call gets, in one line a case. */
function describeOutcome({ cases, otherwise }: Outcome): string[] {
  return [
    ...cases.map(({ tests, value }) =>
      `${describeValue(value)} if ${tests.map(describeTest).join(" and ")}`
    ),
    cases.length === 0 ? describeValue(otherwise) : `otherwise ${describeValue(otherwise)}`,
  ];
}

/** The calls of an architecture, by what they get; those whose arguments decide come last. */
export function describePolicy(policy: FlatPolicy, arch: SeccompArch): string[] {
  const ranges = rangesOf(policy, arch);
  const simple = new Map<string, string[]>(), conditional: string[] = [];
  for (const name of callNames(arch)) {
    const number = callNumber(name, arch)!;
    const { outcome } = ranges.findLast(({ from }) => from <= number)!;
    const [first, ...more] = describeOutcome(outcome);
    if (more.length > 0) conditional.push(`${name}: ${[first, ...more].join("; ")}`);
    else if (simple.has(first!)) simple.get(first!)!.push(name);
    else simple.set(first!, [name]);
  }
  return [
    ...Array.from(simple, ([result, names]) => `${result}: ${names.sort().join(" ")}`),
    ...conditional,
  ];
}

function describeField(offset: number): string {
  if (offset === DATA.number) return "the call's number";
  if (offset === DATA.arch) return "the architecture";
  if (offset < 16) return `half ${(offset - 8) / 4} of the instruction pointer`;
  return `the ${(offset & 4) === 0 ? "lower" : "upper"} half of arg${(offset - 16) >> 3}`;
}

const JUMPS: Readonly<Record<number, string>> = {
  [CODE.IF_EQUAL]: "==",
  [CODE.IF_GREATER]: ">",
  [CODE.IF_AT_LEAST]: ">=",
};

function describeInstruction(
  { code, jt, jf, k }: Instruction,
  index: number,
  loaded: string,
): string {
  const to = (jump: number) => `${index + 1 + jump}`;
  if (code === CODE.LOAD) return `load ${describeField(k)}`;
  if (code === CODE.AND) return `and 0x${k.toString(16)}`;
  if (code === CODE.JUMP) return `go to ${to(k)}`;
  if (code === CODE.RETURN) return `return ${describeValue(k)}`;
  const sign = JUMPS[code];
  if (sign === undefined) return `code 0x${code.toString(16)} ${jt} ${jf} 0x${k.toString(16)}`;
  return `if ${sign} ${loaded || `0x${k.toString(16)}`} go to ${to(jt)}, else ${to(jf)}`;
}

/** A filter's instructions, a line each. Names stand for numbers where it is clear what they are. */
export function disassemble(filter: Uint8Array): string[] {
  const program = decodeInstructions(filter);
  // What was loaded last, and for which architecture, on the way to each instruction.
  const fields: number[] = [], arches: (SeccompArch | undefined)[] = [];
  return program.map((instruction, index) => {
    const { code, jt, jf, k } = instruction;
    const field = code === CODE.LOAD ? k : fields[index] ?? -1;
    let arch = arches[index], name = "";
    if (code === CODE.IF_EQUAL && field === DATA.arch) {
      arch = (Object.keys(AUDIT_ARCH) as SeccompArch[]).find((it) => AUDIT_ARCH[it] === k);
      name = arch ?? "";
    } else if (field === DATA.number && code in JUMPS) {
      const call = arch && syscallName(k, arch);
      name = call === undefined ? `${k}` : `${k} (${call})`;
    }
    const next = code === CODE.RETURN ? [] : code === CODE.JUMP ? [k] : [jt, jf];
    for (const jump of next) {
      fields[index + 1 + jump] = field;
      arches[index + 1 + jump] = arch;
    }
    return `${String(index).padStart(4)}  ${describeInstruction(instruction, index, name)}`;
  });
}
