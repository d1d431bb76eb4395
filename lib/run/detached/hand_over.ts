/**
 * Hands a sandbox that runs over to its agent, which becomes its keeper.
 *
 * @module
 */

import { SandboxError } from "../../errors.ts";
import { assemble } from "../../agent/assembler.ts";
import { returnToAgent } from "../../agent/boot.ts";
import { KEEPER_AREA, OUTSIDE_AREA } from "../../agent/layout.ts";
import { POLLIN } from "../../sys/abi/poll.ts";
import {
  F_SETPIPE_SZ,
  O_CREAT,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
} from "../../sys/abi/fcntl.ts";
import { ENDING, ENDING_NAME, KEEPER_FD, MOST_COUNTED } from "../../plan/detached/layout.ts";
import { keeperProgram } from "../../plan/detached/keeper_program.ts";
import type { KeeperShape } from "../../plan/detached/keeper_shape.ts";
import { loadProgram } from "../../plan/program_parts.ts";
import { parseDuration } from "../../quantity.ts";
import { NAMESPACE_KINDS, type NamespaceKind } from "../../spec.ts";
import type { StateDirectory } from "../../state/directory.ts";
import { emptyEnding, encodeReport } from "../../state/ending.ts";
import { identityOf, nobody, type ProcessIdentity } from "../../state/identity.ts";
import type { NamespaceRecord, SandboxRecord } from "../../state/record.ts";
import { close, open, pipe, pwrite } from "../../sys/file.ts";
import { rawSyscall, syscall } from "../../sys/libc.ts";
import { pidOfPidfd } from "../../sys/pidfd.ts";
import { SYS } from "../../sys/syscall_numbers.ts";
import type { Begun, Command } from "../begin.ts";
import type { Ending, LaunchHandOver } from "../launch_init.ts";
import { environment } from "../resolve.ts";
import type { Supervisor } from "../supervisor.ts";

/** How long the agent may take to become the keeper, in milliseconds. */
const PATIENCE = 30_000;

/** The agent, and all that it makes, leaves the terminal of this program and its job. setsid(2). */
export function newSession({ agent }: Supervisor): void {
  const program = assemble(OUTSIDE_AREA, [
    { call: "setsid", args: [], onError: "ignore" },
    ...returnToAgent(agent.boot),
  ]);
  // The slot is never given back: this agent is of use for one sandbox.
  const slot = agent.arena.take(program.bytes.length);
  agent.arena.write(program.bytes, slot.offset);
  agent.request(slot, program.bytes.length, []);
}

/** The kernel's time since the boot, also while the machine slept, in nanoseconds. */
function boottime(): bigint {
  const CLOCK_BOOTTIME = 7;
  const time = new BigUint64Array(2);
  rawSyscall(SYS.clock_gettime, CLOCK_BOOTTIME, time);
  return time[0]! * 1_000_000_000n + time[1]!;
}

/** Files that say what a cgroup has used when all is over. */
const COUNTED = [
  "cpu.stat",
  "memory.peak",
  "memory.events",
  "memory.current",
  "pids.peak",
  "pids.events",
  "memory.max_usage_in_bytes",
  "memory.failcnt",
  "memory.oom_control",
  "cpuacct.usage",
  "cpuacct.usage_user",
  "cpuacct.usage_sys",
];

/** Descriptors for the keeper, closed here when it has them. */
class Parcel {
  readonly fds: number[] = [];
  readonly numbers: number[] = [];
  readonly #own: number[] = [];
  readonly #kept: number[] = [];

  /** One that is somebody else's to close. */
  lend(fd: number, number: number): void {
    this.fds.push(fd);
    this.numbers.push(number);
  }

  /** One that was opened for this. */
  give(fd: number, number: number): void {
    this.#own.push(fd);
    this.lend(fd, number);
  }

  /** One that stays here. */
  keep(fd: number): void {
    this.#kept.push(fd);
  }

