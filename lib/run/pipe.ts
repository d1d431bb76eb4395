/**
 * The host's ends of pipes and terminals: read and written without blocking, woken by the
 * reactor. No thread, no timer and no Deno resource per pipe.
 *
 * @module
 */

import { reactor } from "../agent/reactor.ts";
import { SyscallError } from "../errors.ts";
import { ERRNO } from "../sys/abi/errno.ts";
import { F_GETFL, F_SETFL, O_CLOEXEC, O_NONBLOCK } from "../sys/abi/fcntl.ts";
import { EPOLLIN, EPOLLOUT } from "../sys/abi/poll.ts";
import { check, rawSyscall, syscall } from "../sys/libc.ts";
import { SYS } from "../sys/syscall_numbers.ts";

const CHUNK = 64 * 1024;

/** Makes a pipe: [read end, write end], both close-on-exec. */
export function makePipe(): [number, number] {
  const pair = new Int32Array(2);
  check(syscall("pipe2", pair, O_CLOEXEC), "pipe2");
  return [pair[0]!, pair[1]!];
}

/** Makes reads and writes of our own end return at once. */
export function setNonblocking(fd: number): void {
  const flags = check(syscall("fcntl", fd, F_GETFL), "fcntl");
  check(syscall("fcntl", fd, F_SETFL, flags | O_NONBLOCK), "fcntl");
}

/** The same for an end of a pipe just made, whose flags are known. */
function setFreshNonblocking(fd: number): void {
  check(rawSyscall(SYS.fcntl, fd, F_SETFL, O_NONBLOCK), "fcntl");
}

/** A descriptor that is read until its end. */
export class PipeReader {
  readonly #fd: number;
  #open = true;
  #wake: (() => void) | undefined;

  /** Takes the descriptor over. */
  constructor(fd: number) {
    this.#fd = fd;
    setNonblocking(fd);
  }

  /** Reads into a buffer: how many bytes, or 0 at the end. Waits until there are some. */
  async read(into: Uint8Array<ArrayBuffer>): Promise<number> {
    while (this.#open) {
      const count = rawSyscall(SYS.read, this.#fd, into, into.length);
      if (count >= 0) return count;
      // EIO is how a terminal says that its other side is gone.
      if (count === -ERRNO.EIO) return 0;
      if (count === -ERRNO.EINTR) continue;
      if (count !== -ERRNO.EAGAIN) throw new SyscallError({ syscall: "read", errno: -count });
      reactor().hold();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        reactor().watch(this.#fd, EPOLLIN, () => {
          reactor().unwatch(this.#fd);
          this.#wake = undefined;
          resolve();
        });
      });
      reactor().release();
    }
    return 0;
  }

  /** Closes the descriptor; a pending read ends with 0. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    reactor().unwatch(this.#fd);
    syscall("close", this.#fd);
    this.#wake?.();
  }

  /** A stream of what comes, which reads only as fast as it is read from. */
  stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return new ReadableStream({
      type: "bytes",
      autoAllocateChunkSize: CHUNK,
      pull: async (controller) => {
        const request = controller.byobRequest!;
        const view = request.view!;
        const count = await this.read(
          new Uint8Array(view.buffer as ArrayBuffer, view.byteOffset, view.byteLength),
        );
        if (count === 0) {
          this.close();
          controller.close();
        }
        request.respond(count);
      },
      cancel: () => this.close(),
    });
  }
}

/** A writer can be as fast as the reader; what is left is told of again. */
const CHUNKS_A_TURN = 16;

/** Reads everything, with one buffer for all that is there at a time. */
export class Collector {
  /** All bytes, once the end has come. */
  readonly done: Promise<Uint8Array<ArrayBuffer>>;
  readonly #fd: number;
  readonly #chunks: Uint8Array<ArrayBuffer>[] = [];
  #resolve!: (bytes: Uint8Array<ArrayBuffer>) => void;
  #ended = false;

  /** Takes the descriptor over and reads as soon as something comes. */
  constructor(fd: number) {
    this.#fd = fd;
    setFreshNonblocking(fd);
    this.done = new Promise((resolve) => this.#resolve = resolve);
    // The launch keeps the program alive; this need not.
    reactor().watch(fd, EPOLLIN, () => this.drain());
  }

  /** Reads what is there now, or as much of it as leaves timers and other streams their turn. */
  drain(most = CHUNKS_A_TURN): void {
    for (let turn = 0; turn < most && !this.#ended; turn++) {
      const shared = buffer ??= new Uint8Array(CHUNK);
      const count = rawSyscall(SYS.read, this.#fd, shared, shared.length);
      if (count > 0) this.#chunks.push(shared.slice(0, count));
      else if (count === -ERRNO.EAGAIN) return;
      else if (count !== -ERRNO.EINTR) this.end();
    }
  }

  /** Ends now, with what has come so far. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    reactor().close(this.#fd);
    this.#resolve(join(this.#chunks));
  }
}

let buffer: Uint8Array<ArrayBuffer> | undefined;

function join(chunks: Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
  if (chunks.length === 1) return chunks[0]!;
  const whole = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

/** A descriptor that is written to. */
export class PipeWriter {
  readonly #fd: number;
  #open = true;
  #wake: (() => void) | undefined;

  /** Takes the descriptor over. */
  constructor(fd: number) {
    this.#fd = fd;
    setNonblocking(fd);
  }

  /** The descriptor, as long as it is open. */
  get fd(): number | undefined {
    return this.#open ? this.#fd : undefined;
  }

  /** Writes all of it, as fast as the other side reads. */
  async write(bytes: Uint8Array): Promise<void> {
    let done = 0;
    while (done < bytes.length) {
      if (!this.#open) throw new Deno.errors.BrokenPipe("The sandbox's input is closed");
      const rest = bytes.subarray(done);
      const count = rawSyscall(SYS.write, this.#fd, rest, rest.length);
      if (count >= 0) done += count;
      else if (count === -ERRNO.EPIPE || count === -ERRNO.EIO) {
        this.close();
        throw new Deno.errors.BrokenPipe("The sandbox does not read its input any more");
      } else if (count === -ERRNO.EAGAIN) {
        reactor().hold();
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
          reactor().watch(this.#fd, EPOLLOUT, () => {
            reactor().unwatch(this.#fd);
            this.#wake = undefined;
            resolve();
          });
        });
        reactor().release();
      } else if (count !== -ERRNO.EINTR) {
        throw new SyscallError({ syscall: "write", errno: -count });
      }
    }
  }

  /** Closes the descriptor: the other side reads the end. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    reactor().unwatch(this.#fd);
    syscall("close", this.#fd);
    this.#wake?.();
  }

  /** A stream to write to; closing it closes the descriptor. */
  stream(): WritableStream<Uint8Array> {
    return new WritableStream({
      write: (chunk) => this.write(chunk),
      close: () => this.close(),
      abort: () => this.close(),
    });
  }
}
