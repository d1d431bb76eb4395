/**
 * The memory file in which programs travel to the agent. A launch takes a slot, writes its
 * programs into it, and gives the slot back once they have been read.
 *
 * @module
 */

import { check, rawSyscall, syscall } from "../sys/libc.ts";
import { MFD_CLOEXEC } from "../sys/abi/memory.ts";
import { SYS } from "../sys/syscall_numbers.ts";

const SMALLEST = 0x4000;

/** A piece of the arena. */
export interface Slot {
  /** Its offset in the file. */
  readonly offset: number;
  /** Its size in bytes. */
  readonly size: number;
}

/** The memory file and what is free in it. Slots are powers of two and are used again. */
export class Arena {
  /** The file's descriptor, close-on-exec. */
  readonly fd: number;
  #end = 0;
  readonly #free = new Map<number, number[]>();

  /** Makes an empty arena. */
  constructor() {
    this.fd = check(
      syscall("memfd_create", new TextEncoder().encode("paddock-programs\0"), MFD_CLOEXEC),
      "memfd_create",
    );
  }

  /** A slot of at least `size` bytes. */
  take(size: number): Slot {
    let rounded = SMALLEST;
    while (rounded < size) rounded *= 2;
    const offset = this.#free.get(rounded)?.pop();
    if (offset !== undefined) return { offset, size: rounded };
    const slot = { offset: this.#end, size: rounded };
    this.#end += rounded;
    return slot;
  }

  /** Gives a slot back. */
  give(slot: Slot): void {
    const list = this.#free.get(slot.size);
    if (list) list.push(slot.offset);
    else this.#free.set(slot.size, [slot.offset]);
  }

  /** Writes bytes at an offset of the file. */
  write(bytes: Uint8Array<ArrayBuffer>, offset: number): void {
    let done = 0;
    while (done < bytes.length) {
      const rest = bytes.subarray(done);
      done += check(
        rawSyscall(SYS.pwrite64, this.fd, rest, rest.length, offset + done),
        "pwrite64",
      );
    }
  }

  /** Closes the file. */
  close(): void {
    syscall("close", this.fd);
  }
}
