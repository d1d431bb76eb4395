/**
 * A TCP connection on a descriptor: read and written without blocking, woken by the reactor. There
 * is no thread, no buffer and no timer for one that is idle, so ten thousand of them cost little.
 *
 * @module
 */

import { reactor } from "../../agent/reactor.ts";
import { SyscallError } from "../../errors.ts";
import { ERRNO } from "../../sys/abi/errno.ts";
import { EPOLLERR, EPOLLET, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLRDHUP } from "../../sys/abi/poll.ts";
import { MSG_NOSIGNAL, SHUT_WR, SO_LINGER, SOL_SOCKET } from "../../sys/abi/socket.ts";
import { rawSyscall } from "../../sys/libc.ts";
import { SYS } from "../../sys/syscall_numbers.ts";

/** How much is read at a time. */
export const CHUNK = 128 * 1024;
const FIRST_ROOM = 1024;

/** The other side is gone, or this one has been cut. */
export class ConnectionError extends Error {
  /** The class's name. */
  override name = "ConnectionError";
  /** Which one was lost, if it is about one. */
  readonly connection: Connection | undefined;

  /** Takes what is wrong, and with which connection. */
  constructor(message: string, connection?: Connection) {
    super(message);
    this.connection = connection;
  }
}

// One for all: it is filled and emptied in the same turn.
const shared = new Uint8Array(CHUNK);
// Edges, not levels: registered once, and silent while somebody does not want to read.
const EDGES = (EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET) >>> 0;
const RESET = new Int32Array([1, 0]); // struct linger: on, no time

/** A connection. */
export class Connection {
  readonly #fd: number;
  #open = true;
  #watched = false;
  #reading: (() => void) | undefined;
  #writing: (() => void) | undefined;
  // What has come and was not taken: `#room` from `#start` to `#end`.
  #room: Uint8Array<ArrayBuffer> | undefined;
  #start = 0;
  #end = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Takes a nonblocking descriptor over. */
  constructor(fd: number) {
    this.#fd = fd;
  }

  /** The descriptor. */
  get fd(): number {
    return this.#fd;
  }

  /** Whether it has not been closed. */
  get isOpen(): boolean {
    return this.#open;
  }

  /** What has come and was not taken yet; valid until the next read. */
  get waiting(): Uint8Array<ArrayBuffer> {
    return this.#room?.subarray(this.#start, this.#end) ?? new Uint8Array();
  }

  /** Takes so many bytes of what is waiting; a copy. */
  take(length: number): Uint8Array<ArrayBuffer> {
    const bytes = this.waiting.slice(0, length);
    this.#start += bytes.length;
    if (this.#start === this.#end) {
      this.#room = undefined;
      this.#start = this.#end = 0;
    }
    return bytes;
  }

  #watch(): void {
    if (this.#watched) return;
    this.#watched = true;
    reactor().watch(this.#fd, EDGES, (events) => this.#ready(events));
  }

  #ready(events: number): void {
    const gone = events & (EPOLLHUP | EPOLLERR);
    if (events & (EPOLLIN | EPOLLRDHUP) || gone) this.#wake("read");
    if (events & EPOLLOUT || gone) this.#wake("write");
  }

