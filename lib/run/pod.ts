/**
 * Sandboxes that share namespaces: a process holds these, and members join them.
 *
 * The process that holds them is a sandbox whose set-up never comes to its end. Before it mounts
 * anything it hands out descriptors of its namespaces, by which members join: an ordinary user could
 * not open them later, for what is being made a sandbox cannot be looked into.
 *
 * @module
 */

import { INIT_AREA, OUTSIDE_AREA, OUTSIDE_SIZE, REST_AREA } from "../agent/layout.ts";
import { SandboxError } from "../errors.ts";
import type { CgroupGroup } from "../cgroup/group.ts";
import type { Cgroup, Plugin } from "../hook.ts";
import { NAMESPACE_FILE } from "../plan/namespace_steps.ts";
import type { NamespaceKind, SandboxSpec } from "../spec.ts";
import { AT_FDCWD, O_CLOEXEC, O_RDONLY } from "../sys/abi/fcntl.ts";
import { _LINUX_CAPABILITY_VERSION_3 } from "../sys/abi/capability.ts";
import { PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS } from "../sys/abi/prctl.ts";
import { SIGNALS } from "../sys/abi/signal.ts";
import { syscall } from "../sys/libc.ts";
import { begin, type Begun, type Command } from "./begin.ts";
import type { SandboxOutput, SandboxProcess } from "./child.ts";
import { memberSpec } from "./pod_member.ts";
import { checkPod, holderSpec, joinsUser, type PodOptions } from "./pod_options.ts";
import { output, spawn, type SpawnOptions } from "./run.ts";
import type { Handler } from "./supervision.ts";
import { supervisor } from "./supervisor.ts";

/** A member: its description with what is beside it. */
export interface PodMember {
  readonly spec: SandboxSpec;
  readonly plugins: readonly Plugin[];
  readonly handler: Handler | undefined;
}

/**
 * Hands out the namespaces, and keeps the set-up waiting when all is done: what waits is one process,
 * in the middle of a program that never goes on. Nothing of it can be reached by members.
 */
function holder(
  kinds: readonly NamespaceKind[],
  fds: Map<NamespaceKind, number>,
  ready: () => void,
): Plugin {
  return {
    name: "pod",
    async preMount({ inside }) {
      for (const kind of kinds) {
        const path = `/proc/self/ns/${NAMESPACE_FILE[kind]}`;
        const flags = O_RDONLY | O_CLOEXEC;
        fds.set(kind, await inside.descriptor("openat", AT_FDCWD, path, flags, 0));
      }
    },
    networkSetup: {
      order: "post",
      timeout: Infinity,
      async handler({ inside, signal }) {
        // What members leave to pid 1 has nobody to wait for it; with SIG_IGN the kernel does.
        // struct sigaction: the handler first, SIG_IGN is 1. sigaction(2).
        const ignore = new Uint8Array(32);
        ignore[0] = 1;
        await inside.syscall("rt_sigaction", SIGNALS.SIGCHLD, ignore, 0, 8);
        await inside.syscall("prctl", PR_SET_DUMPABLE, 0, 0, 0, 0);
        await inside.syscall("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        // struct __user_cap_header_struct and no capability at all. capset(2).
        const header = new Uint8Array(Int32Array.of(_LINUX_CAPABILITY_VERSION_3, 0).buffer);
        await inside.syscall("capset", header, new Uint8Array(24));
        // It waits in the rest of the set-up, and comes back to nothing before that.
        await inside.syscall("munmap", OUTSIDE_AREA, OUTSIDE_SIZE);
        await inside.syscall("munmap", INIT_AREA, REST_AREA - INIT_AREA);
        ready();
        await new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason));
          signal.throwIfAborted();
        });
      },
    },
  };
}

/** Sandboxes that share namespaces. It ends when it is disposed of, and its members with it. */
export class Pod implements AsyncDisposable {
  readonly #begun: Begun;
  readonly #fds: ReadonlyMap<NamespaceKind, number>;
  readonly #network: readonly Plugin[];
  readonly #hostname: string | undefined;
  readonly #group: CgroupGroup | undefined;
  readonly #members = new Set<Promise<unknown>>();
  readonly #over = new AbortController();
  /** Resolves when it has ended: because it was disposed of, or because its first process did. */
  readonly ended: Promise<void>;
  #disposing = false;

