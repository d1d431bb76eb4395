/**
 * One launch: from a description to a running command, and on to its end. It owns the sandbox's
 * socket, its pidfds and its slot in the arena, and lets go of them exactly once.
 *
 * @module
 */

import type { Slot } from "../agent/arena.ts";
import type { Program } from "../agent/assembler.ts";
import { requestFd } from "../agent/boot.ts";
import {
  type AgentEvent,
  decodeEvent,
  EVENT_SIZE,
  EventKind,
  type RawUsage,
} from "../agent/event.ts";
import { receive, send } from "../agent/fd_passing.ts";
import { HOOK_SIZE } from "../agent/layout.ts";
import { reactor } from "../agent/reactor.ts";
import type { CgroupSession } from "../cgroup/session.ts";
import { SandboxError } from "../errors.ts";
import type { MountSpec, SandboxSpec } from "../spec.ts";
import type { Inside } from "../hook.ts";
import { encodeAssignment } from "../plan/assignment.ts";
import type { CommandLine } from "../plan/command_steps.ts";
import type { HostFacts } from "../plan/facts.ts";
import { isCaller, sourceDescriptors } from "../plan/mounts/sources.ts";
import { executeStep, planLaunch, type PlannedLaunch } from "../plan/plan.ts";
import { Answer, Barrier, type Fault } from "../plan/launch_shape.ts";
import { EXECUTE_STEP } from "../plan/program.ts";
import { optionalParts } from "../plan/optional_parts.ts";
import { patchLaunch } from "../plan/program_parts.ts";
import { restProgram } from "../plan/setup_program.ts";
import type { Step } from "../plan/step.ts";
import { ERRNO } from "../sys/abi/errno.ts";
import { EPOLLIN } from "../sys/abi/poll.ts";
import { SIGNALS } from "../sys/abi/signal.ts";
import { check, rawSyscall, syscall } from "../sys/libc.ts";
import { SYS } from "../sys/syscall_numbers.ts";
import {
  assignment,
  commandAssignment,
  commandProgram,
  compile,
  type Compiled,
  type LaunchFlags,
  spareShape,
  stamp,
} from "./compiled.ts";
import { failure } from "./diagnose.ts";
import { launchFilter } from "./filters.ts";
import { FirstProcess } from "./first_process.ts";
import type { HookRunner } from "./hooks.ts";
import type { Supervision } from "./supervision.ts";
import { openJoins } from "./joins.ts";
import { resolveSpec } from "./resolve.ts";
import { dismiss, keepSpare, takeSpare } from "./spares.ts";
import { type Supervised, type Supervisor, supervisor } from "./supervisor.ts";

/** What a launch is made of. */
export interface LaunchInit {
  /** The description, not yet resolved. */
  spec: SandboxSpec;
  facts: HostFacts;
  /** Makes the command line for the resolved description; without, it comes by {@linkcode Launch.command}. */
  command?: (spec: SandboxSpec) => CommandLine;
  /** The sandbox's standard input, output and error. */
  stdio: readonly [number, number, number];
  hooks: HookRunner;
  /** The caller waits for the start. */
  reportStart: boolean;
  /** The cgroup that the agent is to make. */
  cgroup?: CgroupSession;
  /** Serves what the filter asks about. */
  supervise?: {
    readonly hasHandler: boolean;
    start(listener: number, judge: Uint8Array): Supervision;
  };
  /** For tests: a system call that is to fail. */
  fault?: Fault;
}