  #wake(side: "read" | "write"): void {
    const waiter = side === "read" ? this.#reading : this.#writing;
    if (side === "read") this.#reading = undefined;
    else this.#writing = undefined;
    waiter?.();
  }

  /** Resolves when there may be something to read; only after a read that found nothing. */
  readable(): Promise<void> {
    return new Promise((resolve) => {
      if (!this.#open) return resolve();
      this.#reading = resolve;
      this.#watch();
    });
  }

  /** Resolves when there may be room to write; only after a write that found none. */
  writable(): Promise<void> {
    return new Promise((resolve) => {
      if (!this.#open) return resolve();
      this.#writing = resolve;
      this.#watch();
    });
  }

  /** Lets the others have their turn, though there is more to read. */
  turn(): Promise<void> {
    return new Promise((resolve) => {
      if (!this.#open) return resolve();
      this.#reading = resolve;
      this.#watched = true;
      // Set again, an edge that has been told of is told of again.
      reactor().watch(this.#fd, EDGES, (events) => this.#ready(events));
    });
  }

  /**
   * Reads what is there now, up to `most`: the bytes (in a buffer that the next read of anybody
   * overwrites), `undefined` if there is nothing yet, nothing at all at the end.
   */
  readNow(most: number = CHUNK): Uint8Array<ArrayBuffer> | undefined {
    for (;;) {
      if (!this.#open) throw new ConnectionError("it was cut", this);
      const count = rawSyscall(SYS.read, this.#fd, shared, Math.min(most, CHUNK));
      if (count >= 0) return shared.subarray(0, count);
      if (count === -ERRNO.EAGAIN) return undefined;
      if (count !== -ERRNO.EINTR) throw this.#lost("read", count);
    }
  }

  /** Writes what there is room for now: how many bytes. */
  writeNow(bytes: Uint8Array<ArrayBuffer>): number {
    for (;;) {
      if (!this.#open) throw new ConnectionError("it was cut", this);
      const count = rawSyscall(SYS.sendto, this.#fd, bytes, bytes.length, MSG_NOSIGNAL, 0, 0);
      if (count >= 0) return count;
      if (count === -ERRNO.EAGAIN) return 0;
      if (count !== -ERRNO.EINTR) throw this.#lost("sendto", count);
    }
  }

  #lost(syscall: string, result: number): ConnectionError {
    return new ConnectionError(new SyscallError({ syscall, errno: -result }).message, this);
  }

  /** Reads some more and adds it to what is waiting. False at the end. */
  async more(): Promise<boolean> {
    for (;;) {
      const bytes = this.readNow(16 * 1024);
      if (bytes !== undefined) {
        if (bytes.length > 0) this.#keep(bytes);
        return bytes.length > 0;
      }
      await this.readable();
    }
  }

  /** Whether something comes within so many milliseconds, or the end. Nothing is lost if not. */
  async speaks(milliseconds: number): Promise<boolean> {
    const end = performance.now() + milliseconds;
    for (;;) {
      const bytes = this.readNow(16 * 1024);
      if (bytes !== undefined) {
        if (bytes.length > 0) this.#keep(bytes);
        return true;
      }
      const left = end - performance.now();
      if (left <= 0) return false;
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<void>((resolve) => timer = setTimeout(resolve, left));
      await Promise.race([this.readable(), late]);
      clearTimeout(timer);
    }
  }

  #keep(bytes: Uint8Array): void {
    const have = this.#end - this.#start;
    if (this.#room === undefined || this.#end + bytes.length > this.#room.length) {
      const room = new Uint8Array(Math.max(FIRST_ROOM, 2 * (have + bytes.length)));
      room.set(this.waiting);
      this.#room = room;
      this.#start = 0;
      this.#end = have;
    }
    this.#room.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  /** Writes all of it, as fast as the other side reads. */
  async write(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    for (let at = this.writeNow(bytes); at < bytes.length;) {
      await this.writable();
      at += this.writeNow(at === 0 ? bytes : bytes.subarray(at));
    }
  }

  /** Ends the connection after so many milliseconds, until the next call; never with nothing. */
  expire(milliseconds?: number, how: "reset" | "close" = "reset"): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#timer = milliseconds === undefined
      ? undefined
      : setTimeout(() => this[how](), milliseconds);
  }

  /** Nothing more will be written. */
  finish(): void {
    if (this.#open) rawSyscall(SYS.shutdown, this.#fd, SHUT_WR);
  }

  /** Closes it so that the other side learns that something is wrong (RST). */
  reset(): void {
    if (!this.#open) return;
    rawSyscall(SYS.setsockopt, this.#fd, SOL_SOCKET, SO_LINGER, RESET, 8);
    this.close();
  }

  /** Closes it; whoever waits for it goes on, and finds it cut. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.expire();
    reactor().close(this.#fd);
    this.#wake("read");
    this.#wake("write");
  }
}
