/**
 * Starts a sandbox that outlives this program: it is written down, launched as any other by an agent
 * of its own, and handed over to that agent, which becomes its keeper.
 *
 * Whenever this program is killed, what is left is told from what runs: before the record says that
 * it runs, by this program's end; after that, by the keeper's.
 *
 * @module
 */

import { HookError, SandboxError, SpecError, TimeoutError } from "../../errors.ts";
import type { Plugin } from "../../hook.ts";
import { parseDuration } from "../../quantity.ts";
import type { SandboxSpec } from "../../spec.ts";
import { conditionOf } from "../../state/condition.ts";
import { StateDirectory } from "../../state/directory.ts";
import { identityOf, ownPidNamespace } from "../../state/identity.ts";
import { RECORD_VERSION, type SandboxRecord } from "../../state/record.ts";
import { begin, type Begun, type Command, type LaunchOptions } from "../begin.ts";
import { postStartContext } from "../joining/post_start.ts";
import { Supervisor } from "../supervisor.ts";
import { checkDetachable, checkName } from "./check.ts";
import { handOver, newSession } from "./hand_over.ts";
import { checkLogs, type LogOptions } from "../../state/log_options.ts";

/** How a sandbox is started that outlives this program. */
export interface DetachOptions {
  /** What it is called by the commands; unique among those that are written down. */
  name?: string;
  /** How much of its output is kept. */
  logs?: LogOptions;
  /**
   * Modules of which the sandbox's plugins are, by absolute paths or URLs: their `postStop` is run by
   * the next command that sees the end.
   */
  hooks?: readonly string[];
}

function newId(): string {
  return crypto.getRandomValues(new Uint8Array(8)).toHex();
}

/** Writes down that it is about to be started, and claims its name. */
async function claim(
  state: StateDirectory,
  spec: SandboxSpec,
  plugins: readonly Plugin[],
  command: Command,
  { name, logs, hooks = [] }: DetachOptions,
): Promise<SandboxRecord> {
  const id = newId();
  const record: SandboxRecord = {
    version: RECORD_VERSION,
    id,
    ...(name === undefined ? {} : { name }),
    created: Date.now(),
    owner: Deno.uid()!,
    pidNamespace: ownPidNamespace(),
    argv: command,
    starter: identityOf(Deno.pid),
    namespaces: {},
    entrance: { held: [], preMount: false },
    cgroups: [],
    cgroupLayout: [],
    counted: [],
    spec,
    facts: { uid: Deno.uid()!, gid: Deno.gid()!, umask: Deno.umask() },
    environment: [],
    logs: {
      stdout: state.file(id, "stdout.log"),
      stderr: state.file(id, "stderr.log"),
      ...checkLogs(logs),
    },
    status: state.file(id, "status"),
    hooks: plugins.some(({ postStop }) => postStop !== undefined) ? hooks : [],
    skipped: [],
  };
  using _lock = await state.lock();
  const holder = name === undefined ? undefined : state.idOf(name);
  const before = holder === undefined ? undefined : readable(state, holder);
  // Whoever had the name was killed before there was a sandbox.
  if (before !== undefined && conditionOf(before) === "broken") state.remove(before.id, name);
  state.claim(record);
  return record;
}

function readable(state: StateDirectory, id: string): SandboxRecord | undefined {
  try {
    return state.read(id);
  } catch {
    return undefined;
  }
}

/** Starts it: the record says who runs, and nothing of it depends on this program any more. */
export async function startDetached(
  spec: SandboxSpec,
  plugins: readonly Plugin[],
  command: Command | undefined,
  options: DetachOptions & LaunchOptions = {},
): Promise<SandboxRecord> {
  if (options.name !== undefined) checkName(options.name);
  checkDetachable(spec, plugins, options.handler, options.hooks ?? []);
  const state = StateDirectory.make();
  const record = await claim(state, spec, plugins, command ?? spec.command ?? [], options);
  const supervisor = new Supervisor(() => {});
  let begun: Begun | undefined;
  try {
    newSession(supervisor);
    begun = await begin(spec, plugins, command, ["null", "piped", "piped"], true, {
      ...options,
      supervisor,
    });
    begun.stdio.release();
    await started(begun, plugins);
    return await handOver(state, record, begun, supervisor, command);
  } catch (error) {
    if (begun !== undefined) await tearDown(begun, error);
    using _lock = await state.lock();
    state.remove(record.id, record.name);
    throw error;
  } finally {
    supervisor.agent.abandon();
  }
}

/** Waits until the command runs, within its time, and for the hooks that see it run. */
async function started(begun: Begun, plugins: readonly Plugin[]): Promise<void> {
  const { launch, hooks, at } = begun;
  const { spec } = launch;
  const limit = spec.timeout === undefined ? undefined : parseDuration(spec.timeout, "timeout");
  const timer = limit === undefined ? undefined : setTimeout(() => {
    launch.kill(new TimeoutError(`The set-up took longer than the time limit of ${spec.timeout}`));
  }, Math.max(0, limit - (performance.now() - at)));
  try {
    await launch.started;
    // Without hooks nothing is waited for any more.
    if (plugins.some(({ postStart }) => postStart !== undefined)) {
      await hooks.run("postStart", (base) => postStartContext(begun, base));
    }
  } finally {
    clearTimeout(timer);
  }
  const [cleaner] = hooks.cleaners;
  if (cleaner !== undefined) {
    throw new HookError(
      cleaner,
      "defer",
      new SpecError(
        "detach",
        "what is to be cleaned up would be a function of this program, and a detached sandbox outlives it; put it into postStop of a module",
      ),
    );
  }
}

/** Nothing came of it: everything ends, and what hooks have begun is undone. */
async function tearDown({ launch, hooks, cgroup, lease, stdio }: Begun, cause: unknown) {
  launch.kill(cause instanceof Error ? cause : new SandboxError(String(cause)));
  await launch.ended.catch(() => {});
  cgroup?.end();
  lease?.[Symbol.dispose]();
  stdio.abandon();
  await hooks.end();
}
