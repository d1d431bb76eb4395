/**
 * One further command in a running sandbox, from the request to the agent to its end. It owns its
 * socket, its pidfds and its slot in the arena.
 *
 * @module
 */

import type { Slot } from "../../agent/arena.ts";
import type { Program } from "../../agent/assembler.ts";
import { type AgentEvent, EventKind, type RawUsage } from "../../agent/event.ts";
import { reactor } from "../../agent/reactor.ts";
import { SandboxError } from "../../errors.ts";
import { patchLaunch } from "../../plan/program_parts.ts";
import type { Step } from "../../plan/step.ts";
import { ERRNO } from "../../sys/abi/errno.ts";
import { SIGNALS } from "../../sys/abi/signal.ts";
import { AF_UNIX, SOCK_CLOEXEC, SOCK_SEQPACKET } from "../../sys/abi/socket.ts";
import { check, syscall } from "../../sys/libc.ts";
import { failure } from "../diagnose.ts";
import { LaunchProcesses } from "../launch_processes.ts";
import { LaunchSocket } from "../launch_socket.ts";
import { nextLaunchNumber, type Supervised, type Supervisor } from "../supervisor.ts";

/** What a joiner is made of. */
export interface JoinerInit {
  /** Assembled; the number is written into it. */
  readonly program: Program;
  readonly steps: readonly Step[];
  /** What the program wants besides its socket. */
  readonly fds: readonly number[];
  /** The filter's listener, if it asks. */
  readonly listener?: (fd: number) => void;
}

/** How it ended. */
export interface JoinEnd {
  /** The raw wait status. */
  readonly status: number;
  readonly usage: RawUsage;
}

/** The sandbox ended while it was entered: its pid namespace takes in nobody any more. */
const TOO_LATE = new Set<number>([ERRNO.ENOMEM, ERRNO.ENODEV]);

/** One entry. */
export class Joiner implements Supervised {
  readonly number: number = nextLaunchNumber();
  /** Resolves when the command runs; rejects when it never will. */
  readonly started: Promise<void>;
  /** Resolves when the command has ended. */
  readonly ended: Promise<JoinEnd>;
  readonly #init: JoinerInit;
  readonly #supervisor: Supervisor;
  readonly #start = Promise.withResolvers<void>();
  readonly #end = Promise.withResolvers<JoinEnd>();
  readonly #socket: LaunchSocket;
  readonly #processes = new LaunchProcesses();
  readonly #descriptors: number[] = [];
  #slot: Slot | undefined;
  #commandPid: number | undefined;
  #reaped: AgentEvent | undefined;
  #error: Error | undefined;
  #hasStarted = false;
  #killed = false;
  #over = false;

  /** Hands the program to the agent. */
  constructor(supervisor: Supervisor, init: JoinerInit) {
    this.#init = init;
    this.#supervisor = supervisor;
    this.started = this.#start.promise;
    this.ended = this.#end.promise;
    this.started.catch(() => {});
    this.ended.catch(() => {});
    const { agent } = supervisor;
    const { program, fds } = init;
    const pair = new Int32Array(2);
    check(syscall("socketpair", AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), "socketpair");
    this.#socket = new LaunchSocket(pair[0]!, (event, got) => this.#told(event, got), () => {});
    const slot = this.#slot = agent.arena.take(program.bytes.length);
    try {
      patchLaunch(program, this.number);
      agent.arena.write(program.bytes, slot.offset);
      supervisor.add(this);
      reactor().hold();
      try {
        agent.request(slot, program.bytes.length, [pair[1]!, ...fds]);
      } catch (error) {
        reactor().release();
        throw error;
      }
    } catch (error) {
      supervisor.remove(this);
      agent.arena.give(slot);
      this.#socket.close();
      throw error;
    } finally {
      syscall("close", pair[1]!);
    }
    // Calls of its own can wait for the one who listens.
    if (init.listener) this.#socket.watch(true);
  }

  /** The command's pid on the host, as long as it lives. */
  get pid(): number | undefined {
    this.drain();
    return this.#processes.pidOf("command");
  }

