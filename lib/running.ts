/**
 * A running sandbox as a handle: further commands, signals, pause, statistics.
 *
 * @module
 */

import type { Cgroup } from "./hook.ts";
import type { Command } from "./run/begin.ts";
import type { SandboxProcess, SandboxStatus, SandboxTerminal } from "./run/child.ts";
import type { Entrance } from "./run/joining/entrance.ts";
import type { ExecOptions } from "./run/joining/exec.ts";
import { exec, type ExecOutput, execOutput, type ExecProcess } from "./run/joining/exec_process.ts";

/** What a handle is made of. */
export interface RunningInit {
  readonly name?: string;
  readonly process: SandboxProcess;
  readonly entrance: Entrance;
}

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
  readonly #init: RunningInit;

  /** @internal Made by `start`. */
  constructor(init: RunningInit) {
    this.#init = init;
  }

  /** What it was called, if it was. */
  get name(): string | undefined {
    return this.#init.name;
  }

  /** The command's process, as the host numbers it. */
  get pid(): number {
    return this.#init.process.pid;
  }

  /** Its cgroup, if it has `limits`. */
  get cgroup(): Cgroup | undefined {
    return this.#init.process.cgroup;
  }

  /** Resolves when the command has ended, and everything inside with it. */
  get status(): Promise<SandboxStatus> {
    return this.#init.process.status;
  }

  /** The command's standard input, where it is piped. */
  get stdin(): WritableStream<Uint8Array> {
    return this.#init.process.stdin;
  }

  /** The command's standard output, where it is piped. */
  get stdout(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#init.process.stdout;
  }

  /** The command's standard error, where it is piped. */
  get stderr(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#init.process.stderr;
  }

  /** The command's terminal. */
  get terminal(): SandboxTerminal {
    return this.#init.process.terminal;
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
    return exec(this.#init.entrance, command, options);
  }

  /** Runs a further command to its end and collects what it writes, as `Deno.Command.output()`. */
  execOutput(
    command: Command,
    options: Omit<ExecOptions, "stdout" | "stderr"> = {},
  ): Promise<ExecOutput> {
    return execOutput(this.#init.entrance, command, options);
  }

  /** Sends the command a signal. Throws a `TypeError` if it has ended already. */
  signal(signal: Deno.Signal): void {
    this.#init.process.kill(signal);
  }

  /** Kills everything inside, waits for the end, and closes the streams that nobody uses. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#init.process[Symbol.asyncDispose]();
  }
}
