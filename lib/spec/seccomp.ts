/**
 * Which system calls a command may make, as plain data. seccomp(2).
 *
 * @module
 */

import type { ErrnoName } from "../sys/abi/errno.ts";
import type { SYSCALLS_AARCH64 } from "../sys/abi/syscalls_aarch64.ts";
import type { SYSCALLS_X86_64 } from "../sys/abi/syscalls_x86_64.ts";

/** The architectures that filters can be compiled for. */
export type SeccompArch = "x86_64" | "aarch64";

/** A system call of some architecture, by the kernel's name. */
export type FilterableCall = keyof typeof SYSCALLS_X86_64 | keyof typeof SYSCALLS_AARCH64;

/**
 * What becomes of a system call:
 *
 * - `"allow"`: it is made
 * - `"log"`: it is made, and told of
 * - `{ errno }`: it fails with this errno and is not made
 * - `"trap"`: the thread gets SIGSYS, which it can catch
 * - `"kill"`: the process is killed by SIGSYS
 * - `"kill-thread"`: only the thread is
 * - `"notify"`: the host program's handler decides
 */
export type SeccompAction =
  | "allow"
  | "log"
  | "trap"
  | "kill"
  | "kill-thread"
  | "notify"
  | { readonly errno: ErrnoName | number };

/** How an argument is compared; `masked-equal` looks only at the bits of `mask`. */
export type SeccompComparison =
  | "equal"
  | "not-equal"
  | "less"
  | "at-most"
  | "greater"
  | "at-least"
  | "masked-equal";

/** A number, or its digits where it is beyond 2^53: `"0xffffffffffffffff"`. */
export type SeccompNumber = number | string;

/**
 * One comparison with an argument as the registers hold it. What it points to cannot be looked at.
 */
export interface SeccompTest {
  /** Which argument, from 0 to 5. */
  readonly argument: number;
  /** How. */
  readonly is: SeccompComparison;
  /** With what. */
  readonly value: SeccompNumber;
  /** For `masked-equal`: the bits that count. */
  readonly mask?: SeccompNumber;
  /**
   * How many bits the kernel takes of this argument. An `int` or a request of ioctl(2) has 32: the
   * upper half of the register is dropped then, and must not be compared (CVE-2019-10063).
   */
  readonly bits: 32 | 64;
}

/** What some system calls get, where all tests hold. */
export interface SeccompRule {
  /** Names; those that an architecture does not have mean nothing there. */
  readonly calls: readonly FilterableCall[];
  /** What becomes of them. */
  readonly action: SeccompAction;
  /** All must hold; without any the rule always does. */
  readonly when?: readonly SeccompTest[];
}

/** A policy: the first rule that fits decides. */
export interface SeccompPolicy {
  /** Put these rules in front of those of the default profile, instead of in front of none. */
  readonly extend?: "default";
  /** In this order. */
  readonly rules: readonly SeccompRule[];
  /** What a call gets that no rule fits. With `extend` it is the default profile's. */
  readonly otherwise?: SeccompAction;
  /** The ABIs that the command may use; calls of any other kill it. Default: the machine's own. */
  readonly architectures?: readonly SeccompArch[];
}

/** A profile in the OCI runtime's JSON, as Docker and Podman have it. */
export interface OciSeccompProfile {
  /** E.g. `SCMP_ACT_ERRNO`. */
  readonly defaultAction: string;
  /** All the rest, as the OCI runtime specification and Docker's variant of it say. */
  readonly [key: string]: unknown;
}

/** A filter that is compiled already: an array of `struct sock_filter`. */
export interface SeccompProgram {
  /** Its bytes, eight each. */
  readonly bpf: Uint8Array;
}

/** Where a filter comes from. */
export type SeccompProfile =
  | "default"
  | "none"
  | SeccompPolicy
  | OciSeccompProfile
  | SeccompProgram;

/** Which filter a command gets. */
export interface SeccompSpec {
  /** Default: `"default"` for `sandbox()`, `"none"` for `Sandbox.empty()`. */
  readonly profile: SeccompProfile;
  /**
   * Counts what the filter denies with an errno, and what it logs; the result lists it by name.
   * Each such call then waits for the host program. Default: false.
   */
  readonly log?: boolean;
}
