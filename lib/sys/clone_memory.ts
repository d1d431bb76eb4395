/**
 * The memory that a child of {@linkcode spawnRaw} reads: the request that `clone_x86_64.S`
 * describes, the system calls, and all that these point to.
 *
 * @module
 */

import { CLONE_ARGS_SIZE_VER2 } from "./abi/clone.ts";
import { SIGNALS } from "./abi/signal.ts";
import { cString } from "./libc.ts";
import { mapMemory, type MappedMemory } from "./memory.ts";
import { SYS, type SyscallName } from "./syscall_numbers.ts";

/**
 * An argument of a {@linkcode RawStep}: a number, or text (NUL-terminated for the call) or bytes,
 * of which the child gets the address of a copy.
 */
export type RawArgument = number | bigint | string | Uint8Array | null;

/** A system call for the child to make. */
export interface RawStep {
  /** Its name. */
  name: SyscallName;
  /** Its arguments, six at most. */
  args: readonly RawArgument[];
}

/** The size of a step in bytes: the number and six arguments. */
const STEP = 56;
/** The size of the request in bytes. */
const REQUEST = 56;

/** Made by mmap, so that the child has it. Unmapped at the end of a `using` block. */
export class ChildMemory implements Disposable {
  readonly #memory: MappedMemory;
  readonly #view: DataView;
  readonly #steps: readonly RawStep[];
  readonly #argv: Uint8Array[];
  readonly #env: Uint8Array[];
  readonly #pidfdAt: number;
  #used = 0;

  /** Makes room. The last step is the execve, whose two tables are filled in. */
  constructor(steps: readonly RawStep[], argv: readonly string[], env: readonly string[]) {
    this.#steps = steps;
    this.#argv = argv.map(cString);
    this.#env = env.map(cString);
    const texts = [...this.#argv, ...this.#env];
    let size = 1024 + steps.length * STEP + (texts.length + 2) * 16;
    for (const text of texts) size += text.length + 8;
    for (const step of steps) {
      // A seventh argument would overwrite the next step.
      if (step.args.length > 6) throw new TypeError(`Too many arguments for ${step.name}`);
      for (const argument of step.args) {
        // A character takes three bytes of UTF-8 at most.
        if (typeof argument === "string") size += argument.length * 3 + 9;
        else if (argument instanceof Uint8Array) size += argument.length + 8;
      }
    }
    this.#memory = mapMemory({ length: size });
    this.#view = new DataView(this.#memory.bytes.buffer);
    this.#pidfdAt = this.#take(8);
  }

  /** Reserves some bytes, aligned, and returns their offset. */
  #take(length: number): number {
    const at = this.#used;
    this.#used += Math.ceil(length / 8) * 8;
    return at;
  }

  /** Copies bytes and returns their address. */
  #put(bytes: Uint8Array): number {
    const at = this.#take(bytes.length);
    this.#memory.bytes.set(bytes, at);
    return this.#memory.address + at;
  }

  #word(at: number, value: number | bigint): void {
    this.#view.setBigUint64(at, BigInt.asUintN(64, BigInt(value)), true);
  }

  /** A table of addresses with a null behind, as execve wants them. */
  #table(texts: Uint8Array[]): number {
    const table = this.#take((texts.length + 1) * 8);
    texts.forEach((text, index) => this.#word(table + index * 8, this.#put(text)));
    return this.#memory.address + table;
  }

  /** Writes the steps and returns their address. */
  #writeSteps(): number {
    const list = this.#take(this.#steps.length * STEP);
    this.#steps.forEach((step, index) => {
      const at = list + index * STEP;
      this.#word(at, SYS[step.name]);
      step.args.forEach((argument, number) => {
        const value = typeof argument === "string"
          ? this.#put(cString(argument))
          : argument instanceof Uint8Array
          ? this.#put(argument)
          : argument ?? 0;
        this.#word(at + 8 + number * 8, value);
      });
    });
    const execve = list + (this.#steps.length - 1) * STEP;
    this.#word(execve + 16, this.#table(this.#argv));
    this.#word(execve + 24, this.#table(this.#env));
    return this.#memory.address + list;
  }

  /** Writes `struct clone_args` and returns its address. */
  #writeCloneArgs(flags: bigint, cgroup: number): number {
    const at = this.#take(CLONE_ARGS_SIZE_VER2);
    this.#word(at, flags);
    this.#word(at + 8, this.#memory.address + this.#pidfdAt);
    this.#word(at + 32, SIGNALS.SIGCHLD); // exit_signal
    this.#word(at + 80, cgroup);
    return this.#memory.address + at;
  }

  /** Writes everything and returns the request's address. */
  writeRequest(flags: bigint, failureEnd: number, cgroup: number): number {
    const request = this.#take(REQUEST);
    this.#word(request, this.#writeCloneArgs(flags, cgroup));
    this.#word(request + 8, CLONE_ARGS_SIZE_VER2);
    this.#word(request + 16, this.#writeSteps());
    this.#word(request + 24, this.#steps.length);
    this.#word(request + 32, failureEnd);
    return this.#memory.address + request;
  }

  /** The pidfd that clone3 wrote. */
  pidfd(): number {
    return this.#view.getInt32(this.#pidfdAt, true);
  }

  /** Unmaps the memory; the child has its own copy. */
  [Symbol.dispose](): void {
    this.#memory.unmap();
  }
}
