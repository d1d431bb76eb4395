/**
 * A further command in a running sandbox, in the words of `Deno.ChildProcess` and `Deno.Command`.
 *
 * @module
 */

import { SandboxError, SpecError } from "../../errors.ts";
import type { Usage } from "../../hook.ts";
import type { Command } from "../begin.ts";
import type { SandboxTerminal } from "../child.ts";
import { Collector, PipeReader, PipeWriter } from "../pipe.ts";
import { signalNumber } from "../signal_number.ts";
import { type ExitStatus, exitStatus } from "../wait_status.ts";
import type { Entrance } from "./entrance.ts";
import { checkOptions } from "../check_options.ts";
import { enter, type Entered, type ExecOptions } from "./exec.ts";

/** How a further command ended. */
export interface ExecStatus extends ExitStatus {
  /** What it and the children it waited for took. */
  readonly usage: Pick<Usage, "wall" | "user" | "system" | "maxRss">;
  /** Whether its time limit ended it. */
  readonly timedOut: boolean;
}

/** An {@linkcode ExecStatus} with what was captured. */
export interface ExecOutput extends ExecStatus {
  /** What came on standard output. */
  readonly stdout: Uint8Array<ArrayBuffer>;
  /** What came on standard error. */
  readonly stderr: Uint8Array<ArrayBuffer>;
}

type Reader = ReadableStream<Uint8Array<ArrayBuffer>>;

interface Streams {
  stdin?: WritableStream<Uint8Array>;
  stdout?: Reader;
  stderr?: Reader;
}

function need<T>(stream: T | undefined, name: string): T {
  if (stream === undefined) {
    throw new TypeError(`${name} is not piped; exec with { ${name}: "piped" }`);
  }
  return stream;
}

/** A further command that runs in a sandbox. */
export class ExecProcess implements AsyncDisposable {
  /** Its process, as the host numbers it. */
  readonly pid: number;
  /** Resolves when it has ended; what it left behind lives on until the sandbox ends. */
  readonly status: Promise<ExecStatus>;
  readonly #entered: Entered;
  readonly #streams: Streams;
  readonly #terminal: SandboxTerminal | undefined;

  /** @internal Made by `exec`. */
  constructor(
    entered: Entered,
    status: Promise<ExecStatus>,
    streams: Streams,
    terminal: SandboxTerminal | undefined,
  ) {
    this.#entered = entered;
    this.#streams = streams;
    this.#terminal = terminal;
    this.status = status;
    this.pid = entered.joiner.pid ?? 0;
  }

