/**
 * A new process in new namespaces, straight out of Deno: clone3(2).
 *
 * No JavaScript can run in such a process before it executes a program: V8 marks its memory
 * MADV_DONTFORK, and the other threads, one of which may hold any lock, do not exist there. So what
 * happens between clone and exec is data: a list of system calls in memory from mmap(2), which a
 * little machine code works through (see `clone_x86_64.S`).
 *
 * @module
 */

import { SyscallError } from "../errors.ts";
import * as abi from "./abi/clone.ts";
import { CLOSE_RANGE_CLOEXEC } from "./abi/fcntl.ts";
import { SIG_SETMASK, SIGNALS } from "./abi/signal.ts";
import { runCloneCode } from "./clone_code.ts";
import { ChildMemory, type RawStep } from "./clone_memory.ts";
import { close, duplicate, pipe, read } from "./file.ts";
import { flagNames } from "./flag_names.ts";
import { check } from "./libc.ts";
import { pidfdSendSignal, waitPidfd } from "./pidfd.ts";

export type { RawArgument, RawStep } from "./clone_memory.ts";

/** What {@linkcode spawnRaw} starts. */
export interface RawSpawnOptions {
  /**
   * `CLONE_*`, or'ed, usually `CLONE_NEW*`. `CLONE_PIDFD` and `CLONE_CLEAR_SIGHAND` are always
   * added. What would share something of Deno's (`CLONE_VM`, `CLONE_FILES`, `CLONE_FS`,
   * `CLONE_SIGHAND`, `CLONE_THREAD`) is refused.
   */
  flags?: number | bigint;
  /** The program's absolute path; there is no search along PATH. */
  path: string;
  /** The program's arguments, its own name first; only the path when not given. */
  argv?: readonly string[];
  /** The program's environment; empty when not given. */
  env?: Readonly<Record<string, string>>;
  /** What becomes its descriptors 0, 1 and 2; Deno's own when not given. All others are closed. */
  stdio?: readonly [number, number, number];
  /** System calls to make in the child before the program starts. The first that fails ends it. */
  steps?: readonly RawStep[];
  /** A cgroup's directory to start in (`CLONE_INTO_CGROUP`). */
  cgroup?: number;
}

/** A child that was started. */
export interface RawChild {
  /** Its process id, in the caller's pid namespace. */
  pid: number;
  /** Its pidfd, close-on-exec. Wait for it by `waitPidfd`, and close it. */
  pidfd: number;
}

const SHARING = abi.CLONE_VM | abi.CLONE_FILES | abi.CLONE_FS | abi.CLONE_SIGHAND |
  abi.CLONE_THREAD;

// System calls whose second text is a path as well.
const TWO_PATHS = /^(mount|pivot_root|move_mount|(sym)?link(at)?|rename(at2?)?)$/;

/**
 * Starts a program in a new process, with any namespaces, and returns once the program runs: this
 * blocks JavaScript for as long as the steps take.
 *
 * The child starts with default signal handlers (SIGPIPE too) and no signal blocked, and with no
 * descriptors but 0 to 2: the others are marked close-on-exec before the first step, so a step may
 * still use them.
 *
 * Errors: those of clone3 (EPERM, ENOSPC for a limit of `/proc/sys/user`, EINVAL, EAGAIN), of the
 * step that failed, or of execve, each by its name; a child that failed has been reaped. A child
 * that a step kills counts as started: its wait status tells.
 * Permissions: `--allow-ffi`. Source: clone3(2), Linux 5.5.
 *
 * @example
 * ```ts
 * import { CLONE_NEWUSER, CLONE_NEWUTS, close, spawnRaw, waitPidfd } from "@paddock/paddock/sys";
 *
 * const child = spawnRaw({
 *   flags: CLONE_NEWUSER | CLONE_NEWUTS,
 *   path: "/bin/uname",
 *   argv: ["uname", "-n"],
 *   steps: [{ name: "sethostname", args: ["fern", 4] }],
 * });
 * console.log(waitPidfd(child.pidfd)?.code); // 0
 * close(child.pidfd);
 * ```
 */
export function spawnRaw(options: RawSpawnOptions): RawChild {
  const flags = BigInt(options.flags ?? 0) | BigInt(abi.CLONE_PIDFD) |
    BigInt(abi.CLONE_CLEAR_SIGHAND) |
    (options.cgroup === undefined ? 0n : BigInt(abi.CLONE_INTO_CGROUP));
  if (flags & BigInt(SHARING)) {
    throw new TypeError(
      `A child cannot share with Deno: ${flagNames(flags & BigInt(SHARING), abi, "CLONE_")}`,
    );
  }
  const ours: number[] = [];
  const keep = (fd: number) => (ours.push(fd), fd);
  try {
    const [readEnd, writeEnd] = pipe().map(keep) as [number, number];
    // Copies above 2, so that no dup3 below overwrites the source of the next.
    const stdio = options.stdio?.map((fd) => keep(duplicate(fd)));
    const failureEnd = keep(duplicate(writeEnd));
    const steps = stepsOf(options, stdio);
    const argv = options.argv ?? [options.path];
    const env = Object.entries(options.env ?? {}).map(([name, value]) => `${name}=${value}`);
    using memory = new ChildMemory(steps, argv, env);
    const request = memory.writeRequest(flags, failureEnd, options.cgroup ?? 0);
    const pid = check(runCloneCode(request), "clone3", {
      path: options.path,
      get flags() {
        return flagNames(flags, abi, "CLONE_");
      },
    });
    const pidfd = memory.pidfd();
    close(ours.splice(ours.indexOf(failureEnd), 1)[0]!);
    close(ours.splice(ours.indexOf(writeEnd), 1)[0]!);
    return started({ pid, pidfd }, readEnd, steps);
  } finally {
    for (const fd of ours) close(fd);
  }
}

/** Waits until the program runs (execve closes the pipe) or a step's failure arrives. */
function started(child: RawChild, readEnd: number, steps: readonly RawStep[]): RawChild {
  try {
    const report = new BigUint64Array(2);
    const count = read(readEnd, new Uint8Array(report.buffer));
    if (count === 0) return child;
    const step = steps[Number(report[0]!)]!;
    const texts = step.args.filter((argument) => typeof argument === "string");
    throw new SyscallError({
      syscall: step.name,
      errno: Number(report[1]!),
      path: texts[0],
      dest: TWO_PATHS.test(step.name) ? texts[1] : undefined,
    });
  } catch (error) {
    pidfdSendSignal(child.pidfd, "SIGKILL");
    waitPidfd(child.pidfd);
    close(child.pidfd);
    throw error;
  }
}

/** Everything that the child does, execve last. */
function stepsOf(options: RawSpawnOptions, stdio: readonly number[] | undefined): RawStep[] {
  return [
    // Deno's runtime ignores SIGPIPE, and CLONE_CLEAR_SIGHAND leaves what is ignored.
    { name: "rt_sigaction", args: [SIGNALS.SIGPIPE, new Uint8Array(32), 0, 8] },
    { name: "rt_sigprocmask", args: [SIG_SETMASK, new Uint8Array(8), 0, 8] },
    { name: "close_range", args: [3, 0xffffffff, CLOSE_RANGE_CLOEXEC] },
    ...(stdio ?? []).map((fd, index): RawStep => ({ name: "dup3", args: [fd, index, 0] })),
    ...(options.steps ?? []),
    // ChildMemory fills in the two tables.
    { name: "execve", args: [options.path, 0, 0] },
  ];
}
