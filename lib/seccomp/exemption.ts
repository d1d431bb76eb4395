/**
 * The calls that a launch itself still makes behind its filter: execve, and to tell of its failure
 * write and exit_group; and sendmsg, by which the listener gets out. Where a filter does not plainly
 * allow them, three arguments that these calls do not have must hold a secret of 192 bits. The
 * command never learns it: it is in memory that execve replaces, and in no other.
 *
 * @module
 */

import type { SeccompArch } from "../spec.ts";
import { SECCOMP_RET_ALLOW } from "../sys/abi/seccomp.ts";
import {
  CODE,
  DATA,
  decodeInstructions,
  encodeInstructions,
  type Instruction,
  INSTRUCTION_SIZE,
} from "./bpf.ts";
import { AUDIT_ARCH } from "./compile.ts";
import { callNumber } from "./outcomes.ts";

/** The calls; none of them has more than three arguments. */
const CALLS = ["execve", "exit_group", "sendmsg", "write"] as const;
/** Where the secret is. */
const FIRST = 3;

/** Whether a call is allowed whatever its arguments are; as the kernel's seccomp_is_const_allow(). */
export function isPlainlyAllowed(
  program: readonly Instruction[],
  arch: SeccompArch,
  number: number,
): boolean {
  let a = 0;
  for (let at = 0; at < program.length; at++) {
    const { code, jt, jf, k } = program[at]!;
    if (code === CODE.LOAD && k === DATA.number) a = number;
    else if (code === CODE.LOAD && k === DATA.arch) a = AUDIT_ARCH[arch];
    else if (code === CODE.RETURN) return k === SECCOMP_RET_ALLOW;
    else if (code === CODE.JUMP) at += k;
    else if (code === CODE.IF_EQUAL) at += a === k ? jt : jf;
    else if (code === CODE.IF_GREATER) at += a > k ? jt : jf;
    else if (code === CODE.IF_AT_LEAST) at += a >= k ? jt : jf;
    else return false;
  }
  return false;
}

/** The filter with the exemptions in front of it; undefined if it needs none. */
export function withExemptions(
  filter: Uint8Array,
  arch: SeccompArch,
  secret: readonly [bigint, bigint, bigint],
): Uint8Array<ArrayBuffer> | undefined {
  const program = decodeInstructions(filter);
  const numbers = CALLS.map((name) => callNumber(name, arch)!)
    .filter((number) => !isPlainlyAllowed(program, arch, number));
  if (numbers.length === 0) return undefined;
  const tests: Instruction[] = [];
  const halves = secret.flatMap((word, index): [number, bigint][] => [
    [DATA.low(FIRST + index), word & 0xffff_ffffn],
    [DATA.high(FIRST + index), word >> 32n],
  ]);
  halves.forEach(([at, half], index) => {
    // Past what is left of the tests and the return.
    const out = (halves.length - index - 1) * 2 + 1;
    tests.push(
      { code: CODE.LOAD, jt: 0, jf: 0, k: at },
      { code: CODE.IF_EQUAL, jt: 0, jf: out, k: Number(half) },
    );
  });
  tests.push({ code: CODE.RETURN, jt: 0, jf: 0, k: SECCOMP_RET_ALLOW });
  const head: Instruction[] = [
    { code: CODE.LOAD, jt: 0, jf: 0, k: DATA.arch },
    { code: CODE.IF_EQUAL, jt: 0, jf: 1 + numbers.length + tests.length, k: AUDIT_ARCH[arch] },
    { code: CODE.LOAD, jt: 0, jf: 0, k: DATA.number },
    ...numbers.map((number, index): Instruction => {
      const left = numbers.length - index - 1;
      return { code: CODE.IF_EQUAL, jt: left, jf: left === 0 ? tests.length : 0, k: number };
    }),
    ...tests,
  ];
  const bytes = new Uint8Array(head.length * INSTRUCTION_SIZE + filter.length);
  bytes.set(encodeInstructions(head));
  bytes.set(filter, head.length * INSTRUCTION_SIZE);
  return bytes;
}
