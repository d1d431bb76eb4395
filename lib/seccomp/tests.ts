/**
 * Comparisons with an argument: their numbers, their instructions, and what they say of a value.
 *
 * @module
 */

import type { SeccompNumber, SeccompTest } from "../spec.ts";
import type { BackwardAssembler, Label } from "./backward_assembler.ts";
import { CODE, DATA } from "./bpf.ts";

const LOW = 0xffff_ffffn;

/** A number of a description as 64 bits; negative ones are what a register holds for them. */
export function wide(number: SeccompNumber): bigint {
  return BigInt.asUintN(64, BigInt(number));
}

/** The value and the mask of a test, cut to its width. */
function numbers({ value, mask, bits }: SeccompTest): { value: bigint; mask: bigint } {
  const cut = (number: SeccompNumber) => BigInt.asUintN(bits, BigInt(number));
  return { value: cut(value), mask: mask === undefined ? BigInt.asUintN(bits, -1n) : cut(mask) };
}

/** Whether an argument passes. */
export function holds(test: SeccompTest, argument: bigint): boolean {
  const { value, mask } = numbers(test);
  const given = BigInt.asUintN(test.bits, argument);
  switch (test.is) {
    case "equal":
      return given === value;
    case "not-equal":
      return given !== value;
    case "less":
      return given < value;
    case "at-most":
      return given <= value;
    case "greater":
      return given > value;
    case "at-least":
      return given >= value;
    case "masked-equal":
      return (given & mask) === value;
  }
}

/** Writes a comparison of one half under a mask. */
function halfEqual(
  code: BackwardAssembler,
  at: number,
  value: number,
  mask: number,
  yes: Label,
  no: Label,
): Label {
  if (mask === 0) return value === 0 ? yes : no;
  if (yes === no) return yes;
  if (mask !== 0xffff_ffff) {
    const next = code.then(CODE.AND, mask, code.branch(CODE.IF_EQUAL, value, yes, no));
    return code.then(CODE.LOAD, at, next);
  }
  const next = code.branch(CODE.IF_EQUAL, value, code.loaded(yes, at), code.loaded(no, at));
  return code.then(CODE.LOAD, at, next);
}

/** Writes `argument >= value` or `argument > value`; a filter's jumps know no smaller. */
function above(
  code: BackwardAssembler,
  { argument, bits }: SeccompTest,
  orEqual: boolean,
  value: bigint,
  yes: Label,
  no: Label,
): Label {
  if (yes === no) return yes;
  const low = Number(value & LOW), high = Number(value >> 32n);
  const comparison = orEqual ? CODE.IF_AT_LEAST : CODE.IF_GREATER;
  const lower = code.then(
    CODE.LOAD,
    DATA.low(argument),
    code.branch(comparison, low, yes, no),
  );
  if (bits === 32) return lower;
  const same = code.branch(CODE.IF_EQUAL, high, lower, no);
  return code.then(
    CODE.LOAD,
    DATA.high(argument),
    code.branch(CODE.IF_GREATER, high, yes, same),
  );
}

/** Writes a test that goes on at `yes` or `no`. */
export function writeTest(
  code: BackwardAssembler,
  test: SeccompTest,
  yes: Label,
  no: Label,
): Label {
  const { value, mask } = numbers(test);
  const { argument, bits } = test;
  switch (test.is) {
    case "not-equal":
      return writeTest(code, { ...test, is: "equal" }, no, yes);
    case "equal":
    case "masked-equal": {
      // What the mask hides can be equal to nothing.
      if ((value & ~mask) !== 0n) return no;
      const lower = halfEqual(
        code,
        DATA.low(argument),
        Number(value & LOW),
        Number(mask & LOW),
        yes,
        no,
      );
      return bits === 32 ? lower : halfEqual(
        code,
        DATA.high(argument),
        Number(value >> 32n),
        Number(mask >> 32n),
        lower,
        no,
      );
    }
    case "at-least":
      return above(code, test, true, value, yes, no);
    case "greater":
      return above(code, test, false, value, yes, no);
    case "less":
      return above(code, test, true, value, no, yes);
    case "at-most":
      return above(code, test, false, value, no, yes);
  }
}
