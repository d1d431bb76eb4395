/**
 * The terminal verbs: they take a description and its plugins, and run a command.
 *
 * @module
 */

import { SandboxError, SpecError } from "../errors.ts";
import type { Plugin } from "../hook.ts";
import type { SandboxSpec } from "../spec.ts";
import { begin, type Begun, type Command, type LaunchOptions } from "./begin.ts";
import { type SandboxOutput, SandboxProcess } from "./child.ts";
import type { ChangesPlace } from "./changes.ts";
import { Collector, PipeReader, PipeWriter } from "./pipe.ts";
import type { Stdio } from "./stdio.ts";
import type { Traced } from "./tracing.ts";
import { supervise } from "./supervise.ts";

export type { Command, LaunchOptions } from "./begin.ts";

/** How to spawn. */
export interface SpawnOptions {
  /** Where standard input comes from. Default: `"null"` for `output`, `"inherit"` for `spawn`. */
  stdin?: Stdio;
  /** Where standard output goes. Default: `"inherit"`. */
  stdout?: Stdio;
  /** Where standard error goes. Default: `"inherit"`. */
  stderr?: Stdio;
  /** Kills everything inside when it is aborted. */
  signal?: AbortSignal;
  /**
   * Is told of each step and each hook of the launch when it has ended. Telling it takes time, and
   * such a launch uses nothing that was prepared for it, so it shows what is slow, not how fast.
   */
  onTrace?: (traced: Traced) => void;
}

/** Runs a command to its end and collects what it writes. */
export async function output(
  spec: SandboxSpec,
  plugins: readonly Plugin[],
  command: Command | undefined,
  options: Pick<SpawnOptions, "signal" | "stdin" | "onTrace"> & LaunchOptions = {},
): Promise<SandboxOutput> {
  if (spec.tty) {
    await using child = await spawn(spec, plugins, command, { ...options, stdin: "piped" });
    const stdout = await new Response(child.stdout).bytes() as Uint8Array<ArrayBuffer>;
    return { ...await child.status, stdout, stderr: new Uint8Array() };
  }
  const stdin = options.stdin ?? "null";
  if (stdin === "piped") {
    throw new SpecError("stdin", "output() cannot pipe the input; use spawn()");
  }
  const begun = await begin(spec, plugins, command, [stdin, "piped", "piped"], false, options);
  return await collect(begun, options);
}

/** Collects what a launch writes, to its end. Its output and error are pipes. */
export async function collect(
  begun: Begun,
  options: { signal?: AbortSignal },
): Promise<SandboxOutput> {
  const collectors = [1, 2].map((index) => new Collector(begun.stdio.ours[index]!));
  try {
    const status = await supervise(begun, options);
    // Our copies of the sandbox's ends were kept, so that the pipes' ends do not wake this program
    // just before the end of the sandbox does. Now nobody is left who could write.
    begun.stdio.release();
    begun.launch.closeDescriptors();
    for (const collector of collectors) collector.drain(Infinity);
    for (const collector of collectors) collector.end();
    const [stdout, stderr] = await Promise.all(collectors.map(({ done }) => done));
    return { ...status, stdout: stdout!, stderr: stderr! };
  } finally {
    begun.stdio.release();
    for (const collector of collectors) collector.end();
  }
}

/** Whether what the sandbox changes of its root is in memory, and handed out. */
function keepsChanges({ root }: SandboxSpec): boolean {
  return typeof root === "object" && "overlay" in root && root.overlay.upper === "ephemeral";
}

/** Where the changes of a sandbox that has just started are. */
function changesOf({ launch, source, facts, changesDirectory }: Begun): ChangesPlace {
  const { spec, plan } = launch;
  const place = { source, spec, identity: plan.identity, caller: facts.uid };
  if (!keepsChanges(spec)) return place;
  return { ...place, memory: launch.takeDescriptor(), directory: changesDirectory };
}

/** Starts a command and resolves once it runs. */
export async function spawn(
  spec: SandboxSpec,
  plugins: readonly Plugin[],
  command: Command | undefined,
  options: SpawnOptions & LaunchOptions = {},
): Promise<SandboxProcess> {
  return (await spawnBegun(spec, plugins, command, options)).process;
}

/** The same, with the launch for whoever has more to do with it. */
export async function spawnBegun(
  spec: SandboxSpec,
  plugins: readonly Plugin[],
  command: Command | undefined,
  options: SpawnOptions & LaunchOptions,
): Promise<{ process: SandboxProcess; begun: Begun }> {
  const { stdin = "inherit", stdout = "inherit", stderr = "inherit" } = options;
  const begun = await begin(spec, plugins, command, [stdin, stdout, stderr], true, options);
  const { launch, stdio } = begun;
  stdio.release();
  const [input, out, error] = stdio.ours;
  let streams = {
    stdin: input === undefined ? undefined : new PipeWriter(input).stream(),
    stdout: out === undefined ? undefined : new PipeReader(out).stream(),
    stderr: error === undefined ? undefined : new PipeReader(error).stream(),
  };
  // Before anything can end: the process may be asked for the changes afterwards.
  const keeps = keepsChanges(launch.spec);
  if (keeps) begun.changesDirectory?.hold();
  const status = supervise(begun, options);
  try {
    await launch.started;
  } catch (reason) {
    await streams.stdin?.abort().catch(() => {});
    await streams.stdout?.cancel();
    await streams.stderr?.cancel();
    try {
      // The status says it better where a hook or an abort is the cause, and waits for the
      // tear-down.
      await status;
    } finally {
      if (keeps) begun.changesDirectory?.letGo();
    }
    throw reason;
  }
  const changes = changesOf(begun);
  let terminal;
  if (launch.spec.tty) {
    const master = launch.takeDescriptor();
    if (master === undefined) {
      // It started and was lost in the same moment; the status says how.
      await status;
      throw new SandboxError("The sandbox ended before its terminal could be taken");
    }
    const [{ close, duplicate }, { setWindowSize }] = await Promise.all([
      import("../sys/file.ts"),
      import("../sys/terminal.ts"),
    ]);
    const writer = new PipeWriter(duplicate(master));
    // Of its own, for the others are closed when the terminal's other side is.
    let control: number | undefined = duplicate(master);
    streams = { ...streams, stdin: writer.stream(), stdout: new PipeReader(master).stream() };
    terminal = {
      resize(columns: number, rows: number) {
        if (control !== undefined) setWindowSize(control, { columns, rows });
      },
    };
    status.finally(() => {
      writer.close();
      if (control !== undefined) close(control);
      control = undefined;
    }).catch(() => {});
  }
  const process = new SandboxProcess({
    pid: launch.pid ?? 0,
    status,
    ...streams,
    terminal,
    cgroup: begun.cgroup?.cgroup,
    changes,
    signal: (number) => launch.signal(number),
    killAll: () => launch.kill(),
  });
  return { process, begun };
}
