/**
 * What a program is made of: operations as plain data, before they become bytes. An operation is
 * one system call (or one of six small steps the interpreter does itself), where its result goes,
 * what an error means, and where to go on.
 *
 * @module
 */

import type { SyscallName } from "../sys/syscall_numbers.ts";
import type { ErrnoName } from "../sys/abi/errno.ts";

/** A step that the interpreter does itself; {@linkcode PSEUDO} says what each does. */
export type PseudoCall = "SET" | "ADD" | "SUBTRACT" | "AND" | "DECIMAL" | "HANDLER";

/** The numbers of the steps that the interpreter does itself; they have bit 31 set. */
export const PSEUDO: Readonly<Record<PseudoCall, number>> = {
  /** The result is the first argument. */
  SET: 0x8000_0000,
  /** The sum of two arguments. */
  ADD: 0x8000_0001,
  /** The first less the second argument. */
  SUBTRACT: 0x8000_0002,
  /** Both arguments, bit by bit. */
  AND: 0x8000_0003,
  /** Writes the first argument in decimal, NUL-terminated, at the second; the result is the length. */
  DECIMAL: 0x8000_0004,
  /** From now on an error goes on at the first argument and is recorded at the second. */
  HANDLER: 0x8000_0005,
};

/**
 * An argument, or a word of a structure.
 *
 * - a number is itself
 * - a string or bytes: the address of a copy in the program's data (text gets a NUL)
 * - `load`: the 64-bit word at a named place of the data, when the operation runs
 * - `load32`: the same for 32 bits, zero-extended
 * - `at`: the address of a named place of the data
 * - `words`: the address of an array of 64-bit words, e.g. an argv or a `struct iovec`; with a
 *   `name`, later operations can refer to it as a place
 * - `label`: the address of an operation
 */
export type Value =
  | number
  | bigint
  | string
  | Uint8Array
  | { readonly load: Place }
  | { readonly load32: Place }
  | { readonly at: Place }
  | { readonly words: readonly Value[]; readonly name?: string }
  | { readonly label: string };

/** A place in memory: the name of a cell or buffer of this program, maybe with an offset; or an address. */
export type Place = string | number | { readonly name: string; readonly offset: number };

/** What a negative result means. The default is `"stop"`: record it and go to the handler. */
export type ErrorRule =
  | "stop"
  | "ignore"
  | { readonly tolerate: ErrnoName }
  | { readonly goto: string };

/** One operation. */
export interface Operation {
  /** The system call, or one of {@linkcode PseudoCall}. */
  readonly call: SyscallName | PseudoCall;
  /** Up to six arguments; the rest are zero. */
  readonly args?: readonly Value[];
  /** Where the result goes. */
  readonly store?: Place;
  /** Stores 32 bits of the result, not 64. */
  readonly store32?: boolean;
  /** What a negative result means. */
  readonly onError?: ErrorRule;
  /** Go on there instead of at the next operation, if `when` holds (or always). */
  readonly goto?: string | number;
  /** When to follow `goto`. */
  readonly when?: { readonly equals: number } | { readonly differs: number };
  /** A name for this place in the program. */
  readonly label?: string;
  /** The plan's step that this belongs to; an error is reported under this number. */
  readonly step?: number;
}
