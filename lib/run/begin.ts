/**
 * Begins a launch: what has to be looked up, loaded or opened for it, and the launch itself.
 *
 * @module
 */

import type { CgroupParent, CgroupSession } from "../cgroup/session.ts";
import { SpecError } from "../errors.ts";
import type { Plugin } from "../hook.ts";
import type { Fault } from "../plan/launch_shape.ts";
import type { HostFacts } from "../plan/facts.ts";
import { hasImage, optionalParts } from "../plan/optional_parts.ts";
import type { SandboxSpec } from "../spec.ts";
import type { ChangesDirectory } from "./changes_directory.ts";
import { isEphemeral, keepsOnHost, memoryKeepsChanges } from "./ephemeral.ts";
import { prepareFilter } from "./filters.ts";
import { hostFacts } from "./host_facts.ts";
import { HookRunner } from "./hooks.ts";
import { Launch } from "./launch.ts";
import type { LaunchInit } from "./launch_init.ts";
import { commandLine } from "./resolve.ts";
import { openStdio, type Stdio, type StdioFds } from "./stdio.ts";
import type { Handler } from "./supervision.ts";
import { type Supervisor, supervisor } from "./supervisor.ts";
import type { Traced } from "./tracing.ts";

/** A program and its arguments; bytes for what is not UTF-8. */
export type Command = readonly (string | Uint8Array)[];

/** @internal What a sandbox has besides its description, and for tests a system call that fails. */
export interface LaunchOptions {
  /** Who is asked about system calls. */
  handler?: Handler;
  /** Whose agent makes it, where it is to outlive the program. */
  supervisor?: Supervisor;
  /** The sandbox is to be entered later. */
  handOut?: boolean;
  /** The cgroup in which its own lies. */
  within?: CgroupParent;
  /** Makes a system call of the launch fail. */
  fault?: Fault;
  /** Is told of each step and each hook that has ended; nothing is prepared or kept for others. */
  onTrace?: (traced: Traced) => void;
}

const PATTERN_NUL = /\0/;

/** A command that can be executed, or an error that says why not. */
export function checkCommand(command: Command | undefined): Command {
  if (command === undefined || command.length === 0) {
    throw new SpecError("command", 'there is nothing to run; give a program, e.g. ["id"]');
  }
  if (!Array.isArray(command)) {
    const list = JSON.stringify(String(command).trim().split(/\s+/)).replaceAll(",", ", ");
    throw new SpecError("command", `is a list of the program and its arguments; write ${list}`);
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

/** A launch under way, with what belongs to it. */
export interface Begun {
  launch: Launch;
  stdio: StdioFds;
  hooks: HookRunner;
  cgroup?: CgroupSession;
  at: number;
  /** The description as the hooks left it. */
  source: SandboxSpec;
  facts: HostFacts;
  /** Serves what the filter asks about. */
  supervise?: LaunchInit["supervise"];
  /** Keeps the image of its root. */
  lease?: Disposable & { readonly fd: number };
  /** Where its ephemeral changes are, if the kernel cannot keep them in memory. */
  changesDirectory?: ChangesDirectory;
}

async function configured(spec: SandboxSpec, hooks: HookRunner): Promise<SandboxSpec> {
  let current = spec;
  await hooks.run("configure", () => structuredClone(current), (returned) => {
    if (returned !== undefined) current = returned as SandboxSpec;
  });
  return current;
}

/** The cgroup for a launch. Loaded when first used: most sandboxes have no limits. */
async function withCgroup(
  spec: SandboxSpec,
  agent: number,
  within: CgroupParent | undefined,
): Promise<CgroupSession> {
  const { checkLimits } = await import("../plan/check_limits.ts");
  checkLimits(spec.limits);
  const { openCgroup } = await import("../cgroup/session.ts");
  return await openCgroup(spec.limits!, agent, spec.asPid1, within);
}

/**
 * Begins; what is still open when it fails is closed. `"later"`: the sandbox is built up to its
 * command, which {@linkcode Launch.command} tells it.
 */
export async function begin(
  source: SandboxSpec,
  plugins: readonly Plugin[],
  command: Command | "later" | undefined,
  stdioChoice: [Stdio, Stdio, Stdio],
  reportStart: boolean,
  options: { signal?: AbortSignal } & LaunchOptions,
): Promise<Begun> {
  const at = performance.now();
  const hooks = new HookRunner(plugins);
  const { tracing, fault } = options.onTrace === undefined
    ? { tracing: undefined, fault: options.fault }
    : (await import("./tracing.ts")).traced(options.onTrace, options.fault, hooks);
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
    const argv = command === "later" ? undefined : checkCommand(
      command ?? configuredSpec.command ??
        (hasImage(configuredSpec)
          ? optionalParts().images.imageCommand(configuredSpec)
          : undefined),
    );
    let facts = hostFacts();
    let changesDirectory: ChangesDirectory | undefined;
    if (isEphemeral(configuredSpec) && !memoryKeepsChanges(configuredSpec)) {
      const { makeChangesDirectory } = await import("./changes_directory.ts");
      changesDirectory = makeChangesDirectory();
      facts = { ...facts, changesDirectory: changesDirectory.path };
      hooks.defer("changes", changesDirectory.letGo);
    }
    let hasStarted = false;
    if (keepsOnHost(configuredSpec)) {
      const { checkLasting } = await import("./lasting_changes.ts");
      const clearUp = checkLasting(configuredSpec);
      hooks.defer("changes", () => {
        if (!hasStarted) clearUp();
      });
    }
    await prepareFilter(configuredSpec);
    const supervise = await superviseCalls(configuredSpec, options.handler);
    if (configuredSpec.limits !== undefined) {
      const { agent } = options.supervisor ?? supervisor();
      cgroup = await withCgroup(configuredSpec, agent.pid, options.within);
    }
    // What takes its time may have been aborted meanwhile.
    options.signal?.throwIfAborted();
    const lease = hasImage(configuredSpec)
      ? optionalParts().images.holdImage(configuredSpec)
      : undefined;
    const stdio = openStdio(configuredSpec.tty ? ["null", "null", "null"] : stdioChoice);
    try {
      const launch = new Launch({
        spec: configuredSpec,
        facts,
        command: argv && ((spec) => commandLine(spec, facts, argv)),
        stdio: stdio.theirs,
        hooks,
        reportStart: reportStart || hooks.has("postStart") || tracing !== undefined,
        handOut: options.handOut || options.supervisor !== undefined || hooks.has("postStart"),
        cgroup,
        supervise,
        supervisor: options.supervisor,
        fault,
        tracing,
      });
      launch.started.then(() => hasStarted = true, () => {});
      return {
        launch,
        stdio,
        hooks,
        cgroup,
        at,
        source: configuredSpec,
        facts,
        supervise,
        lease,
        changesDirectory,
      };
    } catch (error) {
      lease?.[Symbol.dispose]();
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
