/**
 * The terminal verbs: they take a description and its plugins, and run a command.
 *
 * @module
 */

import { SandboxError, SpecError, TimeoutError } from "../errors.ts";
import type { CgroupSession } from "../cgroup/session.ts";
import type { CgroupStatistics, Plugin, Usage } from "../hook.ts";
import { checkLimits } from "../plan/check_limits.ts";
import type { Fault } from "../plan/launch_shape.ts";
import { parseDuration } from "../quantity.ts";
import type { SandboxSpec } from "../spec.ts";
import { SIGNALS } from "../sys/abi/signal.ts";
import { type SandboxOutput, SandboxProcess, type SandboxStatus } from "./child.ts";
import { prepareFilter } from "./filters.ts";
import { isEphemeral, makeChangesDirectory, memoryKeepsChanges } from "./changes_directory.ts";
import { hostFacts } from "./host_facts.ts";
import { HookRunner } from "./hooks.ts";
import { Launch, type LaunchInit } from "./launch.ts";
import { Collector, PipeReader, PipeWriter } from "./pipe.ts";
import { openStdio, type Stdio, type StdioFds } from "./stdio.ts";
import { commandLine } from "./resolve.ts";
import { supervisor } from "./supervisor.ts";
import type { Handler } from "./supervision.ts";
import { exitStatus } from "./wait_status.ts";

/** A program and its arguments; bytes for what is not UTF-8. */
export type Command = readonly (string | Uint8Array)[];

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
}

/** @internal What a sandbox has besides its description, and for tests a system call that fails. */
export interface LaunchOptions {
  /** Who is asked about system calls. */
  handler?: Handler;
  /** Makes a system call of the launch fail. */
  fault?: Fault;
}

const PATTERN_NUL = /\0/;

function checkCommand(command: Command | undefined): Command {
  if (command === undefined || command.length === 0) {
    throw new SpecError("command", 'there is nothing to run; give a program, e.g. ["id"]');
  }
  if (!Array.isArray(command)) {
    throw new SpecError("command", "a command is a list of the program and its arguments");
  }
  command.forEach((word, index) => {
    if (typeof word !== "string" && !((word as unknown) instanceof Uint8Array)) {
      throw new SpecError(`command[${index}]`, `${word} is neither text nor bytes`);
    }
    const bad = typeof word === "string" ? PATTERN_NUL.test(word) : word.includes(0);
    if (bad) throw new SpecError(`command[${index}]`, "an argument cannot hold a NUL byte");
  });
  if (command[0]!.length === 0) throw new SpecError("command[0]", "the program's name is empty");
  return command;
}

interface Begun {
  launch: Launch;
  stdio: StdioFds;
  hooks: HookRunner;
  cgroup?: CgroupSession;
  at: number;
}

async function configured(spec: SandboxSpec, hooks: HookRunner): Promise<SandboxSpec> {
  let current = spec;
  await hooks.run("configure", () => structuredClone(current), (returned) => {
    if (returned !== undefined) current = returned as SandboxSpec;
  });
  return current;
}

/** The cgroup for a launch. Loaded when first used: most sandboxes have no limits. */
async function withCgroup(spec: SandboxSpec): Promise<CgroupSession> {
  checkLimits(spec.limits);
  const { openCgroup } = await import("../cgroup/session.ts");
  return await openCgroup(spec.limits!, supervisor().agent.pid, spec.asPid1);
}

