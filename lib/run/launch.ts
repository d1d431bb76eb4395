/**
 * One launch: from a description to a running command, and on to its end. It owns the sandbox's
 * socket, its pidfds and its slots in the arena, and lets go of them exactly once.
 *
 * @module
 */

import type { Slot } from "../agent/arena.ts";
import { type AgentEvent, EventKind } from "../agent/event.ts";
import { reactor } from "../agent/reactor.ts";
import { SandboxError } from "../errors.ts";
import { encodeAssignment } from "../plan/assignment.ts";
import type { CommandLine } from "../plan/command_steps.ts";
import { Barrier } from "../plan/launch_shape.ts";
import type { PlannedLaunch } from "../plan/launch_choices.ts";
import { executeStep } from "../plan/plan.ts";
import { EXECUTE_STEP } from "../plan/program.ts";
import type { Step } from "../plan/step.ts";
import type { SandboxSpec } from "../spec.ts";
import { ERRNO } from "../sys/abi/errno.ts";
import { check, syscall } from "../sys/libc.ts";
import type { Barriers, WaitingLaunch } from "./barriers.ts";
import {
  commandAssignment,
  commandProgram,
  compile,
  type Compiled,
  type LaunchFlags,
} from "./compiled.ts";
import { failure } from "./diagnose.ts";
import { assignFirst } from "./first_assignment.ts";
import type { FirstProcess } from "./first_process.ts";
import type { Ending, LaunchHandOver, LaunchInit } from "./launch_init.ts";
import { LaunchProcesses } from "./launch_processes.ts";
import { LaunchSocket } from "./launch_socket.ts";
import { keepSpare } from "./spares.ts";
import type { Supervision } from "./supervision.ts";
import { type Supervised, type Supervisor, supervisor } from "./supervisor.ts";

interface Deferred<T> {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (reason: unknown) => void;
}

/** One launch. */
export class Launch implements Supervised {
  readonly number: number;
  /** Resolves when the command runs; rejects when it never will. */
  readonly started: Promise<void>;
  /** Resolves when everything inside has ended; rejects when the launch failed. */
  readonly ended: Promise<Ending>;
  /** Resolves when a sandbox that is told its command later waits for it. */
  readonly ready: Promise<void>;
  /** The description with absolute paths; hooks may have added to it. */
  spec: SandboxSpec;
  /** Optional mounts whose source was not there, or what they were to cover. */
  readonly skipped: string[];
  /** The plan that is carried out. */
  plan: PlannedLaunch;
  readonly #init: LaunchInit;
  readonly #supervisor: Supervisor;
  readonly #start: Deferred<void> = Promise.withResolvers();
  readonly #end: Deferred<Ending> = Promise.withResolvers();
  readonly #ready: Deferred<void> = Promise.withResolvers();
  readonly #socket: LaunchSocket;
  readonly #compiled: Compiled;
  #commandLine: CommandLine | undefined;
  #isHeld = false;
  #shape: string | undefined;
  #slots: Slot[] = [];
  readonly #processes = new LaunchProcesses();
  #result: AgentEvent | undefined;
  #reaped: AgentEvent | undefined;
  #error: Error | undefined;
  #over = false;
  #hasStarted = false;
  readonly #descriptors: number[] = [];
  /** What the sandbox can be entered by, if it handed that out. */
  readonly #held: number[] = [];
  #barriers: Barriers | undefined;
  /** What the filter's listener goes by, if there will be one. */
  readonly #judge: Uint8Array | undefined;
  #supervision: Supervision | undefined;
  #killed = false;

