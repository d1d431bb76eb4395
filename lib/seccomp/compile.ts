/**
 * Compiles a policy to classic BPF: first the architecture, then a balanced tree over the numbers,
 * then the arguments. A call that is always allowed reads nothing but its architecture and number,
 * so the kernel keeps the answer and runs no filter for it at all.
 *
 * @module
 */

import { SpecError } from "../errors.ts";
import type { SeccompArch } from "../spec.ts";
import {
  AUDIT_ARCH_AARCH64,
  AUDIT_ARCH_X86_64,
  BPF_MAXINSNS,
  SECCOMP_RET_KILL_PROCESS,
} from "../sys/abi/seccomp.ts";
import { BackwardAssembler, type Label } from "./backward_assembler.ts";
import { CODE, DATA, INSTRUCTION_SIZE } from "./bpf.ts";
import { type FlatPolicy, type Outcome, type Range, rangesOf } from "./outcomes.ts";
import { writeTest } from "./tests.ts";

/** What `seccomp_data.arch` holds on each architecture. */
export const AUDIT_ARCH: Readonly<Record<SeccompArch, number>> = {
  x86_64: AUDIT_ARCH_X86_64,
  aarch64: AUDIT_ARCH_AARCH64,
};

/** Writes what one call gets; what has been written before is used again. */
function writeOutcome(
  code: BackwardAssembler,
  outcome: Outcome,
  written: Map<string, Label>,
): Label {
  if (outcome.cases.length === 0) return code.return(outcome.otherwise);
  const known = written.get(outcome.key);
  if (known !== undefined) return known;
  let label = code.return(outcome.otherwise);
  for (const { tests, value } of outcome.cases.toReversed()) {
    const no = label;
    label = code.return(value);
    for (const test of tests.toReversed()) label = writeTest(code, test, label, no);
  }
  written.set(outcome.key, label);
  return label;
}

/** Writes the search for a number among the ranges from `first` to before `end`. */
function writeTree(
  code: BackwardAssembler,
  ranges: readonly Range[],
  first: number,
  end: number,
  written: Map<string, Label>,
): Label {
  if (end - first === 1) return writeOutcome(code, ranges[first]!.outcome, written);
  const middle = (first + end) >> 1;
  const right = writeTree(code, ranges, middle, end, written);
  const left = writeTree(code, ranges, first, middle, written);
  return code.branch(CODE.IF_AT_LEAST, ranges[middle]!.from, right, left);
}

/** Compiles a policy. Throws a `SpecError` for one that is larger than the kernel takes. */
export function compilePolicy(policy: FlatPolicy): Uint8Array<ArrayBuffer> {
  const code = new BackwardAssembler();
  let entry = code.return(SECCOMP_RET_KILL_PROCESS);
  for (const arch of policy.architectures.toReversed()) {
    const ranges = rangesOf(policy, arch);
    const tree = writeTree(code, ranges, 0, ranges.length, new Map());
    const numbered = code.then(CODE.LOAD, DATA.number, tree);
    entry = code.branch(CODE.IF_EQUAL, AUDIT_ARCH[arch], numbered, entry);
  }
  const bytes = code.finish(code.then(CODE.LOAD, DATA.arch, entry));
  if (bytes.length > BPF_MAXINSNS * INSTRUCTION_SIZE) {
    throw new SpecError(
      "seccomp",
      `the filter has ${
        bytes.length / INSTRUCTION_SIZE
      } instructions; the kernel takes ${BPF_MAXINSNS}`,
    );
  }
  return bytes;
}