/** Begins; what is still open when it fails is closed. */
async function begin(
  source: SandboxSpec,
  plugins: readonly Plugin[],
  command: Command | undefined,
  stdioChoice: [Stdio, Stdio, Stdio],
  reportStart: boolean,
  options: { signal?: AbortSignal } & LaunchOptions,
): Promise<Begun> {
  const at = performance.now();
  const hooks = new HookRunner(plugins);
  let cgroup: CgroupSession | undefined;
  try {
    options.signal?.throwIfAborted();
    let configuredSpec = hooks.has("configure") ? await configured(source, hooks) : source;
    const { network } = configuredSpec;
    // Most sandboxes are not connected at all, and load nothing of it.
    if (network !== undefined && (network.mode !== "none" || Object.keys(network).length > 1)) {
      const { connected } = await import("./network_modes.ts");
      const connection = await connected(configuredSpec);
      configuredSpec = connection.spec;
      hooks.addFirst(connection.plugins);
    }
    const argv = checkCommand(command ?? configuredSpec.command);
    let facts = hostFacts();
    if (isEphemeral(configuredSpec) && !memoryKeepsChanges(configuredSpec)) {
      const { path, remove } = makeChangesDirectory();
      facts = { ...facts, changesDirectory: path };
      hooks.defer("changes", remove);
    }
    await prepareFilter(configuredSpec);
    const supervise = await superviseCalls(configuredSpec, options.handler);
    if (configuredSpec.limits !== undefined) cgroup = await withCgroup(configuredSpec);
    // What takes its time may have been aborted meanwhile.
    options.signal?.throwIfAborted();
    const stdio = openStdio(configuredSpec.tty ? ["null", "null", "null"] : stdioChoice);
    try {
      const launch = new Launch({
        spec: configuredSpec,
        facts,
        command: (spec) => commandLine(spec, facts, argv),
        stdio: stdio.theirs,
        hooks,
        reportStart: reportStart || hooks.has("postStart"),
        cgroup,
        supervise,
        fault: options.fault,
      });
      return { launch, stdio, hooks, cgroup, at };
    } catch (error) {
      stdio.abandon();
      throw error;
    }
  } catch (error) {
    cgroup?.end();
    await hooks.end();
    throw error;
  }
}

/** Who serves the calls that the filter asks about; loaded for the few that have such a filter. */
async function superviseCalls(
  { seccomp }: SandboxSpec,
  handler: Handler | undefined,
): Promise<LaunchInit["supervise"]> {
  if (handler === undefined && !seccomp?.log) return undefined;
  const { Supervision } = await import("./supervision.ts");
  return {
    hasHandler: handler !== undefined,
    start: (listener, judge) => new Supervision(listener, judge, handler),
  };
}

/** Time limit, abort signal and hooks around a launch: resolves to how it ended. */
function supervise(begun: Begun, options: { signal?: AbortSignal }): Promise<SandboxStatus> {
  const { launch, hooks } = begun;
  const { spec } = launch;
  let timedOut = false;
  const limit = spec.timeout === undefined ? undefined : parseDuration(spec.timeout, "timeout");
  const timer = limit === undefined ? undefined : setTimeout(() => {
    timedOut = true;
    launch.kill(new TimeoutError(`The set-up took longer than the time limit of ${spec.timeout}`));
  }, Math.max(0, limit - (performance.now() - begun.at)));
  const abort = () => launch.kill(options.signal!.reason);
  options.signal?.addEventListener("abort", abort);
  // It may have been aborted while the launch began, before anybody listened.
  if (options.signal?.aborted) abort();
  const postStart = hooks.has("postStart")
    ? launch.started.then(() =>
      hooks.run("postStart", (base) => ({
        ...base,
        spec: structuredClone(spec),
        pid: launch.pid!,
        cgroup: begun.cgroup?.cgroup,
        kill: (signal: Deno.Signal = "SIGTERM") => launch.signal(signalNumber(signal)),
      }))
    )
    : undefined;
  let hookFailure: unknown;
  const guarded = postStart?.catch((error) => {
    hookFailure ??= error;
    launch.kill();
  });
  const finish = async (): Promise<SandboxStatus> => {
    try {
      const ending = await launch.ended;
      const used = begun.cgroup?.end();
      await guarded;
      if (hookFailure !== undefined) throw hookFailure;
      if (options.signal?.aborted) throw options.signal.reason;
      const usage: Usage = {
        wall: performance.now() - begun.at,
        user: ending.usage.user / 1000,
        system: ending.usage.system / 1000,
        maxRss: ending.usage.maxRss * 1024,
        ...(used === undefined ? {} : cgroupUsage(used)),
      };
      const oomKilled = (used?.memory?.oomKills ?? 0) > 0;
      const status = exitStatus(ending.status);
      const hookErrors: SandboxStatus["hookErrors"][number][] = [];
      if (hooks.has("postStop")) {
        await hooks.run(
          "postStop",
          (base) => ({ ...base, spec: structuredClone(spec), status, usage, oomKilled, timedOut }),
        )
          .catch((error) => hookErrors.push(error));
      }
      hookErrors.push(...launch.supervision?.errors ?? []);
      hookErrors.push(...await hooks.end());
      return {
        ...status,
        usage,
        oomKilled,
        timedOut,
        skipped: launch.skipped,
        hookErrors,
        reports: hooks.reports,
        ...(spec.seccomp?.log ? { filteredSyscalls: launch.supervision?.filtered ?? [] } : {}),
      };
    } finally {
      // Deno loads all of node:timers for the first timer, even for clearing none.
      if (timer !== undefined) clearTimeout(timer);
      options.signal?.removeEventListener("abort", abort);
      begun.cgroup?.end();
      await hooks.end();
    }
  };
  const status = finish();
  status.catch(() => {});
  return status;
}

