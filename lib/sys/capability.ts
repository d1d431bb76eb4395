/**
 * Capabilities: capget(2), capset(2), and sets of them as names and as bit masks.
 *
 * @module
 */

import {
  _LINUX_CAPABILITY_VERSION_3,
  CAPABILITIES,
  type CapabilityName,
} from "./abi/capability.ts";
import { ERRNO } from "./abi/errno.ts";
import { PR_CAPBSET_READ } from "./abi/prctl.ts";
import { check, syscall } from "./libc.ts";

/** A thread's capability sets, each a mask with bit N for capability number N. */
export interface CapabilitySets {
  /** Those in force. */
  effective: bigint;
  /** Those that may be put in force. */
  permitted: bigint;
  /** Those that execve of a file with the same inheritable ones keeps. */
  inheritable: bigint;
}

/**
 * The mask of some capabilities.
 *
 * @example
 * ```ts
 * import { capabilityMask, capabilityNames } from "@paddock/paddock/sys";
 *
 * const mask = capabilityMask(["CAP_KILL", "CAP_SYS_ADMIN"]);
 * console.log(mask.toString(16), capabilityNames(mask)); // 200020 [ "CAP_KILL", "CAP_SYS_ADMIN" ]
 * ```
 */
export function capabilityMask(names: Iterable<CapabilityName>): bigint {
  let mask = 0n;
  for (const name of names) {
    const number = CAPABILITIES[name];
    if (number === undefined) throw new TypeError(`Unknown capability: "${name}"`);
    mask |= 1n << BigInt(number);
  }
  return mask;
}

/** The names of the capabilities in a mask, in the kernel's order. Unknown bits are left out. */
export function capabilityNames(mask: bigint): CapabilityName[] {
  return (Object.entries(CAPABILITIES) as [CapabilityName, number][])
    .filter(([, number]) => mask & (1n << BigInt(number)))
    .map(([name]) => name);
}

/** The mask of every capability that the running kernel knows. Permissions: `--allow-ffi`. Source: prctl(2), PR_CAPBSET_READ. */
export function knownCapabilities(): bigint {
  let count = 0;
  while (count < 64 && syscall("prctl", PR_CAPBSET_READ, count) !== -ERRNO.EINVAL) count++;
  return (1n << BigInt(count)) - 1n;
}

/** `struct __user_cap_header_struct`: the version and the pid. */
function encodeHeader(pid: number): Int32Array<ArrayBuffer> {
  return Int32Array.of(_LINUX_CAPABILITY_VERSION_3, pid);
}

/** Two `struct __user_cap_data_struct`: effective, permitted, inheritable, low halves first. */
function encodeSets(sets: CapabilitySets): Uint32Array<ArrayBuffer> {
  const masks = [sets.effective, sets.permitted, sets.inheritable];
  return Uint32Array.from([
    ...masks.map((mask) => Number(mask & 0xffffffffn)),
    ...masks.map((mask) => Number(mask >> 32n & 0xffffffffn)),
  ]);
}

function decodeSets(data: Uint32Array): CapabilitySets {
  const mask = (index: number) => BigInt(data[index]!) | BigInt(data[index + 3]!) << 32n;
  return { effective: mask(0), permitted: mask(1), inheritable: mask(2) };
}

/**
 * A thread's capability sets.
 *
 * Errors: ESRCH. Permissions: `--allow-ffi`. Source: capget(2).
 *
 * @param pid The thread; the calling one when 0.
 */
export function capget(pid = 0): CapabilitySets {
  const data = new Uint32Array(6);
  check(syscall("capget", encodeHeader(pid), data), "capget", { path: `${pid}` });
  return decodeSets(data);
}

/**
 * Sets the calling thread's capability sets. Deno's other threads keep theirs.
 *
 * Errors: EPERM (a permitted one that is not there, or an effective one that is not permitted).
 * Permissions: `--allow-ffi`. Source: capset(2).
 */
export function capset(sets: CapabilitySets): void {
  check(syscall("capset", encodeHeader(0), encodeSets(sets)), "capset", {
    get flags() {
      return `effective 0x${sets.effective.toString(16)}, permitted 0x${
        sets.permitted.toString(16)
      }, inheritable 0x${sets.inheritable.toString(16)}`;
    },
  });
}
