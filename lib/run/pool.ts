/**
 * Keeps sandboxes that are built up to their command, and gives each of them one.
 *
 * @module
 */

import { SpecError } from "../errors.ts";
import type { Plugin } from "../hook.ts";
import type { SandboxSpec } from "../spec.ts";
import { checkOptions } from "./check_options.ts";
import { begin, type Begun, checkCommand, type Command } from "./begin.ts";
import type { SandboxOutput } from "./child.ts";
import { hostFacts } from "./host_facts.ts";
import { commandLine } from "./resolve.ts";
import { collect } from "./run.ts";
import { openStdio, type Stdio } from "./stdio.ts";
import type { Handler } from "./supervision.ts";
import { supervisor } from "./supervisor.ts";

/** How many sandboxes a pool keeps. */
export interface PoolOptions {
  /** So many wait at a time; from 1 to 1024. Default: 1. */
  size?: number;
}

/** What one command of a pool is given. */
export interface PoolRunOptions {
  /** Variables of the environment besides the sandbox's own, which they win over. */
  env?: Readonly<Record<string, string | Uint8Array>>;
  /** Where standard input comes from: `"null"` (the default), `"inherit"`, a descriptor, a file. */
  stdin?: Exclude<Stdio, "piped">;
  /** Kills everything inside when it is aborted. */
  signal?: AbortSignal;
}

const MOST = 1024;

/** Built sandboxes, each for one command. */
export class Pool {
  readonly #spec: SandboxSpec;
  readonly #plugins: readonly Plugin[];
  readonly #handler: Handler | undefined;
  readonly #size: number;
  readonly #idle: Begun[] = [];
  readonly #making = new Set<Promise<void>>();
  #closed = false;

  /** Begins to fill it. Throws a `SpecError` for a size, or a sandbox, that cannot be pooled. */
  constructor(
    spec: SandboxSpec,
    plugins: readonly Plugin[],
    handler: Handler | undefined,
    { size = 1 }: PoolOptions = {},
  ) {
    if (!Number.isInteger(size) || size < 1 || size > MOST) {
      throw new SpecError("size", `${size} is not a number from 1 to ${MOST}`);
    }
    if (spec.tty) {
      throw new SpecError("tty", "run() of a pool collects the output; leave tty() out");
    }
    if (spec.asPid1) {
      throw new SpecError("asPid1", "somebody must wait for the command; leave asPid1() out");
    }
    this.#spec = spec;
    this.#plugins = plugins;
    this.#handler = handler;
    this.#size = size;
    this.#fill();
  }

  /** How many sandboxes wait for a command. */
  get idle(): number {
    return this.#idle.filter(({ launch }) => !launch.isOver).length;
  }

  /** Resolves when as many wait as are to; rejects with what keeps them from being built. */
  async ready(): Promise<void> {
    this.#mustBeOpen();
    supervisor().agent.drain();
    this.#fill();
    await Promise.all(this.#making);
    await Promise.all(this.#idle.map(({ launch }) => launch.ready));
    if (this.idle === 0) await (await this.#begin()).launch.ready;
  }

  /**
   * Runs a command in one of them to its end and collects what it writes. Each is used once; if none
   * is left, one is built now.
   */
  async run(command: Command, options: PoolRunOptions = {}): Promise<SandboxOutput> {
    this.#mustBeOpen();
    const argv = checkCommand(command);
    checkOptions(options, "run", ["env", "stdin", "signal"]);
    const { env = {}, stdin = "null", signal } = options;
    if ((stdin as Stdio) === "piped") {
      throw new SpecError("stdin", "run() cannot pipe the input; give a file or a descriptor");
    }
    signal?.throwIfAborted();
    const at = performance.now();
    // Nobody reads what is told about those that wait: that somebody has killed one, for one.
    supervisor().agent.drain();
    let begun = this.#idle.shift();
    while (begun?.launch.isOver) begun = this.#idle.shift();
    begun ??= await this.#begin();
    const { launch } = begun;
    this.#taken.add(launch);
    try {
      const { spec } = launch;
      const set = { ...spec.env.set, ...env };
      const line = commandLine({ ...spec, env: { ...spec.env, set } }, hostFacts(), argv);
      const stdio = openStdio([stdin, "piped", "piped"]);
      try {
        launch.command(line, stdio.theirs);
      } catch (error) {
        stdio.abandon();
        throw error;
      }
      return await collect({ ...begun, stdio, at }, { signal });
    } catch (error) {
      launch.kill();
      throw error;
    } finally {
      this.#taken.delete(launch);
      // Not before, for it would take the processors from the command.
      this.#fill();
    }
  }

  readonly #taken = new Set<Begun["launch"]>();

  #mustBeOpen(): void {
    if (this.#closed) throw new TypeError("The pool is closed");
  }

  async #begin(): Promise<Begun> {
    const begun = await begin(
      this.#spec,
      this.#plugins,
      "later",
      ["null", "null", "null"],
      false,
      { handler: this.#handler },
    );
    const { launch, hooks, cgroup } = begun;
    begun.stdio.release();
    const unused = () => {
      // Who has taken it sees to that.
      if (this.#taken.has(launch)) return;
      cgroup?.end();
      return hooks.end();
    };
    launch.ended.then(unused, unused);
    return begun;
  }

  #fill(): void {
    while (!this.#closed && this.idle + this.#making.size < this.#size) {
      const making: Promise<void> = this.#begin().then((begun) => {
        if (this.#closed) begun.launch.kill();
        else this.#idle.push(begun);
      }, () => {
        // Whoever wants one meets the cause.
      }).finally(() => this.#making.delete(making));
      this.#making.add(making);
    }
  }

  /** Ends those that wait; commands that run go on. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#making);
    await Promise.all(
      this.#idle.splice(0).map(({ launch }) => {
        launch.kill();
        return launch.ended.catch(() => {});
      }),
    );
  }
}
