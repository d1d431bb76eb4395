/**
 * A running sandbox as a handle: further commands, signals, pause, statistics.
 *
 * @module
 */

import { SandboxError, UnsupportedError } from "./errors.ts";
import type { Cgroup, SandboxStatistics } from "./hook.ts";
import { parseDuration } from "./quantity.ts";
import type { Command } from "./run/begin.ts";
import type { SandboxProcess, SandboxStatus, SandboxTerminal } from "./run/child.ts";
import type { ExecOptions } from "./run/joining/exec.ts";
import { exec, type ExecOutput, execOutput, type ExecProcess } from "./run/joining/exec_process.ts";
import { pidNamespaceOf } from "./run/joining/entrance.ts";
import { type Member, membersOf } from "./run/joining/members.ts";
import type { RunningEnd, RunningSource } from "./run/joining/source.ts";
import { statisticsOf } from "./run/joining/statistics.ts";
import { signalNumber } from "./run/signal_number.ts";
import type { LimitsSpec, SandboxSpec } from "./spec.ts";

/**
 * A running sandbox. Made by `start`.
 *
 * ```ts
 * import { sandbox } from "@paddock/paddock";
 *
 * await using box = await sandbox().hostname("fern").start(["sleep", "60"]);
 * const { stdout } = await box.execOutput(["hostname"]);
 * console.log(new TextDecoder().decode(stdout)); // fern
 * ```
 */
export class RunningSandbox implements AsyncDisposable {
  readonly #source: RunningSource;

  /** @internal Made by `start`. */
  constructor(source: RunningSource) {
    this.#source = source;
  }

  /** Its id, where it outlives its program. */
  get id(): string | undefined {
    return this.#source.id;
  }

  /** What it was called, if it was. */
  get name(): string | undefined {
    return this.#source.name;
  }

  /** Its description, with absolute paths. */
  get spec(): SandboxSpec {
    return this.#source.spec;
  }

  /** The command's process, as the host numbers it. */
  get pid(): number {
    return this.#source.pid;
  }

  /** Its cgroup, if it has `limits`. */
  get cgroup(): Cgroup | undefined {
    return this.#source.cgroup;
  }

  /** Resolves when the command has ended, and everything inside with it; of one of this program's. */
  get status(): Promise<SandboxStatus> {
    return this.#process.status;
  }

  /** Resolves when the command has ended, and everything inside with it. */
  wait(): Promise<RunningEnd> {
    return this.#source.wait();
  }

  get #process(): SandboxProcess {
    const { process } = this.#source;
    if (process === undefined) {
      throw new TypeError(
        "A detached sandbox's streams are in its logs, and its end is told by wait()",
      );
    }
    return process;
  }

  /** The command's standard input, where it is piped. */
  get stdin(): WritableStream<Uint8Array> {
    return this.#process.stdin;
  }

  /** The command's standard output, where it is piped. */
  get stdout(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#process.stdout;
  }

  /** The command's standard error, where it is piped. */
  get stderr(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#process.stderr;
  }

  /** The command's terminal. */
  get terminal(): SandboxTerminal {
    return this.#process.terminal;
  }

  /**
   * Runs a further command in the sandbox and resolves once it runs, as `Deno.Command.spawn()` does
   * and with its own standard streams inherited by default. It is in all the sandbox's namespaces and
   * in its cgroup, under its filter, its Landlock rules and its limits, with its user, capabilities
   * and environment. It ends with the sandbox and with this program. What it leaves in the
   * background stays, as with `docker exec`, until the sandbox ends.
   *
   * Rejects with a `StepError` that names what failed.
   */
  exec(command: Command, options: ExecOptions = {}): Promise<ExecProcess> {
    return exec(this.#source.entrance, command, options);
  }

  /** Runs a further command to its end and collects what it writes, as `Deno.Command.output()`. */
  execOutput(
    command: Command,
    options: Omit<ExecOptions, "stdout" | "stderr"> = {},
  ): Promise<ExecOutput> {
    return execOutput(this.#source.entrance, command, options);
  }

  /** Sends the command a signal. Throws a `TypeError` if it has ended already. */
  signal(signal: Deno.Signal): void {
    this.#source.signal(signalNumber(signal));
  }

  /** Kills everything inside, and resolves when it is gone. */
  kill(): Promise<void> {
    return this.#source.killAll();
  }

  /**
   * Asks the command to end, by SIGTERM or another signal, and kills everything inside if it has not
   * within the time: `"10s"` or milliseconds; 10 seconds by default. Resolves to how it ended.
   */
  async stop(grace: string | number = "10s", signal: Deno.Signal = "SIGTERM"): Promise<RunningEnd> {
    const limit = parseDuration(grace, "grace");
    try {
      this.signal(signal);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
    const end = this.wait();
    end.catch(() => {});
    if (!await this.#source.endsWithin(limit)) await this.kill();
    return await end;
  }

  /** Lets everything inside stand still. Needs `limits()`: a signal would not reach who is being made. */
  async pause(): Promise<void> {
    await this.#mustHaveCgroup("pausing").freeze();
  }

  /** Lets it go on. */
  async resume(): Promise<void> {
    await this.#mustHaveCgroup("resuming").thaw();
  }

  /** Changes limits while it runs. What is not named stays as it is. Needs `limits()` from the start. */
  update(limits: Omit<LimitsSpec, "parent">): void {
    this.#mustHaveCgroup("changing limits").update(limits);
  }

  #mustHaveCgroup(what: string): Cgroup {
    const { cgroup } = this.#source;
    if (cgroup !== undefined) return cgroup;
    throw new UnsupportedError(what, "start the sandbox with limits(), an empty one will do");
  }

  /** Its processes, with their numbers outside and inside; pid 1 is Paddock's own but for `asPid1`. */
  pids(): Member[] {
    const { entrance, first } = this.#source;
    return membersOf(first, pidNamespaceOf(entrance));
  }

  /**
   * Copies a file or a tree of the host into it, as its user's; a directory that is there gets the
   * copy within it. No link is followed but those in the path of `source` itself, and in that of
   * `target`, which the inside resolves as if its root were the root. Set-uid bits are left out.
   */
  async copyIn(source: string, target: string): Promise<void> {
    const { copyIn } = await import("./run/joining/copy.ts");
    copyIn(this.#source.entrance, source, target);
  }

  /** The other way: copies a file or a tree of the sandbox to the host, where it is the caller's. */
  async copyOut(source: string, target: string): Promise<void> {
    const { copyOut } = await import("./run/joining/copy.ts");
    copyOut(this.#source.entrance, source, target);
  }

  /** What it uses now, by its cgroup where it has one. */
  stats(): SandboxStatistics {
    return statisticsOf(this.pids(), this.#source.cgroup);
  }

  /** What it uses, again and again until it ends; every second by default. */
  async *statsStream(interval: string | number = "1s"): AsyncGenerator<SandboxStatistics, void> {
    const pause = parseDuration(interval, "interval");
    do {
      try {
        yield this.stats();
      } catch (error) {
        if (error instanceof SandboxError) return;
        throw error;
      }
    } while (!await this.#source.endsWithin(pause));
  }

  /**
   * Of one that this program started: kills everything inside, waits for the end, and closes the
   * streams that nobody uses. A detached one is let go of, and runs on.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#source.dispose();
  }
}