  /** Plans, assembles, and hands the launch to the agent. Throws if it cannot even begin. */
  constructor(init: LaunchInit) {
    this.#init = init;
    this.started = this.#start.promise;
    this.ended = this.#end.promise;
    this.ready = this.#ready.promise;
    // Whoever awaits one of them may not await the other.
    this.started.catch(() => {});
    this.ended.catch(() => {});
    this.ready.catch(() => {});
    const { agent } = this.#supervisor = init.supervisor ?? supervisor();
    const { hooks, facts, fault } = init;
    const flags: LaunchFlags = {
      preMount: hooks.has("preMount"),
      networkSetup: hooks.has("networkSetup"),
      reportStart: init.reportStart,
      commandLater: init.command === undefined,
      detached: init.supervisor !== undefined,
      handOut: init.handOut,
      cgroup: init.cgroup?.layout,
      hasHandler: init.supervise?.hasHandler ?? false,
    };
    const compiled = this.#compiled = compile(init.spec, facts, flags, agent.boot, fault);
    this.spec = compiled.spec;
    this.skipped = [...compiled.skipped];
    this.plan = compiled.plan;
    this.#judge = compiled.judge;
    this.#commandLine = init.command?.(this.spec);

    const { first, slot, shape } = assignFirst(this.#supervisor, init, compiled, this.#commandLine);
    this.number = first.number;
    this.#socket = new LaunchSocket(
      first.socket,
      (event, fds) => this.#told(event, fds),
      () => this.#hangUp(),
    );
    this.#slots.push(first.slot, slot);
    this.#hold();
    this.#adopt(first);
    this.#shape = shape;
    // The listener comes when nothing is waited for, and calls wait for it.
    if (this.#judge) this.#socket.watch(true);
    else if (this.plan.asPid1 && init.reportStart) this.#socket.watch();
  }

  /** From now on what is told about this process is this launch's. */
  #adopt(first: FirstProcess): void {
    this.#supervisor.remove(first);
    this.#supervisor.add(this);
    for (const { event, fds } of first.messages) this.#told(event, fds);
    for (const event of first.events) this.onEvent(event);
    for (const event of first.reaped) this.onReaped(event);
  }

  /** Who serves what its filter asks about, if anybody does. */
  get supervision(): Supervision | undefined {
    return this.#supervision;
  }

  /** The program stays alive for this launch. */
  #hold(): void {
    if (this.#isHeld) return;
    this.#isHeld = true;
    reactor().hold();
  }

