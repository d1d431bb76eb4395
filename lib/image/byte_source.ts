/**
 * Where an archive's bytes come from: a file, a part of a file, a stream; and a window over them
 * that is always the same memory, so that an import takes the same however large the archive is.
 *
 * @module
 */

import { pread, read } from "../sys/file.ts";

/** Something that gives bytes, once, from the beginning to the end. */
export interface ByteSource {
  /** Fills a part of a buffer: how many bytes came; 0 is the end. */
  read(into: Uint8Array<ArrayBuffer>): number | Promise<number>;
  /** Leaves so many bytes out, where that is possible without reading them. */
  skip?(count: number): void;
  /** Lets go of whatever it holds. */
  close(): void;
}

/** A part of an open file, which stays open. */
export class FileSlice implements ByteSource {
  #at: number;
  readonly #end: number;

  /** From `start` on, `length` bytes of the file. */
  constructor(readonly fd: number, readonly start = 0, length = Infinity) {
    this.#at = start;
    this.#end = start + length;
  }

  /** Reads on. */
  read(into: Uint8Array<ArrayBuffer>): number {
    const room = Math.min(into.length, this.#end - this.#at);
    if (room === 0) return 0;
    const count = pread(this.fd, into.subarray(0, room), this.#at);
    this.#at += count;
    return count;
  }

  /** Goes on further back. */
  skip(count: number): void {
    this.#at = Math.min(this.#at + count, this.#end);
  }

  /** Nothing to do: the file is somebody else's. */
  close(): void {}
}

/** A descriptor that can only be read from front to back: a pipe. It stays open. */
export class DescriptorSource implements ByteSource {
  /** Reads from this descriptor. */
  constructor(readonly fd: number) {}

  /** Reads on, and blocks where the other side is slow. */
  read(into: Uint8Array<ArrayBuffer>): number {
    return read(this.fd, into);
  }

  /** Nothing to do: the descriptor is somebody else's. */
  close(): void {}
}

/** A source with something done to each piece that passes: hashed, counted. */
export class TappedSource implements ByteSource {
  /** Calls `tap` with every piece of `source`. */
  constructor(
    readonly source: ByteSource,
    readonly tap: (piece: Uint8Array<ArrayBuffer>) => void,
  ) {}

  /** Reads on. */
  read(into: Uint8Array<ArrayBuffer>): number | Promise<number> {
    const seen = (count: number) => {
      if (count > 0) this.tap(into.subarray(0, count));
      return count;
    };
    const count = this.source.read(into);
    return typeof count === "number" ? seen(count) : count.then(seen);
  }

  /** Closes the source below. */
  close(): void {
    this.source.close();
  }
}

/** How often JavaScript's other work gets its turn while a file is read without waiting. */
const TURN_MILLISECONDS = 50;

/** A fixed piece of memory through which a source passes. */
export class ByteWindow {
  readonly #memory: Uint8Array<ArrayBuffer>;
  #start = 0;
  #end = 0;
  #atEnd = false;
  #turn = performance.now();

  /** A window of `size` bytes over a source. */
  constructor(readonly source: ByteSource, size = 128 * 1024) {
    this.#memory = new Uint8Array(size);
  }

  /** How many bytes can be looked at now. */
  get available(): number {
    return this.#end - this.#start;
  }

  /** Makes at least `count` bytes available, if there are so many: how many are. */
  async need(count: number): Promise<number> {
    while (this.available < count && !this.#atEnd) {
      if (this.#start > 0) {
        this.#memory.copyWithin(0, this.#start, this.#end);
        this.#end -= this.#start;
        this.#start = 0;
      }
      const now = performance.now();
      if (now - this.#turn > TURN_MILLISECONDS) {
        await new Promise<void>((resolve) => setTimeout(resolve));
        this.#turn = performance.now();
      }
      const got = this.source.read(this.#memory.subarray(this.#end));
      const read = typeof got === "number" ? got : await got;
      if (read === 0) this.#atEnd = true;
      this.#end += read;
    }
    return this.available;
  }

  /** The next bytes, at most `count`, which must be available; valid up to the next `need`. */
  look(count: number): Uint8Array<ArrayBuffer> {
    return this.#memory.subarray(this.#start, Math.min(this.#start + count, this.#end));
  }

  /** Goes on by `count` bytes, which must be available. */
  skip(count: number): void {
    this.#start += count;
  }

  /** Leaves `count` bytes out; whether there were so many is only seen by the next `need`. */
  async pass(count: number): Promise<void> {
    let left = count;
    while (left > 0) {
      const here = Math.min(left, this.available);
      this.#start += here;
      left -= here;
      if (left > 0 && this.source.skip !== undefined) {
        this.source.skip(left);
        return;
      }
      if (left > 0 && await this.need(1) === 0) return;
    }
  }

  /** Reads and forgets all that is left: how many bytes that was. */
  async drain(): Promise<number> {
    let total = 0;
    while (await this.need(1) > 0) {
      total += this.available;
      this.#start = this.#end = 0;
    }
    return total;
  }
}
