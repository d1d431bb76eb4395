/**
 * Runs a further command in a running sandbox.
 *
 * @module
 */

import { SandboxError, SpecError, TimeoutError } from "../../errors.ts";
import { checkKeys } from "../../known_keys.ts";
import { parseDuration } from "../../quantity.ts";
import type { SandboxSpec, TerminalSize } from "../../spec.ts";
import { AT_FDCWD, O_CLOEXEC, O_DIRECTORY, O_RDONLY, O_WRONLY } from "../../sys/abi/fcntl.ts";
import { check, cString, syscall } from "../../sys/libc.ts";
import { checkCommand, type Command } from "../begin.ts";
import { prepareFilter } from "../filters.ts";
import { commandLine } from "../resolve.ts";
import { openStdio, type Stdio, type StdioFds } from "../stdio.ts";
import type { Supervision } from "../supervision.ts";
import { supervisor } from "../supervisor.ts";
import { compileExec } from "./compiled_exec.ts";
import type { Entrance } from "./entrance.ts";
import { Joiner } from "./joiner.ts";

/** Who a further command is. */
export interface ExecUser {
  /** The user's number inside. */
  uid: number;
  /** The group's number inside. Default: the same as `uid`. */
  gid?: number;
  /** Supplementary groups. */
  groups?: readonly number[];
}

/** How a further command runs in a sandbox. */
export interface ExecOptions {
  /** Variables besides the sandbox's own, which they win over. */
  env?: Readonly<Record<string, string | Uint8Array>>;
  /** The working directory inside. Default: the sandbox's. */
  cwd?: string;
  /** Who it is, by numbers inside. Default: the sandbox's user. */
  user?: number | ExecUser;
  /** Gives it a terminal of its own, of the sandbox's devpts. */
  tty?: boolean | TerminalSize;
  /** Where standard input comes from. Default: `"inherit"` for `exec`, `"null"` for `execOutput`. */
  stdin?: Stdio;
  /** Where standard output goes. Default: `"inherit"`. */
  stdout?: Stdio;
  /** Where standard error goes. Default: `"inherit"`. */
  stderr?: Stdio;
  /** Kills the command when it is aborted. */
  signal?: AbortSignal;
  /** Kills the command after this time: `"30s"` or milliseconds. */
  timeout?: string | number;
}

/** An exec under way. */
export interface Entered {
  readonly joiner: Joiner;
  readonly stdio: StdioFds;
  readonly at: number;
  /** Whether the time limit has ended it. */
  readonly timedOut: () => boolean;
}

function userOf(entrance: Entrance, user: ExecOptions["user"]): Required<ExecUser> {
  const own = entrance.identity.user;
  if (user === undefined) return own;
  if (typeof user === "object") checkKeys(user, "user", ["uid", "gid", "groups"]);
  const { uid, gid = uid, groups = [] } = typeof user === "number" ? { uid: user } : user;
  for (const [field, id] of [["uid", uid], ["gid", gid]] as const) {
    if (!Number.isInteger(id) || id < 0 || id > 0xffff_fffe) {
      throw new SpecError(`user.${field}`, `${id} is not an id`);
    }
  }
  const { maps, denySetgroups } = entrance.identity;
  const mapped = (id: number, list: readonly { inside: number; count?: number }[]) =>
    list.some(({ inside, count = 1 }) => id >= inside && id < inside + count);
  if (maps && !(mapped(uid, maps.uids) && mapped(gid, maps.gids))) {
    throw new SpecError("user", `${uid}:${gid} is not in the sandbox's id map; see idMap()`);
  }
  if (denySetgroups && groups.length > 0) {
    throw new SpecError("user.groups", 'they need a map of several ids; idMap("auto")');
  }
  return { uid, gid, groups };
}

/** The cgroup's files: what a process of version 2 is born in, and where it goes with version 1. */
function openCgroup(entrance: Entrance): { into?: number; attach: number[] } {
  const { cgroup } = entrance;
  if (cgroup === undefined) return { attach: [] };
  const attach: number[] = [];
  let into: number | undefined;
  try {
    for (const [index, { version }] of cgroup.layout.entries()) {
      const path = cgroup.paths[index]!;
      const open = (name: string, flags: number) =>
        check(syscall("openat", AT_FDCWD, cString(name), flags | O_CLOEXEC, 0), "openat", {
          path: name,
          hint: "it was to be the sandbox's cgroup",
        });
      if (version === 2) into = open(path, O_RDONLY | O_DIRECTORY);
      else attach.push(open(`${path}/cgroup.procs`, O_WRONLY));
    }
    return { into, attach };
  } catch (error) {
    for (const fd of [...attach, ...into === undefined ? [] : [into]]) syscall("close", fd);
    throw error;
  }
}