  #release(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    reactor().release();
  }

  /** Whether everything has ended. */
  get isOver(): boolean {
    return this.#over;
  }

  /** Tells the command to a sandbox that waits for it, or will. */
  command(line: CommandLine, stdio: readonly [number, number, number]): void {
    if (this.#over) return;
    this.#hold();
    const { agent } = this.#supervisor;
    const { bytes } = commandProgram(this.#compiled, line, this.#init.fault);
    const slot = agent.arena.take(bytes.length);
    this.#slots.push(slot);
    agent.arena.write(bytes, slot.offset);
    this.#commandLine = line;
    const body = encodeAssignment(commandAssignment(slot.offset, bytes.length));
    const sent = this.#socket.trySend(body, stdio);
    // Of one that has ended it is told elsewhere why.
    if (sent !== -ERRNO.EPIPE && sent !== -ERRNO.ECONNRESET) {
      check(sent, "sendmsg", { path: "the sandbox's socket" });
    }
  }

  /** The command's pid on the host, once it runs. */
  get pid(): number | undefined {
    this.drain();
    return this.plan.asPid1 ? this.#processes.firstPid : this.#processes.pidOf("command");
  }

  /** The sandbox's first process, as the host numbers it. */
  get firstPid(): number | undefined {
    if (!this.#processes.has("first")) this.drain();
    return this.#processes.firstPid;
  }

  /** A descriptor that the set-up made inside and handed out, e.g. a terminal. */
  takeDescriptor(): number | undefined {
    if (this.#descriptors.length === 0) this.drain();
    return this.#descriptors.shift();
  }

  /** What the sandbox can be entered by, until it ends; whoever takes it out closes it. */
  get held(): number[] {
    if (this.#held.length === 0) this.drain();
    return this.#held;
  }

  /** Closes what the set-up handed out and nobody takes. */
  closeDescriptors(): void {
    for (const fd of this.#descriptors.splice(0)) syscall("close", fd);
  }

  /**
   * Lets go of a command that runs, without ending it: another process has taken over its socket, and
   * will reap it.
   */
  disown(): void {
    if (this.#over) return;
    this.#over = true;
    this.#processes.calm();
    this.#supervisor.remove(this, this.#processes.alive);
    this.#letGo();
    this.closeDescriptors();
    this.#release();
  }

  /** What somebody needs who takes it over: descriptors that stay this launch's, and what is known. */
  handOver(): LaunchHandOver | undefined {
    this.#supervisor.agent.drain();
    this.drain();
    const first = this.#processes.descriptor("first");
    const command = this.plan.asPid1 ? first : this.#processes.descriptor("command");
    if (this.#over) return undefined;
    if (first === undefined || command === undefined) {
      throw new SandboxError("The sandbox's processes are not known yet");
    }
    return { socket: this.#socket.fd, first, command, result: this.#result };
  }

  /** Sends a signal to the command. */
  signal(number: number): void {
    this.drain();
    const role = this.plan.asPid1 ? "first" : "command";
    if (this.#over || !this.#processes.has(role)) {
      throw new TypeError("The command has ended already");
    }
    this.#processes.signal(role, number);
  }

  /** Kills everything inside. `reason` becomes the error, if the command was not running yet. */
  kill(reason?: Error): void {
    if (this.#over || this.#killed) return;
    this.drain();
    if (this.#over) return;
    this.#killed = true;
    // One that waits for its command is not waited for itself.
    this.#hold();
    // The command's pidfd comes when it has been executed, also to those who did not ask to know.
    const runs = this.#hasStarted || this.#processes.has("command");
    if (reason && !runs) this.#error ??= reason;
    this.#socket.fail(reason ?? new SandboxError("The sandbox was killed"));
    this.#killNow();
  }

  #killNow(): void {
    // A frozen process of cgroup v1 does not even die.
    this.#init.cgroup?.cgroup.letDie();
    this.#processes.kill(this.#processes.has("command") && !this.plan.asPid1);
    // The agent may not have come to the clone yet; its message then tells whom to kill.
    if (!this.#processes.has("first")) this.#socket.watch();
  }

  /** Whether the socket could tell of processes that are not known yet. */
  get isWaitingForPids(): boolean {
    return !this.#processes.has("first") || (this.plan.staged && !this.#processes.has("stage"));
  }

  /** Reads what the socket holds: processes, descriptors, answers to hooks. */
  drain(): void {
    this.#socket.drain();
  }

  #told(event: AgentEvent, fds: readonly number[]): void {
    if (event.kind === EventKind.COMMAND) this.#processes.setCommand(fds[0]!);
    else if (event.kind === EventKind.FIRST) this.#own("first", event.pid, fds[0]!);
    else if (event.kind === EventKind.STAGE) this.#own("stage", event.pid, fds[0]!);
    else if (event.kind === EventKind.DESCRIPTOR) this.#descriptors.push(fds[0]!);
    else if (event.kind === EventKind.HELD) this.#held.push(...fds);
    else if (event.kind === EventKind.LISTENER) this.#supervise(fds[0]!);
  }

  #supervise(listener: number): void {
    if (this.#over) syscall("close", listener);
    else this.#supervision = this.#init.supervise?.start(listener, this.#judge!);
  }

  #own(role: "first" | "stage", pid: number, pidfd: number): void {
    this.#processes.add(role, pid, pidfd);
    this.#supervisor.owns(pid, this);
    if (this.#killed) this.#killNow();
  }

  /** The sandbox's end is closed: pid 1 has become the command, or everything is over. */
  #hangUp(): void {
    if (!this.plan.asPid1) return;
    // Later, for the agent's events may be just being delivered: a failure among them comes first.
    queueMicrotask(() => {
      if (this.#over) return;
      this.#supervisor.agent.drain();
      if (this.#error === undefined && !this.#over) this.#running();
    });
  }

  onEvent(event: AgentEvent): void {
    if (event.kind === EventKind.STARTED) {
      this.drain();
      if (this.#error === undefined) this.#running();
    } else if (event.kind === EventKind.FAILED) {
      this.#error ??= failure(event, this.#stepOf(event.step));
      this.drain();
      // Before the clone there is nobody whose end could be waited for.
      if (this.#processes.alive.size === 0) return this.#finish();
      // Whoever failed ends by itself, but whoever waits for what it was to do would go on waiting.
      this.#killed = true;
      this.#killNow();
    } else if (event.kind === EventKind.LEFT) {
      this.#error ??= new SandboxError(
        "Processes that the command left behind could not be ended: it has lowered the limits of its supervisor; give the sandbox its own pid namespace",
      );
    } else if (event.kind === EventKind.TRACED) {
      this.#init.tracing?.step(event, this.#stepOf(event.step));
    } else if (event.kind === EventKind.SKIPPED) {
      this.skipped.push(this.#stepOf(event.step)!.paths!.dest!);
    } else if (event.kind === EventKind.BARRIER && event.pid === Barrier.COMMAND) {
      // An idle sandbox does not keep the program alive.
      if (this.#commandLine === undefined && !this.#killed) this.#release();
      this.#ready.resolve();
    } else if (event.kind === EventKind.BARRIER) {
      this.drain();
      this.#atBarrier(event.pid).catch((error) => this.kill(error));
    } else if (event.kind === EventKind.RESULT) {
      this.#result = event;
      // Nobody is left inside but pid 1, which is about to end; the kernel frees the namespaces. A
      // filesystem of a device is in use until then, and would be busy for the next one.
      const { mounts } = this.spec;
      if (!mounts.some(({ kind }) => kind === "filesystem") || this.firstPid === undefined) {
        this.#finish();
      }
    }
  }

  #stepOf(number: number): Step | undefined {
    if (number === EXECUTE_STEP && this.#commandLine) {
      return executeStep(this.plan, this.#commandLine);
    }
    return this.plan.steps[number - 1];
  }

  #running(): void {
    this.#hasStarted = true;
    this.#init.tracing?.started();
    this.#giveSlots();
    this.#keepSpare();
    this.#start.resolve();
  }

  onReaped(event: AgentEvent): void {
    this.#processes.remove(event.pid);
    if (event.pid === this.#processes.firstPid) this.#reaped = event;
    this.drain();
    if (this.#processes.alive.size > 0) return;
    // The process in between may be reaped before the one it made is known; its status tells.
    if (!this.#processes.has("first") && this.#error === undefined) {
      this.#error = new SandboxError("The sandbox's set-up was killed before it had a process");
    }
    this.#finish();
  }

  onAgentGone(): void {
    this.#error ??= new SandboxError("The agent process was killed; its sandboxes ended with it");
    // Whoever was between two credentials did not get the signal of its parent's death.
    this.drain();
    this.#killed = true;
    this.#killNow();
    this.#socket.close();
    this.#finish();
  }

  /** Whether nobody has ended what the command left behind: no pid namespace, cgroup, or supervisor. */
  #mayHaveLeft(): boolean {
    const { ownsPids, asPid1, cgroup } = this.plan;
    if (ownsPids || asPid1 || cgroup?.places[0]?.version === 2) return false;
    // It may have been killed too early to tell of the command.
    return this.#result === undefined && (this.#processes.has("command") || !this.#killed);
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#mayHaveLeft()) {
      this.#error ??= new SandboxError(
        "The sandbox's supervisor was killed, and what the command started may live on; give the sandbox its own pid namespace",
      );
    }
    this.#processes.calm();
    this.#supervisor.remove(this, this.#processes.alive);
    const ending = this.#result ?? this.#reaped;
    if (this.#error !== undefined || ending === undefined) {
      const error = this.#error ?? new SandboxError("The sandbox ended without a word");
      this.#socket.fail(error);
      this.#start.reject(error);
      this.#end.reject(error);
      this.#ready.reject(error);
    } else {
      this.#keepSpare();
      this.#start.resolve();
      this.#end.resolve({ status: ending.status, usage: ending.usage });
    }
    this.#letGo();
    this.#release();
  }

  /** The next launch of this shape finds its first process made. */
  #keepSpare(): void {
    const shape = this.#shape;
    this.#shape = undefined;
    if (shape !== undefined) keepSpare(this.#supervisor, shape, this.#compiled.programs.outside);
  }

  #giveSlots(): void {
    const { agent } = this.#supervisor;
    for (const slot of this.#slots.splice(0)) agent.arena.give(slot);
  }

  #letGo(): void {
    this.#giveSlots();
    this.#supervision?.close();
    this.#socket.close();
    this.#processes.close();
    for (const fd of this.#held.splice(0)) syscall("close", fd);
    // A terminal is still to be taken where the command has started, and ended in the same moment.
    if (this.#error !== undefined || !this.#hasStarted) this.closeDescriptors();
  }

  // What few launches need is loaded when one does: a plain `paddock run` is quicker to start.
  async #atBarrier(code: number): Promise<void> {
    const { Barriers } = await import("./barriers.ts");
    this.#barriers ??= new Barriers(this.#waiting());
    await this.#barriers.at(code);
  }

  /** What the barriers need of this launch. */
  #waiting(): WaitingLaunch {
    const { agent } = this.#supervisor;
    const { setup, externals } = this.#compiled.programs.inside();
    return {
      init: this.#init,
      number: this.number,
      spec: this.spec,
      plan: this.plan,
      replanned: (spec, plan, skipped) => {
        this.skipped.push(...skipped);
        this.spec = spec;
        this.plan = plan;
      },
      setup,
      externals,
      boot: agent.boot,
      firstProcess: () => this.#knownPid(),
      send: (message, fds) => this.#socket.send(message, fds),
      exchange: (message) => this.#socket.exchange(message),
      place: (program) => {
        const slot = agent.arena.take(program.bytes.length);
        this.#slots.push(slot);
        agent.arena.write(program.bytes, slot.offset);
        return slot.offset;
      },
    };
  }

  /** The agent tells of a process it has made while that may be at its first barrier already. */
  async #knownPid(): Promise<number> {
    for (;;) {
      const pid = this.firstPid;
      if (pid !== undefined) return pid;
      if (this.#over) throw new SandboxError("The sandbox's first process was lost");
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  }
}
