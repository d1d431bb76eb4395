/**
 * A running command, in the words of `Deno.ChildProcess`.
 *
 * @module
 */

import { SIGNALS } from "../sys/abi/signal.ts";
import type { Cgroup, Usage } from "../hook.ts";
import type { HookError } from "../errors.ts";
import type { FilteredSyscall } from "./supervision.ts";
import type { Changes } from "../image/changes.ts";
import type { ImportedImage } from "../image/import.ts";
import { syscall } from "../sys/libc.ts";
import type { ChangesPlace, SandboxChanges } from "./changes.ts";
import type { ExitStatus } from "./wait_status.ts";

/** How a command ended, and what it took. */
export interface SandboxStatus extends ExitStatus {
  /** Time and memory. */
  readonly usage: Usage;
  /**
   * Whether a process in it was killed because its memory ended; needs `limits()`, and without is
   * always false.
   */
  readonly oomKilled: boolean;
  /** Whether the time limit ended it. */
  readonly timedOut: boolean;
  /** Optional mounts whose source was not there, and optional covers of what was not there. */
  readonly skipped: readonly string[];
  /** What `postStop` hooks and deferred clean-ups threw. */
  readonly hookErrors: readonly HookError[];
  /** What plugins reported, by their names. */
  readonly reports: Readonly<Record<string, unknown>>;
  /** What the filter denied and logged, by name; only where it was to be logged. */
  readonly filteredSyscalls?: readonly FilteredSyscall[];
}

/** A {@linkcode SandboxStatus} with what was captured. */
export interface SandboxOutput extends SandboxStatus {
  /** What came on standard output. */
  readonly stdout: Uint8Array<ArrayBuffer>;
  /** What came on standard error. */
  readonly stderr: Uint8Array<ArrayBuffer>;
}

/** The terminal of a sandboxed command: what is typed goes in, what is shown comes out. */
export interface SandboxTerminal {
  /** Tells the command how large the window is. */
  resize(columns: number, rows: number): void;
}

/** What a {@linkcode SandboxProcess} is made of. */
export interface SandboxProcessInit {
  pid: number;
  status: Promise<SandboxStatus>;
  stdin?: WritableStream<Uint8Array>;
  stdout?: ReadableStream<Uint8Array<ArrayBuffer>>;
  stderr?: ReadableStream<Uint8Array<ArrayBuffer>>;
  terminal?: SandboxTerminal;
  cgroup?: Cgroup;
  changes: ChangesPlace;
  signal(number: number): void;
  killAll(): void;
}

function need<T>(stream: T | undefined, name: string): T {
  if (stream === undefined) {
    throw new TypeError(`${name} is not piped; spawn with { ${name}: "piped" }`);
  }
  return stream;
}

/** Ephemeral changes are kept by a descriptor: it is closed when nobody can ask for them any more. */
const abandoned = new FinalizationRegistry<ChangesPlace>(dropChanges);

function dropChanges({ memory, directory }: ChangesPlace): void {
  if (memory !== undefined) syscall("close", memory);
  directory?.letGo();
}

/** A running command. */
export class SandboxProcess implements AsyncDisposable {
  readonly #init: SandboxProcessInit;
  /** Its process, as the host numbers it. */
  readonly pid: number;
  /** Resolves when it has ended, and everything inside with it. */
  readonly status: Promise<SandboxStatus>;

  #disposed = false;
  #ended = false;

  /** Made by `spawn`. */
  constructor(init: SandboxProcessInit) {
    this.#init = init;
    const { memory, directory } = init.changes;
    if (memory !== undefined || directory !== undefined) {
      abandoned.register(this, init.changes, this);
    }
    this.pid = init.pid;
    this.status = init.status;
    const end = () => this.#ended = true;
    init.status.then(end, end);
  }

  /** Its standard input; with a terminal, what is typed. */
  get stdin(): WritableStream<Uint8Array> {
    return need(this.#init.stdin, "stdin");
  }

  /** Its standard output; with a terminal, what is shown. */
  get stdout(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return need(this.#init.stdout, "stdout");
  }

  /** Its standard error. */
  get stderr(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return need(this.#init.stderr, "stderr");
  }

  /** Its cgroup, if it has `limits`, to watch, freeze and change while it runs. */
  get cgroup(): Cgroup | undefined {
    return this.#init.cgroup;
  }

  /** Its terminal. */
  get terminal(): SandboxTerminal {
    const { terminal } = this.#init;
    if (terminal === undefined) throw new TypeError("The command has no terminal; see tty()");
    return terminal;
  }

  /** Sends it a signal. Throws a `TypeError` if it has ended already, as `Deno.ChildProcess` does. */
  kill(signal: Deno.Signal = "SIGTERM"): void {
    const number = SIGNALS[signal as keyof typeof SIGNALS];
    if (number === undefined) throw new TypeError(`Unknown signal "${signal}"`);
    this.#init.signal(number);
  }

  /**
   * What the command changed of the root, up to now: absolute paths inside, sorted. The root must be
   * an image or an overlay with an `upper`. Changes in memory can be told also when the command has
   * ended, until this process is disposed of.
   *
   * Permissions: `--allow-all`.
   */
  async changes(): Promise<Changes> {
    return await (await this.#changes()).compare();
  }

  /**
   * Saves what the command changed as a tar archive, a layer in the sense of OCI, with `.wh.NAME` for
   * what is gone. It should have ended, for a file that shrinks meanwhile is an error.
   */
  async saveDiff(path: string): Promise<void> {
    await (await this.#changes()).save(path);
  }

  /**
   * Does to the directory that is the root, or the topmost layer of it, what the command changed, and
   * resolves to how many sockets and devices were left out. The command must have ended. No set-uid
   * bit and no file capability comes along. When it fails half-way, what is done stays done.
   */
  async applyChanges(): Promise<{ leftOut: number }> {
    if (!this.#ended) throw new TypeError("The command has not ended; await its status first");
    return await (await this.#changes()).apply();
  }

  /** Makes an image of the one that is the root and of what was changed, by this name. */
  async commit(name: string): Promise<ImportedImage> {
    return await (await this.#changes()).commit(name);
  }

  async #changes(): Promise<SandboxChanges> {
    const { changes } = this.#init;
    if (this.#disposed) throw new TypeError("The process was disposed of, and its changes with it");
    return new (await import("./changes.ts")).SandboxChanges(changes);
  }

  /** Collects both streams and waits for the end. */
  async output(): Promise<SandboxOutput> {
    const bytes = (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => new Response(stream).bytes();
    const [status, stdout, stderr] = await Promise.all([
      this.status,
      bytes(this.stdout),
      bytes(this.stderr),
    ]);
    return {
      ...status,
      stdout: stdout as Uint8Array<ArrayBuffer>,
      stderr: stderr as Uint8Array<ArrayBuffer>,
    };
  }

  #dropChanges(): void {
    const { changes } = this.#init;
    if (!this.#disposed) {
      abandoned.unregister(this);
      dropChanges(changes);
    }
    this.#disposed = true;
  }

  /** Kills everything inside, waits for the end, and closes the streams that nobody uses. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { killAll, stdin, stdout, stderr } = this.#init;
    killAll();
    await this.status.catch(() => {});
    this.#dropChanges();
    // Whoever holds a stream's lock may still want what has come.
    if (stdin?.locked === false) await stdin.abort().catch(() => {});
    for (const stream of [stdout, stderr]) {
      if (stream?.locked === false) await stream.cancel().catch(() => {});
    }
  }
}