/** Begins an exec; resolves when the agent has been told. */
export async function enter(
  entrance: Entrance,
  command: Command,
  options: ExecOptions,
  streams: readonly [Stdio, Stdio, Stdio],
): Promise<Entered> {
  const at = performance.now();
  const argv = checkCommand(command);
  const { spec, facts, held } = entrance;
  const { signal, tty = false } = options;
  if (typeof tty === "object") checkKeys(tty, "tty", ["columns", "rows"]);
  signal?.throwIfAborted();
  if (options.cwd !== undefined && !options.cwd.startsWith("/")) {
    throw new SpecError("cwd", `"${options.cwd}" must be an absolute path inside of the sandbox`);
  }
  if (options.cwd?.includes("\0")) throw new SpecError("cwd", "a path cannot hold a NUL byte");
  const limit = options.timeout === undefined
    ? undefined
    : parseDuration(options.timeout, "timeout");
  const user = userOf(entrance, options.user);
  await prepareFilter(spec);
  const line = commandLine(withEnvironment(entrance, options.env), facts, argv);
  const owner = supervisor();
  const descriptors = entrance.descriptors();
  if (descriptors.length !== held.length) throw new SandboxError("The sandbox has ended");
  await mustNotStandStill(entrance);
  const cgroup = openCgroup(entrance);
  let stdio: StdioFds | undefined;
  let supervision: Supervision | undefined;
  try {
    stdio = openStdio(tty ? ["null", "null", "null"] : streams);
    const { steps, program, judge } = compileExec(owner.agent.boot, entrance, {
      line,
      user,
      cwd: options.cwd ?? spec.cwd ?? "/",
      tty,
      attaches: cgroup.attach.length,
      bornInside: cgroup.into !== undefined,
    });
    const { supervise } = entrance;
    const joiner = new Joiner(owner, {
      program,
      steps,
      fds: [
        ...stdio.theirs,
        ...descriptors,
        ...cgroup.attach,
        ...cgroup.into === undefined ? [] : [cgroup.into],
      ],
      listener: supervise && judge
        ? (fd) => {
          supervision = supervise.start(fd, judge);
        }
        : undefined,
    });
    const timedOut = guard(joiner, signal, limit);
    const close = () => supervision?.close();
    joiner.ended.then(close, close);
    return { joiner, stdio, at, timedOut };
  } catch (error) {
    stdio?.abandon();
    throw error;
  } finally {
    for (const fd of cgroup.attach) syscall("close", fd);
    if (cgroup.into !== undefined) syscall("close", cgroup.into);
  }
}

/** The description with what the command's environment is to be. */
function withEnvironment(
  { spec, environment }: Entrance,
  env: ExecOptions["env"] = {},
): SandboxSpec {
  if (environment === undefined) {
    return { ...spec, env: { ...spec.env, set: { ...spec.env.set, ...env } } };
  }
  const set: Record<string, string | Uint8Array> = {};
  for (const entry of environment) {
    const text = typeof entry === "string" ? entry : new TextDecoder().decode(entry);
    const name = text.slice(0, text.indexOf("="));
    const start = new TextEncoder().encode(name).length + 1;
    set[name] = typeof entry === "string" ? entry.slice(name.length + 1) : entry.slice(start);
  }
  return { ...spec, env: { inherit: [], set: { ...set, ...env } } };
}

/** Whoever enters a frozen cgroup stands still too, and its caller with it. */
async function mustNotStandStill({ cgroup }: Entrance): Promise<void> {
  if (cgroup === undefined) return;
  const { isFrozen } = await import("../../cgroup/frozen.ts");
  if (isFrozen(cgroup.layout, cgroup.paths)) {
    throw new SandboxError("The sandbox is paused; resume() it first");
  }
}

/** Its time limit and its abort signal. */
function guard(
  joiner: Joiner,
  signal: AbortSignal | undefined,
  limit: number | undefined,
): () => boolean {
  let timedOut = false;
  const abort = () => joiner.kill(signal!.reason);
  signal?.addEventListener("abort", abort);
  const timer = limit === undefined ? undefined : setTimeout(() => {
    timedOut = true;
    joiner.kill(new TimeoutError(`Entering took longer than the time limit of ${limit} ms`));
  }, limit);
  const done = () => {
    signal?.removeEventListener("abort", abort);
    // Deno loads all of node:timers for the first timer, even for clearing none.
    if (timer !== undefined) clearTimeout(timer);
  };
  joiner.ended.then(done, done);
  return () => timedOut;
}
