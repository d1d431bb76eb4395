/**
 * Filters that ask: which do, and how to make one that asks about all that it denies or logs.
 *
 * @module
 */

import {
  SECCOMP_RET_DATA,
  SECCOMP_RET_ERRNO,
  SECCOMP_RET_LOG,
  SECCOMP_RET_USER_NOTIF,
} from "../sys/abi/seccomp.ts";
import { CODE, decodeInstructions, encodeInstructions } from "./bpf.ts";

const actionOf = (value: number) => (value & ~SECCOMP_RET_DATA) >>> 0;

/** Whether a filter may ask its listener. */
export function asks(filter: Uint8Array): boolean {
  return decodeInstructions(filter).some(({ code, k }) =>
    code === CODE.RETURN && actionOf(k) === SECCOMP_RET_USER_NOTIF
  );
}

/** The same filter, but that it asks where it would fail a call or log it. */
export function asking(filter: Uint8Array): Uint8Array<ArrayBuffer> {
  const told = [SECCOMP_RET_ERRNO, SECCOMP_RET_LOG];
  return encodeInstructions(
    decodeInstructions(filter).map((instruction) =>
      instruction.code === CODE.RETURN && told.includes(actionOf(instruction.k))
        ? { ...instruction, k: SECCOMP_RET_USER_NOTIF }
        : instruction
    ),
  );
}
