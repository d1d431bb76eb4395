/**
 * The one place where the host program waits: a single epoll instance for the agent's events, all
 * pipes and all terminals, waited on by one thread of Deno's pool however many sandboxes live.
 *
 * A pending wait keeps the program alive, so the loop runs only while something is awaited that
 * should keep it alive; an eventfd ends a wait that nobody needs any more.
 *
 * @module
 */

import {
  EPOLL_CLOEXEC,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_CTL_MOD,
  EPOLLIN,
} from "../sys/abi/poll.ts";
import { O_CLOEXEC, O_NONBLOCK } from "../sys/abi/fcntl.ts";
import { ARCH } from "../sys/arch.ts";
import { check, epollWaitAsync, rawSyscall, syscall } from "../sys/libc.ts";
import { SYS } from "../sys/syscall_numbers.ts";

// struct epoll_event is packed on x86_64 only.
const EVENT_BYTES = ARCH === "x86_64" ? 12 : 16;
const DATA_OFFSET = ARCH === "x86_64" ? 4 : 8;
const MOST_EVENTS = 64;

/** Called with the epoll bits that hold. */
export type Ready = (events: number) => void;

/**
 * Somebody's interest in a descriptor. What the kernel has told already may be about one of the same
 * number that has been closed since: it carries the turn, which that one had to itself.
 */
interface Watch {
  readonly ready: Ready;
  readonly turn: number;
}

class Reactor {
  readonly #epoll: number;
  readonly #wake: number;
  readonly #watched = new Map<number, Watch>();
  readonly #events = new Uint8Array(EVENT_BYTES * MOST_EVENTS);
  readonly #view = new DataView(this.#events.buffer);
  readonly #one = new Uint8Array(EVENT_BYTES);
  #turn = 0;
  #holds = 0;
  #running = false;
  #waiting = false;

  constructor() {
    this.#epoll = check(syscall("epoll_create1", EPOLL_CLOEXEC), "epoll_create1");
    this.#wake = check(syscall("eventfd2", 0, O_CLOEXEC | O_NONBLOCK), "eventfd2");
    this.watch(this.#wake, EPOLLIN, () => {
      rawSyscall(SYS.read, this.#wake, new BigUint64Array(1), 8);
    });
  }

  /** Watches a descriptor; `ready` is called each time one of `events` (or HUP, ERR) holds. */
  watch(fd: number, events: number, ready: Ready): void {
    const change = this.#watched.has(fd) ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    const view = new DataView(this.#one.buffer);
    view.setUint32(0, events >>> 0, true);
    view.setInt32(DATA_OFFSET, fd, true);
    const turn = this.#turn = (this.#turn + 1) & 0x3fff_ffff;
    view.setInt32(DATA_OFFSET + 4, turn, true);
    check(rawSyscall(SYS.epoll_ctl, this.#epoll, change, fd, this.#one), "epoll_ctl");
    this.#watched.set(fd, { ready, turn });
  }

  /** Stops watching; to be called before the descriptor is closed. */
  unwatch(fd: number): void {
    if (!this.#watched.delete(fd)) return;
    rawSyscall(SYS.epoll_ctl, this.#epoll, EPOLL_CTL_DEL, fd, this.#one);
  }

  /** Stops watching and closes a descriptor that has no duplicate: the kernel then forgets it too. */
  close(fd: number): void {
    this.#watched.delete(fd);
    rawSyscall(SYS.close, fd);
  }

  /** From now on the program stays alive for something that is awaited. */
  hold(): void {
    this.#holds++;
    if (!this.#running) this.#run();
  }

  /** Takes one {@linkcode hold} back. */
  release(): void {
    this.#holds--;
    if (this.#holds === 0 && this.#waiting) {
      rawSyscall(SYS.write, this.#wake, new BigUint64Array([1n]), 8);
    }
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#holds > 0) {
      this.#waiting = true;
      const count = await epollWaitAsync(this.#epoll, this.#events, MOST_EVENTS, -1);
      this.#waiting = false;
      for (let index = 0; index < count; index++) {
        const at = index * EVENT_BYTES;
        const watch = this.#watched.get(this.#view.getInt32(at + DATA_OFFSET, true));
        if (watch?.turn !== this.#view.getInt32(at + DATA_OFFSET + 4, true)) continue;
        watch.ready(this.#view.getUint32(at, true));
      }
    }
    this.#running = false;
  }
}

let instance: Reactor | undefined;

/** The program's reactor, made at first use. */
export function reactor(): Reactor {
  return instance ??= new Reactor();
}