  /** Its standard input; with a terminal, what is typed. */
  get stdin(): WritableStream<Uint8Array> {
    return need(this.#streams.stdin, "stdin");
  }

  /** Its standard output; with a terminal, what is shown. */
  get stdout(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return need(this.#streams.stdout, "stdout");
  }

  /** Its standard error. */
  get stderr(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return need(this.#streams.stderr, "stderr");
  }

  /** Its terminal. */
  get terminal(): SandboxTerminal {
    if (!this.#terminal) {
      throw new TypeError("The command has no terminal; exec with { tty: true }");
    }
    return this.#terminal;
  }

  /** Sends it a signal. Throws a `TypeError` if it has ended already. */
  kill(signal: Deno.Signal = "SIGTERM"): void {
    this.#entered.joiner.signal(signalNumber(signal));
  }

  /** Collects both streams and waits for the end. */
  async output(): Promise<ExecOutput> {
    const bytes = (stream: Reader) =>
      new Response(stream).bytes() as Promise<Uint8Array<ArrayBuffer>>;
    const [status, stdout, stderr] = await Promise.all([
      this.status,
      bytes(this.stdout),
      bytes(this.stderr),
    ]);
    return { ...status, stdout, stderr };
  }

  /** Kills it, waits for its end, and closes the streams that nobody uses. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#entered.joiner.kill();
    await this.status.catch(() => {});
    const { stdin, stdout, stderr } = this.#streams;
    if (stdin?.locked === false) await stdin.abort().catch(() => {});
    for (const stream of [stdout, stderr]) {
      if (stream?.locked === false) await stream.cancel().catch(() => {});
    }
  }
}

async function statusOf({ joiner, at, timedOut }: Entered, signal?: AbortSignal) {
  const { status, usage } = await joiner.ended;
  if (signal?.aborted) throw signal.reason;
  return {
    ...exitStatus(status),
    usage: {
      wall: performance.now() - at,
      user: usage.user / 1000,
      system: usage.system / 1000,
      maxRss: usage.maxRss * 1024,
    },
    timedOut: timedOut(),
  };
}

const KNOWN = ["env", "cwd", "user", "tty", "stdin", "signal", "timeout"];

/** Runs a command in a sandbox and resolves once it runs. */
export async function exec(
  entrance: Entrance,
  command: Command,
  options: ExecOptions = {},
): Promise<ExecProcess> {
  checkOptions(options, "exec", [...KNOWN, "stdout", "stderr"]);
  const { stdin = "inherit", stdout = "inherit", stderr = "inherit" } = options;
  const entered = await enter(entrance, command, options, [stdin, stdout, stderr]);
  const { joiner, stdio } = entered;
  stdio.release();
  const [input, out, error] = stdio.ours;
  let streams: Streams = {
    stdin: input === undefined ? undefined : new PipeWriter(input).stream(),
    stdout: out === undefined ? undefined : new PipeReader(out).stream(),
    stderr: error === undefined ? undefined : new PipeReader(error).stream(),
  };
  const status = statusOf(entered, options.signal);
  status.catch(() => {});
  try {
    await joiner.started;
  } catch (reason) {
    await streams.stdin?.abort().catch(() => {});
    await streams.stdout?.cancel();
    await streams.stderr?.cancel();
    throw reason;
  }
  let terminal: SandboxTerminal | undefined;
  if (options.tty) ({ streams, terminal } = await openTerminal(entered));
  return new ExecProcess(entered, status, streams, terminal);
}

async function openTerminal(
  { joiner }: Entered,
): Promise<{ streams: Streams; terminal: SandboxTerminal }> {
  const master = joiner.takeDescriptor();
  if (master === undefined) throw new SandboxError("The terminal was lost with the sandbox");
  const [{ close, duplicate }, { setWindowSize }] = await Promise.all([
    import("../../sys/file.ts"),
    import("../../sys/terminal.ts"),
  ]);
  const writer = new PipeWriter(duplicate(master));
  // Of its own, for the others are closed when the terminal's other side is.
  let control: number | undefined = duplicate(master);
  const done = () => {
    writer.close();
    if (control !== undefined) close(control);
    control = undefined;
  };
  joiner.ended.then(done, done);
  return {
    streams: { stdin: writer.stream(), stdout: new PipeReader(master).stream() },
    terminal: {
      resize(columns: number, rows: number) {
        if (control !== undefined) setWindowSize(control, { columns, rows });
      },
    },
  };
}

/** Runs a command in a sandbox to its end and collects what it writes. */
export async function execOutput(
  entrance: Entrance,
  command: Command,
  options: Omit<ExecOptions, "stdout" | "stderr"> = {},
): Promise<ExecOutput> {
  checkOptions(options, "execOutput", KNOWN);
  const { stdin = "null" } = options;
  if (stdin === "piped") {
    throw new SpecError("stdin", "execOutput() cannot pipe the input; use exec()");
  }
  if (options.tty) {
    await using child = await exec(entrance, command, options);
    const stdout = await new Response(child.stdout).bytes() as Uint8Array<ArrayBuffer>;
    return { ...await child.status, stdout, stderr: new Uint8Array() };
  }
  const entered = await enter(entrance, command, options, [stdin, "piped", "piped"]);
  const collectors = [1, 2].map((index) => new Collector(entered.stdio.ours[index]!));
  try {
    const status = await statusOf(entered, options.signal);
    // What it left behind may hold the streams open; it is not waited for.
    for (const collector of collectors) collector.drain(Infinity);
    for (const collector of collectors) collector.end();
    const [stdout, stderr] = await Promise.all(collectors.map(({ done }) => done));
    return { ...status, stdout: stdout!, stderr: stderr! };
  } finally {
    entered.stdio.release();
    for (const collector of collectors) collector.end();
  }
}