  private constructor(
    begun: Begun,
    fds: ReadonlyMap<NamespaceKind, number>,
    network: readonly Plugin[],
    hostname: string | undefined,
    group: CgroupGroup | undefined,
  ) {
    this.#begun = begun;
    this.#group = group;
    this.#fds = fds;
    this.#network = network;
    this.#hostname = hostname;
    this.ended = begun.launch.ended.then(() => {}, () => {}).then(() => this.#end());
  }

  /** Makes its namespaces, and connects it. */
  static async create(options: PodOptions): Promise<Pod> {
    const pod = checkPod(options);
    const spec = holderSpec(pod);
    const fds = new Map<NamespaceKind, number>();
    const kinds = [...pod.share, ...(joinsUser(pod.share) ? ["user" as const] : [])];
    let network: readonly Plugin[] = [];
    if (pod.network !== undefined) {
      const { connected } = await import("./network_modes.ts");
      // The same description is connected by the same plugins again when it begins.
      ({ plugins: network } = await connected(spec));
    }
    let begun: Begun | undefined;
    let group: CgroupGroup | undefined;
    const ready = Promise.withResolvers<void>();
    try {
      if (pod.limits !== undefined) {
        const { openGroup } = await import("../cgroup/group.ts");
        group = await openGroup(pod.limits, supervisor().agent.pid);
      }
      begun = await begin(
        spec,
        [holder(kinds, fds, ready.resolve)],
        "later",
        ["null", "null", "null"],
        false,
        {},
      );
      begun.stdio.release();
      await Promise.race([ready.promise, begun.launch.ended]);
    } catch (error) {
      begun?.launch.kill();
      await begun?.launch.ended.catch(() => {});
      await begun?.hooks.end();
      for (const fd of fds.values()) syscall("close", fd);
      await group?.[Symbol.asyncDispose]();
      throw error;
    }
    return new Pod(begun, fds, network, spec.hostname, group);
  }

  /** The pid of the process that holds its namespaces, as the host numbers it. */
  get pid(): number {
    return this.#begun.launch.firstPid ?? 0;
  }

  /** Its cgroup, if it has limits. */
  get cgroup(): Cgroup | undefined {
    return this.#group?.cgroup;
  }

  /** How many members run. */
  get members(): number {
    return this.#members.size;
  }

  async #end(): Promise<void> {
    this.#over.abort(
      new SandboxError(
        this.#disposing
          ? "The pod was disposed of, and its members with it"
          : "The process that held the pod's namespaces was killed; its members ended with it",
      ),
    );
    await Promise.allSettled(this.#members);
    await this.#begun.hooks.end();
    for (const fd of this.#fds.values()) syscall("close", fd);
    await this.#group?.[Symbol.asyncDispose]();
  }

  async #member({ spec, ...rest }: PodMember): Promise<PodMember> {
    // That somebody has killed it may not have been told yet.
    supervisor().agent.drain();
    if (this.#disposing || this.#begun.launch.isOver) {
      throw new SandboxError("The pod has ended; no member can join it");
    }
    const joined = await memberSpec(spec, {
      fds: this.#fds,
      network: this.#network,
      hostname: this.#hostname,
      limited: this.#group !== undefined,
    });
    return { ...rest, spec: joined };
  }

  #signal(given: AbortSignal | undefined): AbortSignal {
    const { signal } = this.#over;
    return given === undefined ? signal : AbortSignal.any([signal, given]);
  }

  #keep<T>(member: Promise<T>): Promise<T> {
    const settled = member.then(() => {}, () => {}).finally(() => this.#members.delete(settled));
    this.#members.add(settled);
    return member;
  }

  /** @internal Runs a member to its end; see `Pod` of `lib/pod.ts`. */
  async outputOf(
    member: PodMember,
    command: Command | undefined,
    options: Pick<SpawnOptions, "stdin" | "signal"> = {},
  ): Promise<SandboxOutput> {
    const { spec, plugins, handler } = await this.#member(member);
    const signal = this.#signal(options.signal);
    return await this.#keep(
      output(spec, plugins, command, { ...options, handler, signal, within: this.#group }),
    );
  }

  /** @internal Starts a member. */
  async startOf(
    member: PodMember,
    command: Command | undefined,
    options: SpawnOptions = {},
  ): Promise<SandboxProcess> {
    const { spec, plugins, handler } = await this.#member(member);
    const signal = this.#signal(options.signal);
    const starting = spawn(spec, plugins, command, {
      ...options,
      handler,
      signal,
      within: this.#group,
    });
    const child = await this.#keep(starting);
    this.#keep(child.status);
    return child;
  }

  /** Ends its members, and then itself. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposing = true;
    this.#begun.launch.kill();
    await this.ended;
  }
}