  /** A descriptor that was made inside: a terminal. */
  takeDescriptor(): number | undefined {
    this.drain();
    return this.#descriptors.shift();
  }

  /** Sends the command a signal. */
  signal(number: number): void {
    this.drain();
    if (this.#over || !this.#processes.has("command")) {
      throw new TypeError("The command has ended already");
    }
    this.#processes.signal("command", number);
  }

  /** Kills it. `reason` becomes the error, if the command was not running yet. */
  kill(reason?: Error): void {
    if (this.#over || this.#killed) return;
    this.drain();
    if (this.#over) return;
    this.#killed = true;
    if (!this.#hasStarted && reason) this.#error ??= reason;
    this.#killNow();
  }

  #killNow(): void {
    this.#processes.signal("command", SIGNALS.SIGKILL);
    this.#processes.signal("first", SIGNALS.SIGKILL);
    if (!this.#processes.has("first")) this.#socket.watch();
  }

  get isWaitingForPids(): boolean {
    return !this.#processes.has("first") || this.#commandPid === undefined;
  }

  drain(): void {
    this.#socket.drain();
  }

  #told(event: AgentEvent, fds: readonly number[]): void {
    if (event.kind === EventKind.FIRST) {
      this.#processes.add("first", event.pid, fds[0]!);
      this.#supervisor.owns(event.pid, this);
      // The agent has read the program by now.
      this.#giveSlot();
    } else if (event.kind === EventKind.COMMAND) {
      // Told twice: when it is made, and with its pidfd when it has been executed.
      if (this.#commandPid === undefined) this.#supervisor.owns(event.pid, this);
      this.#commandPid = event.pid;
      if (fds.length > 0) this.#processes.setCommand(fds[0]!);
    } else if (event.kind === EventKind.DESCRIPTOR) this.#descriptors.push(fds[0]!);
    else if (event.kind === EventKind.LISTENER) {
      if (this.#init.listener && !this.#over) this.#init.listener(fds[0]!);
      else syscall("close", fds[0]!);
    }
    if (this.#killed) this.#killNow();
  }

  onEvent(event: AgentEvent): void {
    if (event.kind === EventKind.FAILED) {
      const late = TOO_LATE.has(event.errno) && event.step === 0;
      const step = this.#init.steps[event.step - 1];
      this.#error ??= late
        ? new SandboxError("The sandbox ended while it was entered")
        : failure(event, step);
      this.drain();
      // The agent failed before it made anybody.
      if (!this.#processes.has("first")) this.#finish();
    } else if (event.kind === EventKind.STARTED) {
      this.drain();
      if (this.#error !== undefined) return;
      this.#hasStarted = true;
      this.#start.resolve();
    }
  }

  onReaped(event: AgentEvent): void {
    this.drain();
    this.#processes.remove(event.pid);
    if (event.pid === this.#commandPid) this.#reaped = event;
    // One that never told of a command has failed, or was killed.
    const alone = this.#processes.alive.size === 0 && this.#commandPid === undefined;
    if (this.#reaped !== undefined || alone) this.#finish();
  }

  onAgentGone(): void {
    this.#error ??= new SandboxError("The agent process was killed; its sandboxes ended with it");
    this.drain();
    this.#finish();
  }

  #giveSlot(): void {
    if (this.#slot !== undefined) this.#supervisor.agent.arena.give(this.#slot);
    this.#slot = undefined;
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#supervisor.remove(this, this.#processes.alive);
    const error = this.#error ??
      (this.#reaped === undefined
        ? new SandboxError("The sandbox ended while it was entered")
        : undefined);
    if (error !== undefined) {
      this.#start.reject(error);
      this.#end.reject(error);
      for (const fd of this.#descriptors.splice(0)) syscall("close", fd);
    } else {
      this.#start.resolve();
      this.#end.resolve({ status: this.#reaped!.status, usage: this.#reaped!.usage });
    }
    this.#giveSlot();
    this.#socket.close();
    this.#processes.close();
    reactor().release();
  }
}