/** What the cgroup counted, of all processes, also of those that nobody waited for. */
function cgroupUsage({ cpu, memory, pids }: CgroupStatistics): Partial<Usage> {
  const usage: { -readonly [key in keyof Usage]?: Usage[key] } = {};
  if (cpu !== undefined) {
    usage.user = cpu.user;
    usage.system = cpu.system;
  }
  if (cpu?.throttled !== undefined) usage.throttled = cpu.throttled;
  if (memory?.peak !== undefined) usage.memoryPeak = memory.peak;
  if (pids?.peak !== undefined) usage.pidsPeak = pids.peak;
  return usage;
}

function signalNumber(name: Deno.Signal): number {
  const number = SIGNALS[name as keyof typeof SIGNALS];
  if (number === undefined) throw new TypeError(`Unknown signal "${name}"`);
  return number;
}

/** Runs a command to its end and collects what it writes. */
export async function output(
  spec: SandboxSpec,
  plugins: readonly Plugin[],
  command: Command | undefined,
  options: Pick<SpawnOptions, "signal" | "stdin"> & LaunchOptions = {},
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
  const collectors = [1, 2].map((index) => new Collector(begun.stdio.ours[index]!));
  try {
    const status = await supervise(begun, options);
    // Our copies of the sandbox's ends were kept, so that the pipes' ends do not wake this program
    // just before the end of the sandbox does. Now nobody is left who could write.
    begun.stdio.release();
    for (const collector of collectors) collector.drain(Infinity);
    for (const collector of collectors) collector.end();
    const [stdout, stderr] = await Promise.all(collectors.map(({ done }) => done));
    return { ...status, stdout: stdout!, stderr: stderr! };
  } finally {
    begun.stdio.release();
    for (const collector of collectors) collector.end();
  }
}

/** Starts a command and resolves once it runs. */
export async function spawn(
  spec: SandboxSpec,
  plugins: readonly Plugin[],
  command: Command | undefined,
  options: SpawnOptions & LaunchOptions = {},
): Promise<SandboxProcess> {
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
  const status = supervise(begun, options);
  try {
    await launch.started;
  } catch (reason) {
    await streams.stdin?.abort().catch(() => {});
    await streams.stdout?.cancel();
    await streams.stderr?.cancel();
    // The status says it better where a hook or an abort is the cause, and waits for the tear-down.
    await status;
    throw reason;
  }
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
  return new SandboxProcess({
    pid: launch.pid ?? 0,
    status,
    ...streams,
    terminal,
    cgroup: begun.cgroup?.cgroup,
    signal: (number) => launch.signal(number),
    killAll: () => launch.kill(),
  });
}
