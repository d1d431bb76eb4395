/**
 * Moves bytes between two connections, in both directions, without taking them into this program's
 * memory: splice(2) moves pages from socket to pipe to socket.
 *
 * @module
 */

import { reactor } from "../agent/reactor.ts";
import { ERRNO } from "../sys/abi/errno.ts";
import { F_SETPIPE_SZ, O_CLOEXEC, O_NONBLOCK } from "../sys/abi/fcntl.ts";
import { EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT } from "../sys/abi/poll.ts";
import { check, rawSyscall, syscall } from "../sys/libc.ts";
import { SYS } from "../sys/syscall_numbers.ts";
import { endWriting, resetSocket } from "./socket.ts";

const SPLICE_F_MOVE = 1, SPLICE_F_NONBLOCK = 2;
const FLAGS = SPLICE_F_MOVE | SPLICE_F_NONBLOCK;
/** What a pipe is asked to hold; an ordinary user may be refused, and then it holds 64 KiB. */
const PIPE_SIZE = 1 << 20;
const LEAST_PIPE = 1 << 16;
/** How often one direction moves before the others have their turn. */
const TURNS = 16;

/** One direction: from one socket through a pipe to the other. */
class Direction {
  readonly #pipe: [number, number];
  readonly #room: number;
  /** Bytes in the pipe. */
  #pending = 0;
  #ended = false;
  /** How many bytes went through. */
  moved = 0;

  constructor(readonly source: number, readonly target: number) {
    const pair = new Int32Array(2);
    check(syscall("pipe2", pair, O_CLOEXEC | O_NONBLOCK), "pipe2");
    this.#pipe = [pair[0]!, pair[1]!];
    const size = syscall("fcntl", this.#pipe[1], F_SETPIPE_SZ, PIPE_SIZE);
    this.#room = size > 0 ? size : LEAST_PIPE;
  }

  get wantsToRead(): boolean {
    return !this.#ended && this.#pending < this.#room;
  }

  get wantsToWrite(): boolean {
    return this.#pending > 0;
  }

  get done(): boolean {
    return this.#ended && this.#pending === 0;
  }

  /** Moves what can be moved now. Returns a negative errno when the connection is broken. */
  move(): number {
    for (let turn = 0; turn < TURNS; turn++) {
      let idle = true;
      if (this.wantsToRead) {
        const count = rawSyscall(SYS.splice, this.source, 0, this.#pipe[1], 0, this.#room, FLAGS);
        if (count > 0) {
          this.#pending += count;
          idle = false;
        } else if (count === 0) this.#ended = true;
        else if (count !== -ERRNO.EAGAIN && count !== -ERRNO.EINTR) return count;
      }
      if (this.#pending > 0) {
        const count = rawSyscall(
          SYS.splice,
          this.#pipe[0],
          0,
          this.target,
          0,
          this.#pending,
          FLAGS,
        );
        if (count > 0) {
          this.#pending -= count;
          this.moved += count;
          idle = false;
        } else if (count !== -ERRNO.EAGAIN && count !== -ERRNO.EINTR) return count;
      }
      if (this.done) {
        endWriting(this.target);
        return 0;
      }
      if (idle) return 0;
    }
    return 0;
  }

  close(): void {
    for (const fd of this.#pipe) rawSyscall(SYS.close, fd);
  }
}

/** Two connections that are one. It owns both sockets. */
export class SplicePump {
  readonly #sockets: readonly [number, number];
  readonly #directions: readonly [Direction, Direction];
  readonly #over: (moved: { forth: number; back: number }) => void;
  readonly #watched = [0, 0];
  #closed = false;
  #finishing = false;

  /** Takes over two connected sockets; `over` is called when both are closed. */
  constructor(
    first: number,
    second: number,
    over: (moved: { forth: number; back: number }) => void = () => {},
  ) {
    this.#sockets = [first, second];
    this.#over = over;
    const forth = new Direction(first, second);
    try {
      this.#directions = [forth, new Direction(second, first)];
    } catch (error) {
      forth.close();
      throw error;
    }
    this.#run();
  }

  /**
   * The second one has nobody behind it any more: what it left is delivered, and then both are
   * closed.
   */
  finish(): void {
    this.#finishing = true;
    if (!this.#closed) this.#run();
  }

  #run(): void {
    if (this.#finishing) {
      const [, back] = this.#directions;
      if (back.move() < 0) return this.close(true);
      if (back.done) return this.close(false);
      this.#watch(0);
      this.#watch(1);
      return;
    }
    for (const direction of this.#directions) {
      if (!direction.done && direction.move() < 0) return this.close(true);
    }
    if (this.#directions.every(({ done }) => done)) return this.close(false);
    this.#watch(0);
    this.#watch(1);
  }

  #watch(side: 0 | 1): void {
    const from = this.#directions[side]!, to = this.#directions[1 - side]!;
    const reads = from.wantsToRead && !(this.#finishing && side === 0);
    const writes = to.wantsToWrite && !(this.#finishing && side === 1);
    const events = (reads ? EPOLLIN : 0) | (writes ? EPOLLOUT : 0);
    if (this.#watched[side] === events) return;
    const fd = this.#sockets[side]!;
    // An end that nobody waits for would wake this program again and again by its hang-up.
    if (events === 0) reactor().unwatch(fd);
    else reactor().watch(fd, events, (happened) => this.#ready(happened));
    this.#watched[side] = events;
  }

  #ready(happened: number): void {
    if (this.#closed) return;
    // By its end what was sent before it can still be read.
    if (happened & EPOLLERR && !this.#finishing) return this.close(true);
    if (happened & (EPOLLIN | EPOLLOUT | EPOLLHUP)) this.#run();
  }

  /** Closes both, as broken or as ended. */
  close(broken = true): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const fd of this.#sockets) {
      reactor().unwatch(fd);
      if (broken) resetSocket(fd);
      else syscall("close", fd);
    }
    const [forth, back] = this.#directions;
    forth.close();
    back.close();
    this.#over({ forth: forth.moved, back: back.moved });
  }
}
