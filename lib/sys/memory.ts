/**
 * Memory from the kernel, visible as an ArrayBuffer: mmap(2).
 *
 * V8 marks its own memory "don't fork", so a process that Deno clones cannot read a JavaScript
 * buffer. What it reads lives here.
 *
 * @module
 */

import * as abi from "./abi/memory.ts";
import { flagNames } from "./flag_names.ts";
import { check, syscall } from "./libc.ts";

/** What to map. */
export interface MapOptions {
  /** The size in bytes; the kernel rounds it up to whole pages. */
  length: number;
  /** `PROT_*`, or'ed; reading and writing when not given. */
  protection?: number;
  /** `MAP_*`, or'ed; private, and anonymous without a descriptor, when not given. */
  flags?: number;
  /** The file to map; anonymous memory when not given. */
  fd?: number;
  /** Where in the file to start, a multiple of the page size, in bytes. */
  offset?: number;
}

/** A mapping. Unmap it, or declare it with `using`. */
export class MappedMemory implements Disposable {
  /** The address of the first byte; 0 after {@linkcode MappedMemory.unmap}. */
  address: number;
  /** The size in bytes. */
  readonly length: number;
  /** The memory itself. It is empty after {@linkcode MappedMemory.unmap}. */
  readonly bytes: Uint8Array<ArrayBuffer>;

  /** Takes over a mapping that exists; use {@linkcode mapMemory} to make one. */
  constructor(address: number, length: number) {
    this.address = address;
    this.length = length;
    const pointer = Deno.UnsafePointer.create(BigInt(address))!;
    this.bytes = new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(pointer, length));
  }

  /**
   * Changes what may be done with the memory. Touching {@linkcode MappedMemory.bytes} against it
   * ends the process by SIGSEGV. Errors: EACCES (the file, or a security module, does not allow
   * it). Permissions: `--allow-ffi`. Source: mprotect(2).
   */
  protect(protection: number): void {
    check(syscall("mprotect", this.address, this.length, protection), "mprotect", {
      get flags() {
        return flagNames(protection, abi, "PROT_");
      },
    });
  }

  /** Unmaps the memory; twice is once. Permissions: `--allow-ffi`. Source: munmap(2). */
  unmap(): void {
    if (this.address === 0) return;
    // Detached, the buffer and all its views become empty: a late access reads nothing, where it
    // would otherwise be a SIGSEGV or, once the address is reused, someone else's memory.
    this.bytes.buffer.transfer();
    check(syscall("munmap", this.address, this.length), "munmap");
    this.address = 0;
  }

  /** Unmaps the memory at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.unmap();
  }
}

/**
 * Maps memory.
 *
 * Errors: EACCES, EINVAL, ENOMEM, EPERM (PROT_EXEC of a noexec mount; a sealed memfd).
 * Permissions: `--allow-ffi`. Source: mmap(2).
 *
 * @example
 * ```ts
 * import { mapMemory } from "@paddock/paddock/sys";
 *
 * using memory = mapMemory({ length: 4096 });
 * memory.bytes[0] = 1;
 * ```
 */
export function mapMemory(options: MapOptions): MappedMemory {
  const { length, fd = -1, offset = 0 } = options;
  const protection = options.protection ?? abi.PROT_READ | abi.PROT_WRITE;
  const flags = options.flags ?? abi.MAP_PRIVATE | (fd < 0 ? abi.MAP_ANONYMOUS : 0);
  const address = check(syscall("mmap", 0, length, protection, flags, fd, offset), "mmap", {
    path: fd < 0 ? undefined : `fd ${fd}`,
    get flags() {
      return [flagNames(protection, abi, "PROT_"), flagNames(flags, abi, "MAP_")].join(", ");
    },
  });
  return new MappedMemory(address, length);
}
