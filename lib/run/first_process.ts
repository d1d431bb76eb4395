/**
 * A sandbox's first process from its making to the moment when a launch tells it what it is for.
 * It has its namespaces by then and knows nothing of the launch, so it may have been made before
 * there was one: see `spares.ts`.
 *
 * @module
 */

import type { Slot } from "../agent/arena.ts";
import type { Program } from "../agent/assembler.ts";
import { type AgentEvent, decodeEvent, EVENT_SIZE, EventKind } from "../agent/event.ts";
import { receive, send } from "../agent/fd_passing.ts";
import { type Assignment, encodeAssignment } from "../plan/assignment.ts";
import { patchLaunch } from "../plan/program_parts.ts";
import { ERRNO } from "../sys/abi/errno.ts";
import { AF_UNIX, SHUT_WR, SOCK_CLOEXEC, SOCK_SEQPACKET } from "../sys/abi/socket.ts";
import { check, rawSyscall, syscall } from "../sys/libc.ts";
import { SYS } from "../sys/syscall_numbers.ts";
import { nextLaunchNumber, type Supervised, type Supervisor } from "./supervisor.ts";

const buffer = new Uint8Array(EVENT_SIZE);

/** A process that waits for its launch. Whoever takes it owns its descriptors and its slot. */
export class FirstProcess implements Supervised {
  /** The number of the launch that it will belong to. */
  readonly number = nextLaunchNumber();
  /** The end of its socket that nobody else holds: its hang-up ends the process. */
  readonly socket: number;
  /** Where the program lies that makes it. */
  readonly slot: Slot;
  /** What was told about it before anybody took it, and is for whoever does. */
  readonly events: AgentEvent[] = [];
  /** The ends of its processes that were told by then. */
  readonly reaped: AgentEvent[] = [];
  /** What its socket told by then, with the descriptors that came along. */
  readonly messages: { readonly event: AgentEvent; readonly fds: readonly number[] }[] = [];
  #pid: number | undefined;
  #gone = false;
  #unwanted = false;
  #released = false;
  readonly #supervisor: Supervisor;

  /** Has the agent make it. `fds` are what the outside program wants besides the socket. */
  constructor(supervisor: Supervisor, outside: Program, fds: readonly number[]) {
    this.#supervisor = supervisor;
    const { agent } = supervisor;
    const pair = new Int32Array(2);
    check(syscall("socketpair", AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), "socketpair");
    this.socket = pair[0]!;
    const theirs = pair[1]!;
    this.slot = agent.arena.take(outside.bytes.length);
    try {
      patchLaunch(outside, this.number);
      agent.arena.write(outside.bytes, this.slot.offset);
      supervisor.add(this);
      agent.request(this.slot, outside.bytes.length, [theirs, ...fds]);
    } catch (error) {
      supervisor.remove(this);
      agent.arena.give(this.slot);
      syscall("close", this.socket);
      throw error;
    } finally {
      syscall("close", theirs);
    }
  }

  /** Whether its end is known. */
  get isGone(): boolean {
    return this.#gone || this.events.length > 0;
  }

  /** Tells it what it is for. False if it has ended; throws if a stream is no descriptor. */
  assign(assignment: Assignment, stdio: readonly [number, number, number]): boolean {
    const sent = send(this.socket, encodeAssignment(assignment), stdio);
    if (sent === -ERRNO.EPIPE || sent === -ERRNO.ECONNRESET) return false;
    check(sent, "sendmsg", { path: "the sandbox's socket" });
    return true;
  }

  /** Ends it: nobody wants it any more. Whether that is done already; otherwise it follows. */
  discard(): boolean {
    this.#unwanted = true;
    // It reads that as the host program's end. This end stays open until the process is known, for
    // only then has the agent read the program, and its place may be used again.
    if (!this.#released) {
      rawSyscall(SYS.shutdown, this.socket, SHUT_WR);
      this.drain();
      if (this.#pid !== undefined || this.isGone) this.#letGo();
    }
    return this.#released;
  }

  #letGo(): void {
    if (this.#released) return;
    this.#released = true;
    this.#supervisor.remove(this, this.#pid === undefined ? [] : [this.#pid]);
    this.#supervisor.agent.arena.give(this.slot);
    syscall("close", this.socket);
    for (const fd of this.messages.flatMap(({ fds }) => fds)) syscall("close", fd);
  }

  get isWaitingForPids(): boolean {
    return this.#pid === undefined;
  }

  drain(): void {
    while (this.#pid === undefined) {
      const { length, fds } = receive(this.socket, buffer);
      if (length <= 0) return;
      const event = decodeEvent(buffer);
      this.messages.push({ event, fds });
      this.#supervisor.owns(event.pid, this);
      if (event.kind === EventKind.FIRST) this.#pid = event.pid;
    }
    if (this.#unwanted) this.#letGo();
  }

  onEvent(event: AgentEvent): void {
    this.events.push(event);
    if (this.#unwanted) this.#letGo();
  }

  onReaped(event: AgentEvent): void {
    this.reaped.push(event);
    this.onAgentGone();
  }

  onAgentGone(): void {
    this.#gone = true;
    if (this.#unwanted) this.#letGo();
  }
}
