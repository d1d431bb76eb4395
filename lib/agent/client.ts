/**
 * Starts the agent, once per program and on first use, and talks to it.
 *
 * The executable lies in a sealed memfd, so nothing can overwrite it (CVE-2019-5736), and is
 * started by a synchronous call on the JavaScript thread. Three descriptors are left inheritable
 * just for that call; the agent closes whatever else it was handed.
 *
 * @module
 */

import { SandboxError, UnsupportedError } from "../errors.ts";
import { EPOLLIN, POLLIN, POLLOUT } from "../sys/abi/poll.ts";
import { pollfd, words } from "./words.ts";
import { ERRNO } from "../sys/abi/errno.ts";
import {
  F_ADD_SEALS,
  F_SEAL_GROW,
  F_SEAL_SEAL,
  F_SEAL_SHRINK,
  F_SEAL_WRITE,
  F_SETFD,
  F_SETFL,
  F_SETPIPE_SZ,
  FD_CLOEXEC,
  O_CLOEXEC,
  O_NONBLOCK,
} from "../sys/abi/fcntl.ts";
import { MFD_ALLOW_SEALING, MFD_CLOEXEC, MFD_EXEC } from "../sys/abi/memory.ts";
import { AF_UNIX, MSG_DONTWAIT, SOCK_CLOEXEC, SOCK_SEQPACKET } from "../sys/abi/socket.ts";
import { P_PIDFD, WEXITED, WNOHANG } from "../sys/abi/wait.ts";
import { check, cString, posixSpawn, rawSyscall, syscall } from "../sys/libc.ts";
import { SYS } from "../sys/syscall_numbers.ts";
import { Arena, type Slot } from "./arena.ts";
import type { Program } from "./assembler.ts";
import { bootProgram } from "./boot.ts";
import { writeElf } from "./elf.ts";
import { type AgentEvent, decodeEvent, EVENT_SIZE } from "./event.ts";
import { send } from "./fd_passing.ts";
import { reactor } from "./reactor.ts";

/** Called with each event that belongs to nobody by its launch number: a reaped child. */
export type EventListener = (event: AgentEvent) => void;

function socketpair(): [number, number] {
  const pair = new Int32Array(2);
  check(syscall("socketpair", AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), "socketpair");
  return [pair[0]!, pair[1]!];
}

function executable(bytes: Uint8Array<ArrayBuffer>): number {
  const name = cString("paddock-agent");
  const flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  // Without MFD_EXEC a kernel with vm.memfd_noexec=1 makes the file non-executable; a kernel
  // before 6.3 does not know the flag.
  let fd = syscall("memfd_create", name, flags | MFD_EXEC);
  if (fd === -ERRNO.EINVAL) fd = syscall("memfd_create", name, flags);
  if (fd === -ERRNO.EACCES) {
    throw new UnsupportedError(
      "an executable memory file",
      "this kernel forbids it; allow it with `sysctl vm.memfd_noexec=1` (or 0)",
    );
  }
  check(fd, "memfd_create");
  check(syscall("write", fd, bytes, bytes.length), "write", { path: "paddock-agent" });
  const seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  check(syscall("fcntl", fd, F_ADD_SEALS, seals), "fcntl", { flags: "F_ADD_SEALS" });
  return fd;
}

/** Where a `siginfo_t` of waitid(2) has the pid, in words of 32 bits; 0 when there was nobody. */
const SIGINFO_PID = 4;

/** How long the end of a program waits for its agent at most, in seconds; a millisecond is usual. */
const LEAVE_PATIENCE = 1;

/** Bytes of the status pipe; the most that an ordinary user may ask for. pipe(7). */
const STATUS_ROOM = 1 << 20;

/** The running agent of this program. */
export class Agent {
  /** The boot program: its labels and places are what outside programs refer to. */
  readonly boot: Program;
  /** Where programs travel. */
  readonly arena: Arena;
  /** The agent's process. */
  readonly pid: number;
  readonly #control: number;
  readonly #status: number;
  #pidfd: number | undefined;
  readonly #listeners = new Map<number, EventListener>();
  readonly #orphans: EventListener;
  readonly #gone: () => void;
  readonly #buffer = new Uint8Array(EVENT_SIZE * 64);
  /** For ppoll: room in the control socket, events in the status pipe. */
  readonly #both: Uint8Array<ArrayBuffer>;
  #alive = true;

