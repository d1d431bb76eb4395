/**
 * System call numbers by name, for the running architecture and for both.
 *
 * @module
 */

import { SYSCALLS_AARCH64 } from "./abi/syscalls_aarch64.ts";
import { SYSCALLS_X86_64 } from "./abi/syscalls_x86_64.ts";
import { ARCH, type Arch } from "./arch.ts";

/** A system call that both architectures have, by the kernel's name. */
export type SyscallName = keyof typeof SYSCALLS_X86_64 & keyof typeof SYSCALLS_AARCH64;

const TABLES: Record<Arch, Readonly<Record<string, number>>> = {
  x86_64: SYSCALLS_X86_64,
  aarch64: SYSCALLS_AARCH64,
};

/** The running architecture's numbers of the system calls that both architectures have. */
export const SYS: Readonly<Record<SyscallName, number>> = ARCH === "aarch64"
  ? SYSCALLS_AARCH64
  : SYSCALLS_X86_64;

/**
 * The number of a system call on an architecture, or undefined where it has none of that name
 * (`open` and `fork` exist on x86_64 only).
 */
export function syscallNumber(name: string, arch: Arch = ARCH): number | undefined {
  // Own properties only: "constructor" is no system call.
  return Object.hasOwn(TABLES[arch], name) ? TABLES[arch][name] : undefined;
}

const names: Partial<Record<Arch, Map<number, string>>> = {};

/** The name of a system call number on an architecture, or undefined for an unknown one. */
export function syscallName(number: number, arch: Arch = ARCH): string | undefined {
  const known = names[arch] ??= new Map(
    Object.entries(TABLES[arch]).map(([name, number]) => [number, name]),
  );
  return known.get(number);
}