/** How a launch ended. */
export interface Ending {
  /** The raw wait status of the command, or of what stood for it. */
  status: number;
  usage: RawUsage;
}

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
  /** Optional mounts whose source was not there. */
  readonly skipped: readonly string[];
  /** The plan that is carried out. */
  plan: PlannedLaunch;
  readonly #init: LaunchInit;
  readonly #supervisor: Supervisor;
  readonly #start: Deferred<void> = Promise.withResolvers();
  readonly #end: Deferred<Ending> = Promise.withResolvers();
  readonly #ready: Deferred<void> = Promise.withResolvers();
  readonly #socket: number;
  readonly #externals: ReadonlyMap<string, number>;
  readonly #compiled: Compiled;
  #commandLine: CommandLine | undefined;
  #isHeld = false;
  #setup: Program;
  readonly #outside: Program;
  #shape: string | undefined;
  #slots: Slot[] = [];
  #firstPid: number | undefined;
  #firstPidfd: number | undefined;
  #commandPidfd: number | undefined;
  #stagePidfd: number | undefined;
  readonly #alivePids = new Set<number>();
  #result: AgentEvent | undefined;
  #reaped: AgentEvent | undefined;
  #error: Error | undefined;
  #over = false;
  #hasStarted = false;
  #holding = true;
  readonly #descriptors: number[] = [];
  /** The barrier that the sandbox waits at. */
  #barrier: number | undefined;
  #answer: ((reply: { bytes: Uint8Array<ArrayBuffer>; fds: number[] }) => void) | undefined;
  #noAnswer: ((error: Error) => void) | undefined;
  /** What the filter's listener goes by, if there will be one. */
  readonly #judge: Uint8Array | undefined;
  #supervision: Supervision | undefined;
  #watching = false;
  #killed = false;
  #patience: ReturnType<typeof setTimeout> | undefined;

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
    const { agent } = this.#supervisor = supervisor();
    const { hooks, facts, fault } = init;
    const flags: LaunchFlags = {
      preMount: hooks.has("preMount"),
      networkSetup: hooks.has("networkSetup"),
      reportStart: init.reportStart,
      commandLater: init.command === undefined,
      cgroup: init.cgroup?.layout,
      hasHandler: init.supervise?.hasHandler ?? false,
    };
    const compiled = this.#compiled = compile(init.spec, facts, flags, agent.boot, fault);
    const { programs } = compiled;
    this.spec = compiled.spec;
    this.skipped = compiled.skipped;
    this.plan = compiled.plan;
    this.#judge = compiled.judge;
    this.#commandLine = init.command?.(this.spec);

    // A program's first launch is often its only one, which a spare would but slow down.
    const shape = fault || launches++ === 0 ? undefined : spareShape(compiled);
    const spare = shape === undefined ? undefined : takeSpare(this.#supervisor, shape);
    // The agent makes its namespaces while the rest is assembled here.
    let first = spare ?? this.#makeFirst(programs.outside);
    let slot: Slot | undefined;
    try {
      const { setup, externals, image } = programs.inside();
      this.#setup = setup;
      this.#externals = externals;
      const command = this.#commandLine && commandProgram(compiled, this.#commandLine, fault).bytes;
      const commandLength = command?.length ?? 0;
      const { offset } = slot = agent.arena.take(image.length + commandLength);
      if (command) agent.arena.write(command, offset + image.length);
      const assign = (process: FirstProcess) => {
        agent.arena.write(stamp(compiled, process.number), offset);
        return process.assign(assignment(compiled, offset, commandLength), init.stdio);
      };
      // Of one just made it is told elsewhere why it has ended.
      if (!assign(first) && first === spare) {
        dismiss(spare);
        first = this.#makeFirst(programs.outside);
        assign(first);
      }
    } catch (error) {
      dismiss(first);
      if (slot) agent.arena.give(slot);
      throw error;
    }
    this.number = first.number;
    this.#socket = first.socket;
    this.#slots.push(first.slot, slot);
    this.#hold();
    this.#adopt(first);
    this.#shape = shape;
    this.#outside = programs.outside;
    // The listener comes when nothing is waited for, and calls wait for it.
    if ((this.plan.asPid1 && init.reportStart) || this.#judge) this.#watch();
  }

  #makeFirst(outside: Program): FirstProcess {
    const joins = openJoins(this.spec);
    try {
      const { cgroup } = this.#init;
      cgroup?.stamp(outside);
      return new FirstProcess(this.#supervisor, outside, [
        ...joins.fds,
        ...sourceDescriptors(this.spec.mounts),
        ...(cgroup ? [cgroup.pipe] : []),
      ]);
    } finally {
      joins.release();
      this.#init.cgroup?.handedOver();
    }
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
    const sent = send(this.#socket, body, stdio);
    // Of one that has ended it is told elsewhere why.
    if (sent !== -ERRNO.EPIPE && sent !== -ERRNO.ECONNRESET) {
      check(sent, "sendmsg", { path: "the sandbox's socket" });
    }
  }

  /** The command's pid on the host, once it runs. */
  get pid(): number | undefined {
    this.drain();
    return this.plan.asPid1 ? this.#firstPid : hostPid(this.#commandPidfd);
  }

  /** The sandbox's first process, as the host numbers it. */
  get firstPid(): number | undefined {
    if (this.#firstPid === undefined) this.drain();
    return this.#firstPid;
  }

  /** A descriptor that the set-up made inside and handed out, e.g. a terminal. */
  takeDescriptor(): number | undefined {
    if (this.#descriptors.length === 0) this.drain();
    return this.#descriptors.shift();
  }

  /** Closes what the set-up handed out and nobody takes. */
  closeDescriptors(): void {
    for (const fd of this.#descriptors.splice(0)) syscall("close", fd);
  }

  /** Sends a signal to the command. */
  signal(number: number): void {
    this.drain();
    const pidfd = this.plan.asPid1 ? this.#firstPidfd : this.#commandPidfd;
    if (this.#over || pidfd === undefined) throw new TypeError("The command has ended already");
    const result = rawSyscall(SYS.pidfd_send_signal, pidfd, number, 0, 0);
    if (result < 0 && result !== -3) check(result, "pidfd_send_signal");
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
    const runs = this.#hasStarted || this.#commandPidfd !== undefined;
    if (reason && !runs) this.#error ??= reason;
    this.#noAnswer?.(reason ?? new SandboxError("The sandbox was killed"));
    this.#killNow();
  }

  #killNow(): void {
    // A frozen process of cgroup v1 does not even die.
    this.#init.cgroup?.cgroup.letDie();
    const kill = (pidfd: number | undefined, signal: number = SIGNALS.SIGKILL) => {
      if (pidfd !== undefined) rawSyscall(SYS.pidfd_send_signal, pidfd, signal, 0, 0);
    };
    if (this.#commandPidfd !== undefined && !this.plan.asPid1) {
      // Its parent then kills what is left, and reports what the command took.
      kill(this.#commandPidfd);
      this.#patience = setTimeout(() => {
        // Without a pid namespace the command could have stopped it.
        kill(this.#firstPidfd, SIGNALS.SIGCONT);
        this.#patience = setTimeout(() => kill(this.#firstPidfd), KILL_PATIENCE);
      }, KILL_PATIENCE);
      return;
    }
    kill(this.#stagePidfd);
    kill(this.#firstPidfd);
    // The agent may not have come to the clone yet; its message then tells whom to kill.
    if (this.#firstPidfd === undefined) this.#watch();
  }

  /** Whether the socket could tell of processes that are not known yet. */
  get isWaitingForPids(): boolean {
    return this.#firstPid === undefined ||
      (this.plan.staged && this.#stagePidfd === undefined);
  }

  /** Reads what the socket holds: processes, descriptors, the result, answers to hooks. */
  drain(): void {
    const buffer = this.#answer ? new Uint8Array(HOOK_SIZE) : shared;
    while (this.#holding) {
      const { length, fds } = receive(this.#socket, buffer);
      if (length <= 0) {
        if (length === 0) this.#hangUp();
        return;
      }
      const event = decodeEvent(buffer.length >= EVENT_SIZE ? buffer : shared);
      if (event.kind === 0 && this.#answer) {
        this.#answer({ bytes: buffer.slice(0, length), fds });
      } else this.#told(event, fds);
    }
  }

  #told(event: AgentEvent, fds: readonly number[]): void {
    if (event.kind === EventKind.COMMAND) this.#commandPidfd = fds[0];
    else if (event.kind === EventKind.FIRST) this.#first(event.pid, fds[0]!);
    else if (event.kind === EventKind.STAGE) this.#stage(event.pid, fds[0]!);
    else if (event.kind === EventKind.DESCRIPTOR) this.#descriptors.push(fds[0]!);
    else if (event.kind === EventKind.LISTENER) this.#supervise(fds[0]!);
  }

  #supervise(listener: number): void {
    if (this.#over) syscall("close", listener);
    else this.#supervision = this.#init.supervise?.start(listener, this.#judge!);
  }

  #stage(pid: number, pidfd: number): void {
    this.#stagePidfd = pidfd;
    this.#own(pid);
  }

  #first(pid: number, pidfd: number): void {
    this.#firstPid = pid;
    this.#firstPidfd = pidfd;
    this.#own(pid);
  }

  #own(pid: number): void {
    this.#alivePids.add(pid);
    this.#supervisor.owns(pid, this);
    if (this.#killed) this.#killNow();
  }

  /** Watches the socket too; needed only where the status pipe does not tell. */
  #watch(): void {
    if (this.#watching || !this.#holding) return;
    this.#watching = true;
    reactor().watch(this.#socket, EPOLLIN, () => this.drain());
  }

  #unwatch(): void {
    if (!this.#watching) return;
    this.#watching = false;
    reactor().unwatch(this.#socket);
  }

  /** The sandbox's end is closed: pid 1 has become the command, or everything is over. */
  #hangUp(): void {
    this.#unwatch();
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
      if (this.#alivePids.size === 0) return this.#finish();
      // Whoever failed ends by itself, but whoever waits for what it was to do would go on waiting.
      this.#killed = true;
      this.#killNow();
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
    this.#giveSlots();
    this.#keepSpare();
    this.#start.resolve();
  }

  onReaped(event: AgentEvent): void {
    this.#alivePids.delete(event.pid);
    if (event.pid === this.#firstPid) this.#reaped = event;
    this.drain();
    if (this.#alivePids.size > 0) return;
    // The process in between may be reaped before the one it made is known; its status tells.
    if (this.#firstPid === undefined && this.#error === undefined) {
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
    this.#closeSocket();
    this.#finish();
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#patience !== undefined) clearTimeout(this.#patience);
    this.#supervisor.remove(this, this.#alivePids);
    const ending = this.#result ?? this.#reaped;
    if (this.#error !== undefined || ending === undefined) {
      const error = this.#error ?? new SandboxError("The sandbox ended without a word");
      this.#noAnswer?.(error);
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
    if (shape !== undefined) keepSpare(this.#supervisor, shape, this.#outside);
  }

  #giveSlots(): void {
    const { agent } = this.#supervisor;
    for (const slot of this.#slots.splice(0)) agent.arena.give(slot);
  }

  #closeSocket(): void {
    if (!this.#holding) return;
    this.#unwatch();
    this.#holding = false;
    syscall("close", this.#socket);
  }

  #letGo(): void {
    this.#giveSlots();
    this.#supervision?.close();
    this.#closeSocket();
    const fds = [this.#stagePidfd, this.#firstPidfd, this.#commandPidfd];
    // A terminal is still to be taken where the command has started, and ended in the same moment.
    if (this.#error !== undefined || !this.#hasStarted) fds.push(...this.#descriptors.splice(0));
    for (const fd of fds) {
      if (fd !== undefined) syscall("close", fd);
    }
    this.#stagePidfd = this.#firstPidfd = this.#commandPidfd = undefined;
  }

  /** Answers a set-up that waits. */
  #reply(...answer: number[]): void {
    this.#barrier = undefined;
    const words = new BigUint64Array(4);
    answer.forEach((word, index) => words[index] = BigInt(word));
    check(send(this.#socket, new Uint8Array(words.buffer)), "sendmsg", {
      path: "the sandbox's socket",
    });
  }

  #exchange(
    message: Uint8Array<ArrayBuffer>,
  ): Promise<{ bytes: Uint8Array<ArrayBuffer>; fds: number[] }> {
    const { promise, resolve, reject } = Promise.withResolvers<
      { bytes: Uint8Array<ArrayBuffer>; fds: number[] }
    >();
    this.#answer = (reply) => {
      this.#answer = this.#noAnswer = undefined;
      if (!this.#judge) this.#unwatch();
      resolve(reply);
    };
    check(send(this.#socket, message), "sendmsg", { path: "the sandbox's socket" });
    this.#noAnswer = reject;
    this.#watch();
    return promise;
  }

  // What few launches need is loaded when one does: a plain `paddock run` is quicker to start.
  async #inside(code: number, program: Program): Promise<Inside> {
    const { insideAt } = await import("./inside.ts");
    return insideAt({
      resume: program.labels.get(`barrier ${code}`)!,
      handler: program.labels.get("failed")!,
      record: program.places.get("failure")!,
      socket: requestFd(this.#supervisor.agent.boot, 0),
    }, (message) => {
      // Whoever waits now waits for something else, and would take it for that.
      if (this.#barrier !== code) {
        throw new SandboxError("The hook's stage is over: the sandbox has gone on");
      }
      return this.#exchange(message);
    });
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

  async #atBarrier(code: number): Promise<void> {
    this.#barrier = code;
    const { hooks } = this.#init;
    const pid = await this.#knownPid();
    if (code === Barrier.MAPS) {
      const { mapByHelper } = await import("../ids/map_programs.ts");
      await mapByHelper(pid, this.plan.identity.maps!);
    } else if (code === Barrier.PRE_MOUNT) return await this.#preMount(pid);
    else {
      const { networkSides } = await import("./network_sides.ts");
      const { inside, host, close } = networkSides(await this.#inside(code, this.#setup));
      const { spec } = this;
      const netns = `/proc/${pid}/ns/net`;
      try {
        await hooks.run(
          "networkSetup",
          (base) => ({ ...base, spec: structuredClone(spec), pid, inside, host, netns }),
        );
      } finally {
        close();
      }
    }
    this.#reply(Answer.CONTINUE);
  }

  /** Runs the pre-mount hooks, plans again with what they added, and sends the rest. */
  async #preMount(pid: number): Promise<void> {
    const { spec } = this;
    const { hooks, facts, fault } = this.#init;
    const inside = await this.#inside(Barrier.PRE_MOUNT, this.#setup);
    const added: MountSpec[] = [];
    await hooks.run("preMount", (base) => ({
      ...base,
      spec: structuredClone(spec),
      pid,
      inside,
      addMount: (mount: MountSpec) => {
        added.push(mount);
      },
    }));
    const full = resolveSpec({ ...spec, mounts: [...spec.mounts, ...added] }, facts).spec;
    const mapped = full.idMap !== undefined || isCaller(this.plan.identity, facts);
    const adopted = new Map<number, number>();
    const socket = requestFd(this.#supervisor.agent.boot, 0);
    const privileged = this.plan.identity.maps !== undefined && facts.uid === 0;
    const late = full.mounts.slice(spec.mounts.length);
    const { adoptMount, checkLate } = await import("./late_mounts.ts");
    for (const [index, mount] of late.entries()) {
      checkLate(mount, facts.uid === 0, privileged);
      if (mount.kind !== "bind" || !privileged) continue;
      const fd = await adoptMount(mount, pid, socket, mapped, (program, tree) => {
        const result = inside.run(program);
        // The program takes it as the next message.
        check(send(this.#socket, new Uint8Array(8), [tree]), "sendmsg");
        return result;
      });
      adopted.set(spec.mounts.length + index, fd);
    }
    const { agent } = this.#supervisor;
    this.spec = full;
    this.plan = planLaunch(full, facts, {
      preMount: true,
      networkSetup: hooks.has("networkSetup"),
      reportStart: this.#init.reportStart && !full.asPid1,
      commandLater: this.#init.command === undefined,
      requestFd: (index) => requestFd(agent.boot, index),
      // A hook may have added something that can be written.
      filter: launchFilter(full, facts, {
        socket,
        hasHandler: this.#init.supervise?.hasHandler ?? false,
        secret: this.plan.secret,
      }),
      adoptedFds: adopted,
      landlock: full.landlock &&
        optionalParts().landlockRuleset(full, facts.landlockVersion).ruleset,
      cgroup: this.#init.cgroup?.layout,
    });
    const rest = restProgram(this.plan, agent.boot, this.#externals, fault);
    patchLaunch(rest, this.number);
    this.#setup = rest;
    const slot = agent.arena.take(rest.bytes.length);
    this.#slots.push(slot);
    agent.arena.write(rest.bytes, slot.offset);
    this.#reply(Answer.LOAD_REST, slot.offset, rest.bytes.length);
  }
}

/** How many launches this program has begun. */
let launches = 0;

/** Milliseconds after which pid 1 is killed too, if it has not ended by itself. */
const KILL_PATIENCE = 1000;

const shared = new Uint8Array(EVENT_SIZE);

/** The pid of a pidfd as this process sees it. pidfd_open(2). */
function hostPid(pidfd: number | undefined): number | undefined {
  if (pidfd === undefined) return undefined;
  const pid = Number(
    /^Pid:\s*(-?\d+)$/m.exec(Deno.readTextFileSync(`/proc/self/fdinfo/${pidfd}`))?.[1],
  );
  return pid > 0 ? pid : undefined;
}
