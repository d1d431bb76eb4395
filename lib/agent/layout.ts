/**
 * Where things are in the agent's memory. Programs are assembled for these addresses. All lie
 * below 4 GiB, and apart by more than any page size, so that a branch fits 32 bits and aarch64
 * kernels with 64 KiB pages can load the file.
 *
 * @module
 */

import { ARCH } from "../sys/arch.ts";

/** The ELF header and the interpreter; read and execute. */
export const CODE = 0x40_0000;
/** The boot program, the agent's loop and its buffers; the interpreter starts here. */
export const BOOT = 0x41_0000;
/** What the agent runs outside of the sandbox for a launch: opens, clone, id maps. */
export const OUTSIDE_AREA = 0x1000_0000;
/** Bytes mapped at {@linkcode OUTSIDE_AREA}; only pages in use take memory. */
export const OUTSIDE_SIZE = 0x400_0000;
/** What stays of a launch: pid 1's loop. */
export const INIT_AREA = 0x2000_0000;
/** What runs once inside of the sandbox: set-up, then the command's own steps up to execve. */
export const SETUP_AREA = 0x3000_0000;
/** The command line, and the calls that execute it. */
export const EXECUTE_AREA = 0x4000_0000;
/** The rest of a set-up that was planned after the pre-mount hooks. */
export const REST_AREA = 0x5000_0000;
/** What the agent becomes that stands by a detached sandbox. */
export const KEEPER_AREA = 0x6000_0000;
/** A program that a hook sends in while the set-up waits. */
export const HOOK_AREA = 0x7000_0000;
/** Bytes mapped at {@linkcode HOOK_AREA}, when there are hooks. */
export const HOOK_SIZE = 0x4_0000;

/** What lies above all of this: the stack and the vDSO, which the interpreter never uses. */
export const ABOVE = 0x1_0000_0000;
/** The end of the address space, where a program does not ask for more. */
export const ABOVE_END: number = ARCH === "x86_64" ? 0x7fff_ffff_f000 : 0x1_0000_0000_0000;

/** The agent's descriptors, after boot. Everything from {@linkcode FIRST_FREE_FD} is a launch's. */
export const AGENT_FD = {
  /** Requests come in here; its end is the end of the agent. */
  control: 0,
  /** Events go out here. */
  status: 1,
  /** Programs lie here. */
  arena: 2,
  /** The `/proc` of the host. */
  proc: 3,
  /** Tells of ended children. */
  signals: 4,
  /** The agent itself, as a pidfd: what it clones sees by it, in any pid namespace, that it died. */
  self: 5,
} as const;

/** The first descriptor that a launch may use. */
export const FIRST_FREE_FD = 6;