  /**
   * Starts an agent. `orphans` gets the events that carry no launch number, `gone` is called when
   * the agent has ended though it should not have.
   */
  constructor(orphans: EventListener, gone: () => void) {
    this.#orphans = orphans;
    this.#gone = gone;
    this.arena = new Arena();
    const [ours, theirs] = socketpair();
    const pipe = new Int32Array(2);
    check(syscall("pipe2", pipe, O_CLOEXEC), "pipe2");
    // Room for the ends of some 5,000 sandboxes at once, of which nobody here waits for any more:
    // the agent would wait until they are read, and could reap no others. It may be refused.
    syscall("fcntl", pipe[1]!, F_SETPIPE_SZ, STATUS_ROOM);
    this.#control = ours;
    this.#status = pipe[0]!;
    this.#both = words(pollfd(this.#control, POLLOUT), pollfd(this.#status, POLLIN));
    const status = pipe[1]!;
    this.boot = bootProgram({ control: theirs, status, arena: this.arena.fd });
    const file = executable(writeElf(this.boot.bytes));
    const inherited = [theirs, status, this.arena.fd];
    try {
      for (const fd of inherited) syscall("fcntl", fd, F_SETFD, 0);
      const path = `/proc/self/fd/${file}`;
      this.pid = check(posixSpawn(path, "paddock"), "execve", { path });
    } finally {
      for (const fd of inherited) syscall("fcntl", fd, F_SETFD, FD_CLOEXEC);
      for (const fd of [theirs, status, file]) syscall("close", fd);
    }
    syscall("fcntl", this.#status, F_SETFL, O_NONBLOCK);
    reactor().watch(this.#status, EPOLLIN, () => this.drain());
    // The status pipe's end is not the agent's: the sandboxes have it open too.
    this.#pidfd = check(syscall("pidfd_open", this.pid, 0), "pidfd_open");
    reactor().watch(this.#pidfd, EPOLLIN, () => {
      this.drain();
      this.#end();
      this.#reap();
    });
    addEventListener("unload", this.#leave);
  }

  /**
   * Called before the agent is waited for at the end of the program: ends what nobody uses, and tells
   * how much of that is still ending.
   */
  beforeLeaving: () => number = () => 0;

  /**
   * The end of this program: the agent reaps its children, and is reaped here. Otherwise all of them
   * would be left to pid 1, and many a container's reaps nobody. What still runs dies by this
   * program's end and not before, so it is not waited for.
   */
  readonly #leave = (): void => {
    const ending = this.beforeLeaving();
    if (this.#pidfd === undefined || this.#listeners.size > ending) return;
    syscall("close", this.#control);
    rawSyscall(SYS.ppoll, words(pollfd(this.#pidfd, POLLIN)), 1, words(LEAVE_PATIENCE, 0), 0, 8);
    this.#reap();
  };

  /** Whether the agent still runs, as far as is known. */
  get alive(): boolean {
    return this.#alive;
  }

  /** Events that carry this launch number go to `listener`. */
  listen(launch: number, listener: EventListener): void {
    this.#listeners.set(launch, listener);
  }

  /** Ends {@linkcode listen}. */
  unlisten(launch: number): void {
    this.#listeners.delete(launch);
  }

  /** Hands the agent an outside program that lies in the arena, with the launch's descriptors. */
  request(slot: Slot, length: number, fds: readonly number[]): void {
    const body = new Uint8Array(new BigUint64Array([BigInt(slot.offset), BigInt(length)]).buffer);
    let result = send(this.#control, body, fds, MSG_DONTWAIT);
    while (result === -ERRNO.EAGAIN) {
      // The agent has much to do, and may itself wait until its events are read. So both are waited
      // for; a plain blocking send could wait for an agent that waits for this program.
      this.drain();
      if (!this.#alive) break;
      rawSyscall(SYS.ppoll, this.#both, 2, 0, 0, 8);
      result = send(this.#control, body, fds, MSG_DONTWAIT);
    }
    if (result === -ERRNO.EPIPE || result === -ERRNO.ECONNRESET) {
      this.#end();
      throw new SandboxError("The agent process was killed; its sandboxes ended with it");
    }
    check(result, "sendmsg", { path: "the agent's socket" });
  }

  /** Where its events come in, for whoever hands that over. */
  get status(): number {
    return this.#status;
  }

  /**
   * Lets go of it: it has become another program, or ends by this. Nobody is told, but it is still
   * taken off the kernel's list at its end.
   */
  abandon(): void {
    if (!this.#alive) return;
    this.#alive = false;
    removeEventListener("unload", this.#leave);
    reactor().unwatch(this.#status);
    syscall("close", this.#status);
    syscall("close", this.#control);
    this.arena.close();
    this.#reap();
  }

  /** Reads and delivers all events that have arrived. */
  drain(): void {
    const buffer = this.#buffer;
    while (this.#alive) {
      const count = rawSyscall(SYS.read, this.#status, buffer, buffer.length);
      if (count === 0) return this.#end();
      if (count < 0) return;
      // All of them before the first is delivered: a listener may come back here.
      const events: AgentEvent[] = [];
      for (let at = 0; at + EVENT_SIZE <= count; at += EVENT_SIZE) {
        events.push(decodeEvent(buffer, at));
      }
      for (const event of events) (this.#listeners.get(event.launch) ?? this.#orphans)(event);
      if (count < buffer.length) return;
    }
  }

  #end(): void {
    if (!this.#alive) return;
    this.abandon();
    this.#gone();
  }

  /** Takes the ended agent off the kernel's list, for nobody else waits for it. */
  #reap(): void {
    if (this.#pidfd === undefined) return;
    const siginfo = new Int32Array(32);
    rawSyscall(SYS.waitid, P_PIDFD, this.#pidfd, siginfo, WEXITED | WNOHANG, 0);
    // It has let go of its descriptors, but may not have ended yet; then its pidfd will tell.
    if (siginfo[SIGINFO_PID] === 0) return;
    reactor().close(this.#pidfd);
    this.#pidfd = undefined;
  }
}