  /** The agent has them now. */
  sent(): void {
    for (const fd of this.#own.splice(0)) close(fd);
  }

  close(): void {
    this.sent();
    for (const fd of this.#kept.splice(0)) close(fd);
  }
}

function namespacesOf(
  held: readonly number[],
): { readonly [kind in NamespaceKind]?: NamespaceRecord } {
  const found: { [kind in NamespaceKind]?: NamespaceRecord } = {};
  held.forEach((fd, index) => {
    const [, name, inode] = /^(\w+):\[(\d+)\]$/.exec(Deno.readLinkSync(`/proc/self/fd/${fd}`)) ??
      [];
    const kind = name === "mnt" ? "mount" : name;
    if (inode === undefined || !NAMESPACE_KINDS.includes(kind as NamespaceKind)) return;
    // Of two the later one is that of the command.
    found[kind as NamespaceKind] = { inode, fd: KEEPER_FD.held + index };
  });
  return found;
}

function openCounted(paths: readonly string[], parcel: Parcel): string[] {
  const found: string[] = [];
  for (const path of paths) {
    for (const file of COUNTED) {
      if (found.length === MOST_COUNTED) return found;
      try {
        parcel.give(open(`${path}/${file}`), KEEPER_FD.counted + found.length);
        found.push(`${path}/${file}`);
      } catch { /* this hierarchy has no such file */ }
    }
  }
  return found;
}

function openFreezer({ cgroup }: Begun, parcel: Parcel): void {
  const index =
    cgroup?.layout.findIndex(({ version, controllers }) =>
      version === 1 && controllers.includes("freezer")
    ) ?? -1;
  if (index === -1) return;
  const path = `${cgroup!.cgroup.paths[index]}/freezer.state`;
  parcel.give(open(path, { flags: O_WRONLY }), KEEPER_FD.freezer);
}

function identity(pidfd: number): ProcessIdentity {
  const pid = pidOfPidfd(pidfd);
  return pid === undefined ? nobody(0) : identityOf(pid, pidfd);
}

/** The file that says how it ended, with all its space, and the logs, for a full disk shows here. */
function makeFiles(state: StateDirectory, id: string, counted: number, parcel: Parcel): number {
  const flags = O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW;
  const ending = open(state.file(id, ENDING_NAME.partial), { flags });
  parcel.give(ending, KEEPER_FD.ending);
  pwrite(ending, emptyEnding(counted), 0);
  for (const name of ["stdout.log", "stderr.log"]) close(open(state.file(id, name), { flags }));
  parcel.give(open(state.sandbox(id), { flags: O_DIRECTORY }), KEEPER_FD.directory);
  return ending;
}

/** Writes down who runs, and makes the agent the keeper. Resolves when it is. */
export async function handOver(
  state: StateDirectory,
  before: SandboxRecord,
  begun: Begun,
  supervisor: Supervisor,
  command: Command | undefined,
): Promise<SandboxRecord> {
  const { launch, cgroup, stdio, facts, at } = begun;
  const { agent } = supervisor;
  const { id, logs } = before;
  const parcel = new Parcel();
  try {
    const taken = launch.handOver();
    // It may have ended by now, and is written down all the same.
    const ended = taken === undefined ? await launch.ended : undefined;
    const held = taken === undefined ? [] : launch.held.splice(0);
    const cgroups = cgroup?.cgroup.paths ?? [];
    const counted = openCounted(cgroups, parcel);
    const ending = makeFiles(state, id, counted.length, parcel);
    const report = ended ?? (taken?.result as Ending | undefined);
    if (report !== undefined) {
      pwrite(ending, encodeReport(report.status, report.usage), ENDING.record);
    }
    if (taken !== undefined) lendProcesses(taken, parcel);
    held.forEach((fd, index) => parcel.give(fd, KEEPER_FD.held + index));
    parcel.lend(agent.status, KEEPER_FD.status);
    // What comes is one record of pid 1 at most, and an ordinary user's room in pipes is limited.
    syscall("fcntl", agent.status, F_SETPIPE_SZ, 4096);
    parcel.lend(stdio.ours[1]!, KEEPER_FD.stdout);
    parcel.lend(stdio.ours[2]!, KEEPER_FD.stderr);
    if (cgroup !== undefined) parcel.lend(cgroup.keeps, KEEPER_FD.cgroup);
    openFreezer(begun, parcel);
    if (begun.lease !== undefined) parcel.lend(begun.lease.fd, KEEPER_FD.image);
    const [ready, theirs] = pipe();
    parcel.keep(ready);
    parcel.give(theirs, KEEPER_FD.ready);
    const spec = launch.spec;
    const record: SandboxRecord = {
      ...before,
      argv: command ?? spec.command ?? before.argv,
      processes: {
        keeper: identityOf(agent.pid),
        first: taken === undefined ? nobody(0) : identity(taken.first),
        command: taken === undefined ? nobody(0) : identity(taken.command),
      },
      started: `${boottime() - BigInt(Math.round((performance.now() - at) * 1e6))}`,
      namespaces: namespacesOf(held),
      entrance: {
        held: held.map((_, index) => KEEPER_FD.held + index),
        preMount: launch.plan.preMount,
      },
      cgroups,
      cgroupLayout: cgroup?.layout ?? [],
      counted,
      spec,
      facts: {
        uid: facts.uid,
        gid: facts.gid,
        umask: facts.umask,
        ...(facts.softNofile === undefined ? {} : { softNofile: facts.softNofile }),
      },
      environment: environment(spec, facts),
      skipped: launch.skipped,
    };
    state.write(record);
    const shape: KeeperShape = {
      firstPid: launch.firstPid ?? 0,
      fds: parcel.numbers,
      logs,
      timeout: spec.timeout === undefined
        ? undefined
        : Math.max(0, parseDuration(spec.timeout, "timeout") - (performance.now() - at)),
      counted: counted.length,
      reported: report !== undefined,
      ended: taken === undefined,
    };
    becomeKeeper(supervisor, shape, parcel.fds);
    parcel.sent();
    if (!isReady(ready)) throw new SandboxError("The keeper of the sandbox ended before it began");
    launch.disown();
    // The keeper has its own of all of these.
    cgroup?.end();
    begun.lease?.[Symbol.dispose]();
    stdio.abandon();
    return record;
  } finally {
    parcel.close();
  }
}

function lendProcesses({ socket, first, command }: LaunchHandOver, parcel: Parcel): void {
  parcel.lend(socket, KEEPER_FD.launch);
  parcel.lend(first, KEEPER_FD.first);
  parcel.lend(command, KEEPER_FD.command);
}

/** Sends the agent what it is to be from now on. */
function becomeKeeper({ agent }: Supervisor, shape: KeeperShape, fds: readonly number[]): void {
  const keeper = keeperProgram(shape, agent.boot);
  const slot = agent.arena.take(keeper.bytes.length);
  agent.arena.write(keeper.bytes, slot.offset);
  const program = assemble(OUTSIDE_AREA, [
    { call: "HANDLER", args: [{ label: "failed" }, { at: "failure" }] },
    ...loadProgram(KEEPER_AREA, slot.offset, keeper.bytes.length),
    { call: "SET", args: [0], goto: KEEPER_AREA },
    // Without a word: that it is not ready says enough.
    { call: "SET", args: [0], label: "failed" },
    ...returnToAgent(agent.boot),
  ], { buffers: { failure: 24 } });
  const outside = agent.arena.take(program.bytes.length);
  agent.arena.write(program.bytes, outside.offset);
  agent.request(outside, program.bytes.length, fds);
}

/** Whether the keeper says that it has begun; it takes it less than a millisecond. */
function isReady(fd: number): boolean {
  const polled = new Int32Array([fd, POLLIN]);
  const time = new BigInt64Array([BigInt(PATIENCE / 1000), 0n]);
  if (rawSyscall(SYS.ppoll, polled, 1, time, 0, 8) <= 0) return false;
  return rawSyscall(SYS.read, fd, new Uint8Array(1), 1) === 1;
}
