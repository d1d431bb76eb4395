/**
 * The builder: an immutable description that every method returns a changed copy of.
 *
 * @module
 */

import { DEFAULT_SPEC, EMPTY_SPEC } from "./defaults.ts";
import { SpecError } from "./errors.ts";
import { checkKeys } from "./known_keys.ts";
import { checkLandlock } from "./plan/check_landlock.ts";
import { checkCapabilities, checkSeccomp } from "./plan/check_privileges.ts";
import {
  checkIoPriority,
  checkNice,
  checkOomScoreAdj,
  checkPersonality,
  checkScheduler,
} from "./plan/check_scheduling.ts";
import { checkLimits } from "./plan/check_limits.ts";
import { checkNetwork, networkNamespace } from "./plan/check_network.ts";
import { checkSpec } from "./plan/check_spec.ts";
import { noneOf } from "./plan/check_values.ts";
import { checkMountOptions } from "./plan/mounts/check.ts";
import { defineHook, type Plugin } from "./hook.ts";
import { parseCpuList, parseDuration, parseMode, parseSize } from "./quantity.ts";
import type { SandboxOutput, SandboxProcess } from "./run/child.ts";
// What a description can want besides the defaults.
import "./run/all_parts.ts";
import { makePlan, type Plan } from "./run/plan_view.ts";
import { checkOptions } from "./run/check_options.ts";
import { type Command, output, spawn, type SpawnOptions } from "./run/run.ts";
import type { RunningSandbox } from "./running.ts";
import type { StartOptions } from "./start.ts";
import type { Asked, Filter } from "./seccomp/builder.ts";
import type { Handler } from "./run/supervision.ts";
import type { DecideHandler, ObserveHandler } from "./run/supervised_call.ts";
import {
  type BindMount,
  type CapabilitiesSpec,
  type CapabilityName,
  type CgroupfsMount,
  type DescriptorSource,
  type DevptsMount,
  type DirectoryRoot,
  type DirMount,
  type FileMount,
  type FilesystemMount,
  type IdMapSpec,
  type IoPrioritySpec,
  type JoinTarget,
  type LandlockSpec,
  type LimitsSpec,
  type MountSpec,
  NAMESPACE_KINDS,
  type NamespaceChoice,
  type NamespaceKind,
  type NetworkMode,
  type NetworkSettingsOf,
  type NetworkSpec,
  type NoneNetwork,
  type OverlayMount,
  type PersonalityName,
  type ProcMount,
  type RlimitName,
  type RlimitValue,
  type RootSpec,
  type SandboxSpec,
  type SchedulerSpec,
  type SchedulingPolicy,
  type SeccompProfile,
  type TerminalSize,
  type TimeOffsets,
  type TmpfsMount,
} from "./spec.ts";
import { CAPABILITIES } from "./sys/abi/capability.ts";

/** A kind of namespace, also by the names that the kernel's files and docker use. */
export type NamespaceName = NamespaceKind | "mnt" | "network";

/** What can be said about a mount beside its kind and its place. */
export type MountOptions<Mount> = Omit<Mount, "kind" | "target">;

/** How a bind shows its source. */
export type BindOptions = Omit<BindMount, "kind" | "source" | "target">;

const ALIASES: Record<string, NamespaceKind> = { mnt: "mount", network: "net" };

function namespaceKind(name: string): NamespaceKind {
  const kind = ALIASES[name] ?? name;
  if (!NAMESPACE_KINDS.includes(kind as NamespaceKind)) {
    throw new SpecError("namespaces", noneOf(name, NAMESPACE_KINDS));
  }
  return kind as NamespaceKind;
}

/** The kernel counts bytes. sethostname(2). */
function checkName(name: string, field: string): void {
  if (name === "" || new TextEncoder().encode(name).length > 64 || name.includes("\0")) {
    throw new SpecError(field, `"${name}" must have 1 to 64 characters`);
  }
}

/** How a filter is served. */
export interface SeccompOptions {
  /** Counts what the filter denies with an errno or logs: `filteredSyscalls` of the result. */
  log?: boolean;
  /** Is told of the calls that the profile has notifications for. */
  observe?: ObserveHandler;
  /** Decides them. */
  decide?: DecideHandler;
  /** How long a handler may take before the call is denied. Default: `"5s"`. */
  timeout?: string | number;
}

/** A policy made by `filter` is an object of a class; its data is what counts. */
function plainProfile(profile: SeccompProfile | Filter<Asked>): SeccompProfile {
  if (typeof profile !== "object" || !("asks" in profile)) return structuredClone(profile);
  const { asks: _, ...policy } = profile as Filter<Asked>;
  return structuredClone(policy);
}

/** A copy, so that what the caller does to its own bytes later does not change a sandbox. */
function copy(value: string | Uint8Array): string | Uint8Array {
  return value instanceof Uint8Array ? value.slice() : value;
}

/** Milliseconds with their unit, for a file that a description is written to takes no bare number. */
function withUnit(time: string | number): string {
  return typeof time === "number" ? `${time}ms` : time;
}

/** All of a sandbox. */
interface Description {
  readonly spec: SandboxSpec;
  readonly plugins: readonly Plugin[];
  readonly handler: Handler | undefined;
}

let reveal: (box: Sandbox) => Description;

/**
 * A sandbox, described. Every method returns a new one and changes nothing; only `plan`, `spawn`
 * and `output` do something.
 *
 * ```ts
 * import { sandbox } from "@paddock/paddock";
 *
 * const box = sandbox().hostname("fern").tmpfs("/work", { size: "16M" }).cwd("/work");
 * const { stdout } = await box.output(["hostname"]);
 * console.log(new TextDecoder().decode(stdout)); // fern
 * ```
 */
export class Sandbox {
  static {
    reveal = (box) => ({ spec: box.#spec, plugins: box.#plugins, handler: box.#handler });
  }

  readonly #spec: SandboxSpec;
  readonly #plugins: readonly Plugin[];
  /** Who is asked about system calls. */
  readonly #handler: Handler | undefined;

  private constructor(spec: SandboxSpec, plugins: readonly Plugin[], handler?: Handler) {
    this.#spec = spec;
    this.#plugins = plugins;
    this.#handler = handler;
  }

  /** A sandbox with the safe defaults. */
  static create(): Sandbox {
    return new Sandbox(DEFAULT_SPEC, []);
  }

  /** A sandbox with no isolation at all: every namespace shared, an empty environment. */
  static empty(): Sandbox {
    return new Sandbox(EMPTY_SPEC, []);
  }

  /**
   * A sandbox from its description as plain data, on top of the safe defaults: a field that is not
   * given is as in {@linkcode sandbox}, and so is a kind of namespace, so that nothing is shared
   * that was not spelled out. Lists are taken as they are: `mounts` is all of them.
   */
  static from(spec: Partial<SandboxSpec>): Sandbox {
    const given = structuredClone(spec);
    const namespaces = { ...DEFAULT_SPEC.namespaces, ...given.namespaces };
    const full = {
      ...DEFAULT_SPEC,
      // What the defaults say about a namespace of its own is not for one that is not.
      ...(namespaces.uts === "new" ? {} : { hostname: undefined }),
      ...(namespaces.mount === "new" ? {} : { mounts: [] }),
      ...given,
      namespaces,
      env: { ...DEFAULT_SPEC.env, ...given.env },
    };
    checkSpec(full);
    return new Sandbox(full, []);
  }

  /** The description, as a copy of plain data. */
  get spec(): SandboxSpec {
    return structuredClone(this.#spec);
  }

  #with(change: Partial<SandboxSpec>): Sandbox {
    return new Sandbox({ ...this.#spec, ...change }, this.#plugins, this.#handler);
  }

  #namespaces(names: readonly NamespaceName[], choice: NamespaceChoice): Sandbox {
    const namespaces = { ...this.#spec.namespaces };
    for (const name of names) namespaces[namespaceKind(name)] = choice;
    return this.#with({ namespaces });
  }

  /** Makes these namespaces new. namespaces(7). */
  unshare(...kinds: NamespaceName[]): Sandbox {
    return this.#namespaces(kinds, "new");
  }

  /**
   * Shares these namespaces with the host program. What needs one of its own goes with it: the
   * hostname with uts, the default mounts with mount.
   */
  share(...kinds: NamespaceName[]): Sandbox {
    const next = this.#namespaces(kinds, "shared");
    const shared = kinds.map(namespaceKind);
    const change: { -readonly [key in keyof SandboxSpec]?: SandboxSpec[key] } = {};
    if (shared.includes("uts") && this.#spec.hostname === DEFAULT_SPEC.hostname) {
      change.hostname = undefined;
    }
    if (shared.includes("mount") && this.#spec.mounts === DEFAULT_SPEC.mounts) change.mounts = [];
    return next.#with(change);
  }

  /**
   * Joins an existing namespace: a path, `{ pid }` or `{ fd }`. setns(2). Needs CAP_SYS_ADMIN in
   * the user namespace that owns it.
   */
  join(kind: NamespaceName, target: JoinTarget): Sandbox {
    const next = this.#namespaces([kind], { join: structuredClone(target) });
    const change: Partial<SandboxSpec> = {};
    if (namespaceKind(kind) === "uts" && this.#spec.hostname === DEFAULT_SPEC.hostname) {
      change.hostname = undefined;
    }
    if (namespaceKind(kind) === "mount" && this.#spec.mounts === DEFAULT_SPEC.mounts) {
      change.mounts = [];
    }
    return next.#with(change);
  }

  /** Who the command is inside. The group defaults to the same number. */
  user(uid: number, gid: number = uid, groups: readonly number[] = []): Sandbox {
    return this.#with({ user: { uid, gid, groups: [...groups] } });
  }

  /** Which ids exist inside. user_namespaces(7). `"auto"` takes them from `/etc/subuid`. */
  idMap(map: IdMapSpec): Sandbox {
    return this.#with({ idMap: structuredClone(map) });
  }

  /** The hostname inside. */
  hostname(name: string): Sandbox {
    checkName(name, "hostname");
    return this.#with({ hostname: name });
  }

  /** The NIS domain name inside. */
  domainname(name: string): Sandbox {
    checkName(name, "domainname");
    return this.#with({ domainname: name });
  }

  /**
   * What `/` is: `"host"` (a minimal read-only view), `"empty"`, a directory of the host, or
   * `{ overlay }`, several directories stacked.
   */
  root(root: RootSpec | string, options: Omit<DirectoryRoot, "path"> = {}): Sandbox {
    if ((typeof root === "object" || root === "host" || root === "empty")) {
      // They are a directory's; of an image or an overlay they are said within.
      checkKeys(options, "root", []);
    }
    const spec: RootSpec = root === "host" || root === "empty" || typeof root === "object"
      ? structuredClone(root)
      : { path: root, ...structuredClone(options) };
    return this.#with({ root: spec });
  }

  #mount(mount: MountSpec): Sandbox {
    return this.#with({ mounts: [...this.#spec.mounts, mount] });
  }

  /**
   * Shows a file or directory of the host inside; read-only unless `writable`. Instead of a path,
   * `{ fd }` is an open descriptor of it.
   */
  bind(source: string, target?: string, options?: BindOptions): Sandbox;
  /** Shows what an open descriptor leads to, which no path can be swapped under. */
  bind(source: DescriptorSource, target: string, options?: BindOptions): Sandbox;
  bind(
    source: string | DescriptorSource,
    target: string | undefined = typeof source === "string" ? source : undefined,
    options: BindOptions = {},
  ): Sandbox {
    if (target === undefined) {
      throw new SpecError("bind.target", "a descriptor has no place of its own; give a target");
    }
    if (target === source && !target.startsWith("/")) {
      throw new SpecError(
        "bind.target",
        `"${source}" is relative; say where it is to be inside, e.g. bind("${source}", "/work")`,
      );
    }
    checkMountOptions("bind", options, ["source"]);
    return this.#mount(structuredClone({ kind: "bind", source, target, ...options }));
  }

  /** Puts an empty filesystem in memory there. */
  tmpfs(target: string, options: MountOptions<TmpfsMount> = {}): Sandbox {
    checkMountOptions("tmpfs", options);
    if (options.size !== undefined) parseSize(options.size, "tmpfs.size");
    if (options.mode !== undefined) parseMode(options.mode, "tmpfs.mode");
    return this.#mount({ kind: "tmpfs", target, ...options });
  }

  /**
   * Stacks directories of the host there, the topmost first; none of them is written. Changes go to
   * `upper`: `"ephemeral"` for memory, or a directory; without it the overlay is read-only.
   */
  overlay(target: string, layers: MountOptions<OverlayMount>): Sandbox {
    checkMountOptions("overlay", layers);
    return this.#mount(structuredClone({ kind: "overlay", target, ...layers }));
  }

  /** Mounts the sandbox's own proc there. */
  proc(target: string = "/proc", options: MountOptions<ProcMount> = {}): Sandbox {
    checkMountOptions("proc", options);
    return this.#mount({ kind: "proc", target, ...options });
  }

  /** Makes a minimal `/dev` there. */
  dev(target: string = "/dev"): Sandbox {
    return this.#mount({ kind: "dev", target });
  }

  /** Mounts terminals of the sandbox's own there; `dev()` has some already. */
  devpts(target: string = "/dev/pts", options: MountOptions<DevptsMount> = {}): Sandbox {
    checkMountOptions("devpts", options);
    return this.#mount({ kind: "devpts", target, ...options });
  }

  /** Mounts the POSIX message queues of the sandbox's ipc namespace there. */
  mqueue(target: string = "/dev/mqueue"): Sandbox {
    return this.#mount({ kind: "mqueue", target });
  }

  /** Mounts what the kernel tells of devices and drivers there, read-only. */
  sysfs(target: string = "/sys"): Sandbox {
    return this.#mount({ kind: "sysfs", target });
  }

  /** Mounts the sandbox's own cgroup of version 2 there; read-only unless `writable`. */
  cgroupfs(target: string = "/sys/fs/cgroup", options: MountOptions<CgroupfsMount> = {}): Sandbox {
    checkMountOptions("cgroupfs", options);
    return this.#mount({ kind: "cgroupfs", target, ...options });
  }

  /** Makes a symbolic link at `target` that says `source`. */
  symlink(source: string, target: string): Sandbox {
    return this.#mount({ kind: "symlink", source, target });
  }

  /** Makes a directory. */
  dir(target: string, options: MountOptions<DirMount> = {}): Sandbox {
    checkMountOptions("dir", options);
    return this.#mount({ kind: "dir", target, ...options });
  }

  /** Makes a file with these contents, in memory. */
  file(
    target: string,
    contents: string | Uint8Array,
    options: Omit<MountOptions<FileMount>, "contents"> = {},
  ): Sandbox {
    checkMountOptions("file", options, ["contents"]);
    return this.#mount({ ...options, kind: "file", target, contents: copy(contents) });
  }

  /**
   * Hides files and directories: a file reads as nothing, a directory is empty. They must be there
   * when their turn in the list comes.
   */
  mask(...targets: string[]): Sandbox {
    const mounts = targets.map((target): MountSpec => ({ kind: "mask", target }));
    return this.#with({ mounts: [...this.#spec.mounts, ...mounts] });
  }

  /** Makes files and directories read-only, with all that is mounted below them. */
  readonly(...targets: string[]): Sandbox {
    const mounts = targets.map((target): MountSpec => ({ kind: "readonly", target }));
    return this.#with({ mounts: [...this.#spec.mounts, ...mounts] });
  }

  /**
   * Adds an entry to the ordered mount list. Without a `kind` it is a filesystem of any `type`:
   * `{ type: "ext4", source: "/dev/vdb", target: "/data", options: { noload: true } }`.
   */
  mount(mount: MountSpec | Omit<FilesystemMount, "kind">): Sandbox {
    return this.#mount(structuredClone("kind" in mount ? mount : { kind: "filesystem", ...mount }));
  }

  /** Sets a variable of the environment, or several. */
  env(name: string, value: string | Uint8Array): Sandbox;
  /** Sets several variables. */
  env(values: Record<string, string | Uint8Array>): Sandbox;
  env(name: string | Record<string, string | Uint8Array>, value?: string | Uint8Array): Sandbox {
    const { env } = this.#spec;
    const given = typeof name === "string" ? [[name, value!] as const] : Object.entries(name);
    const added = Object.fromEntries(given.map(([key, entry]) => [key, copy(entry)]));
    return this.#with({ env: { ...env, set: { ...env.set, ...added } } });
  }

  /** Takes everything out of the environment. */
  clearEnv(): Sandbox {
    return this.#with({ env: { set: {}, inherit: [] } });
  }

  /** Takes these variables from the host program's environment; without a name: all of them. */
  inheritEnv(...names: string[]): Sandbox {
    const { env } = this.#spec;
    if (names.length === 0) return this.#with({ env: { ...env, inherit: "all" } });
    if (env.inherit === "all") return this;
    return this.#with({ env: { ...env, inherit: [...env.inherit, ...names] } });
  }

  /** The working directory inside. */
  cwd(path: string): Sandbox {
    return this.#with({ cwd: path });
  }

  /** The file mode creation mask, e.g. `"077"`. */
  umask(mask: string | number): Sandbox {
    parseMode(mask, "umask");
    return this.#with({ umask: mask });
  }

  /**
   * Keeps these capabilities, by the kernel's names or `"all"`, and no others; by default there are
   * none. They hold over the sandbox's own user namespace, or with `share("user")` as root over the
   * host. `ambient` says whether programs of another user than 0 keep them too; by default they do
   * where the command is such a user. capabilities(7).
   *
   * ```ts
   * import { sandbox } from "@paddock/paddock";
   *
   * const box = sandbox().user(1000).capabilities(["CAP_NET_BIND_SERVICE"]);
   * const { stdout } = await box.output(["grep", "CapEff", "/proc/self/status"]);
   * console.log(new TextDecoder().decode(stdout)); // CapEff:	0000000000000400
   * ```
   */
  capabilities(
    keep: readonly CapabilityName[] | "all",
    options: Pick<CapabilitiesSpec, "ambient"> = {},
  ): Sandbox {
    checkKeys(options, "capabilities", ["ambient"]);
    const names = keep === "all"
      ? Object.keys(CAPABILITIES) as CapabilityName[]
      // One name as a text is a mistake of types, and worth the same advice as a name in a list.
      : typeof keep === "string"
      ? [keep]
      : [...keep];
    const capabilities = {
      keep: names,
      ...(options.ambient === undefined ? {} : { ambient: options.ambient }),
    };
    checkCapabilities(capabilities);
    return this.#with({ capabilities });
  }

  /**
   * Which system calls the command may make: `"default"` (what ordinary programs need), `"none"` (all
   * of them), a policy made by `filter`, an OCI profile as Docker and Podman have it, or a compiled
   * program. Where root lets the command write to the host, it can make no set-uid files there
   * whatever the profile is. seccomp(2).
   */
  seccomp(profile: SeccompProfile, options?: SeccompOptions): Sandbox;
  /** A filter that tells a handler of some calls before they are made. seccomp_unotify(2). */
  seccomp(
    filter: Filter<"observer">,
    observe: ObserveHandler,
    options?: Omit<SeccompOptions, "observe" | "decide">,
  ): Sandbox;
  /**
   * A filter that lets a handler decide some calls. One that throws or does not answer in time
   * denies. seccomp_unotify(2).
   *
   * ```ts
   * import { filter, sandbox } from "@paddock/paddock";
   *
   * const box = sandbox().seccomp(filter.notify("sysinfo"), (call) => call.deny("EACCES"));
   * const { code } = await box.output(["true"]);
   * console.log(code); // 0
   * ```
   */
  seccomp(
    filter: Filter<"decider">,
    decide: DecideHandler,
    options?: Omit<SeccompOptions, "observe" | "decide">,
  ): Sandbox;
  seccomp(
    profile: SeccompProfile | Filter<Asked>,
    given: SeccompOptions | ObserveHandler | DecideHandler = {},
    more: SeccompOptions = {},
  ): Sandbox {
    const asks = typeof profile === "object" && "asks" in profile ? profile.asks : undefined;
    const options = typeof given !== "function"
      ? given
      : { ...more, [asks === "observer" ? "observe" : "decide"]: given } as SeccompOptions;
    checkKeys(options, "seccomp", ["log", "observe", "decide", "timeout"]);
    const { log, observe, decide, timeout = "5s" } = options;
    if (observe !== undefined && decide !== undefined) {
      throw new SpecError("seccomp", "one handler answers: either it observes or it decides");
    }
    const seccomp = { profile: plainProfile(profile), ...(log === undefined ? {} : { log }) };
    checkSeccomp(seccomp);
    const milliseconds = parseDuration(timeout, "seccomp.timeout");
    const handler = observe !== undefined
      ? { observe, timeout: milliseconds }
      : decide !== undefined
      ? { decide, timeout: milliseconds }
      : undefined;
    return new Sandbox({ ...this.#spec, seccomp }, this.#plugins, handler);
  }

  /** A resource limit. getrlimit(2). */
  rlimit(name: RlimitName, value: RlimitValue): Sandbox {
    return this.#with({ rlimits: { ...this.#spec.rlimits, [name]: structuredClone(value) } });
  }

  /**
   * Limits of all that runs inside together, by a cgroup of its own: memory, processors, processes,
   * disks. What is not named stays as it was; `limits({})` makes a cgroup only to count. A limit that
   * cannot be enforced here is an `UnsupportedError` when a command is started. cgroups(7).
   *
   * ```ts
   * import { sandbox } from "@paddock/paddock";
   *
   * const box = sandbox().limits({ memory: "256M", pids: 64, cpus: 0.5 });
   * console.log(box.spec.limits); // { memory: "256M", pids: 64, cpus: 0.5 }
   * ```
   */
  limits(limits: LimitsSpec): Sandbox {
    checkLimits(limits);
    return this.#with({ limits: { ...this.#spec.limits, ...structuredClone(limits) } });
  }

  /** Niceness, from -20, the first, to 19; a lower one than the caller's is for root. setpriority(2). */
  nice(value: number): Sandbox {
    checkNice(value);
    return this.#with({ nice: value });
  }

  /** The scheduling policy; `"fifo"` and `"rr"` need a priority from 1 to 99, and root. sched(7). */
  scheduler(
    policy: SchedulingPolicy,
    options: Omit<SchedulerSpec, "policy"> = {},
  ): Sandbox {
    checkKeys(options, "scheduler", ["priority", "resetOnFork"]);
    const scheduler = { ...options, policy };
    checkScheduler(scheduler);
    return this.#with({ scheduler });
  }

  /** The processors to run on, e.g. `"0-3,8"` or their numbers. sched_setaffinity(2). */
  cpuAffinity(cpus: string | readonly number[]): Sandbox {
    const cpuAffinity = typeof cpus === "string" ? cpus : cpus.join(",");
    parseCpuList(cpuAffinity, "cpuAffinity");
    return this.#with({ cpuAffinity });
  }

  /** Whose requests go to the disk first; level 0 comes before level 7. ioprio_set(2). */
  ioPriority(name: IoPrioritySpec["class"], level?: number): Sandbox {
    const ioPriority = { class: name, ...(level === undefined ? {} : { level }) };
    checkIoPriority(ioPriority);
    return this.#with({ ioPriority });
  }

  /**
   * Who is killed first when the machine is out of memory: from -1000 (never) to 1000; a lower value
   * than the caller's needs CAP_SYS_RESOURCE. proc_pid_oom_score_adj(5).
   */
  oomScoreAdj(value: number): Sandbox {
    checkOomScoreAdj(value);
    return this.#with({ oomScoreAdj: value });
  }

  /** The execution domain and its flags, e.g. `"linux32"`, `"addr_no_randomize"`. personality(2). */
  personality(...names: PersonalityName[]): Sandbox {
    checkPersonality(names);
    return this.#with({ personality: [...names] });
  }

  /**
   * Submits the command, and all that it starts, to rules of Landlock, for good: on files, on TCP
   * ports, on signals and abstract Unix sockets. `"from-mounts"` makes them of the mount policy, as a
   * second wall. What the running kernel lacks is an `UnsupportedError`, unless it is `optional`.
   * Landlock needs no privileges and no namespaces. landlock(7).
   *
   * ```ts
   * import { sandbox } from "@paddock/paddock";
   *
   * const box = sandbox().landlock("from-mounts", { optional: true });
   * const { success } = await box.output(["sh", "-c", "echo > /tmp/new && ! echo > /usr/new"]);
   * console.log(success); // true
   * ```
   */
  landlock(
    rules: "from-mounts" | LandlockSpec,
    options: Pick<LandlockSpec, "optional"> = {},
  ): Sandbox {
    checkLandlock({ landlock: rules });
    const given: LandlockSpec = rules === "from-mounts" ? { paths: rules } : structuredClone(rules);
    checkKeys(options, "landlock", ["optional"]);
    const landlock = { ...given, ...options };
    checkLandlock({ landlock });
    return this.#with({ landlock });
  }

  /**
   * How it is connected. `"none"`: only loopback, the default; `"host"`: the host's network;
   * `"bridge"`, `"pasta"`, `"macvlan"`, `"ipvlan"`, `"join"`, `"vxlan"`: with their settings, see
   * {@linkcode NetworkSpec}. Ports that were published before stay so.
   */
  network<Mode extends NetworkMode>(
    mode: Mode,
    settings?: NetworkSettingsOf<Mode>,
  ): Sandbox;
  /** The same as data; without a mode, it is `"none"`: `network({ allowDomains: ["deno.land"] })`. */
  network(network: NetworkSpec | Omit<NoneNetwork, "mode">): Sandbox;
  network(mode: NetworkMode | object, settings: object = {}): Sandbox {
    const given =
      (typeof mode === "string" ? { mode, ...settings } : { mode: "none", ...mode }) as NetworkSpec;
    const before = this.#spec.network;
    const published = before !== undefined && "publish" in before ? before.publish : undefined;
    const network = structuredClone(
      published === undefined || "publish" in given ? given : { ...given, publish: published },
    );
    checkNetwork(network);
    return this.#namespaces(["net"], networkNamespace(network)).#with({ network });
  }

  /**
   * Opens ports of the host that lead into the sandbox: `[IP:]HOST:BOX[/udp]`. Without an address
   * they are open on the host's loopback only. A port that is taken fails the launch.
   */
  publish(...ports: string[]): Sandbox {
    const before = this.#spec.network ?? { mode: "none" };
    const publish = [...("publish" in before ? before.publish ?? [] : []), ...ports];
    const network = { ...before, publish } as NetworkSpec;
    checkNetwork(network);
    return this.#with({ network });
  }

  /** Kills everything inside after this time: `"30s"` or milliseconds. */
  timeout(time: string | number): Sandbox {
    if (parseDuration(time, "timeout") <= 0) {
      throw new SpecError("timeout", "must be positive; for no limit, leave it out");
    }
    return this.#with({ timeout: withUnit(time) });
  }

  /** Gives the command a terminal of its own; with a size, it has that from the start. */
  tty(on: boolean | TerminalSize = true): Sandbox {
    if (typeof on === "object") {
      checkKeys(on, "tty", ["columns", "rows"]);
      for (const side of ["columns", "rows"] as const) {
        if (!Number.isInteger(on[side]) || on[side] < 0 || on[side] > 0xffff) {
          throw new SpecError(`tty.${side}`, `${on[side]} is not a number from 0 to 65535`);
        }
      }
    }
    return this.#with({ tty: structuredClone(on) });
  }

  /** Puts the command into a session of its own (the default), or leaves it in the caller's. */
  newSession(on: boolean = true): Sandbox {
    return this.#with({ newSession: on });
  }

  /** Makes the command itself pid 1, with no reaper of ours above it. */
  asPid1(on: boolean = true): Sandbox {
    return this.#with({ asPid1: on });
  }

  /** Shifts the clocks inside; makes a new time namespace. time_namespaces(7). */
  timeOffset(offsets: TimeOffsets): Sandbox {
    checkKeys(offsets, "timeOffsets", ["monotonic", "boottime"]);
    const timeOffsets: TimeOffsets = {};
    for (const clock of ["monotonic", "boottime"] as const) {
      const offset = offsets[clock];
      if (offset === undefined) continue;
      parseDuration(offset, `timeOffsets.${clock}`);
      timeOffsets[clock] = withUnit(offset);
    }
    return this.unshare("time").#with({ timeOffsets });
  }

  /** Adds a plugin. Its name must be unique within the sandbox. */
  use(plugin: Plugin): Sandbox {
    const checked = defineHook(plugin);
    if (this.#plugins.some(({ name }) => name === checked.name)) {
      throw new SpecError("use", `there is a plugin "${checked.name}" already`);
    }
    return new Sandbox(this.#spec, [...this.#plugins, checked], this.#handler);
  }

  /** Applies a preset: a function from a sandbox to a sandbox. */
  with(preset: (box: Sandbox) => Sandbox): Sandbox {
    return preset(this);
  }

  /**
   * What would happen: every step in order, as data that prints itself. Nothing is done. Throws a
   * `SpecError` for what contradicts itself.
   */
  plan(command: Command = ["true"]): Plan {
    return makePlan(this.#spec, this.#plugins, command, this.#handler !== undefined);
  }

  /**
   * Starts a command and resolves once it runs. Rejects with a `StepError` that names what failed.
   *
   * Permissions: `--allow-all` (FFI, run, and Deno's own check for `/proc`).
   */
  async spawn(command?: Command, options: SpawnOptions = {}): Promise<SandboxProcess> {
    checkOptions(options, "spawn", ["stdin", "stdout", "stderr", "signal", "onTrace"]);
    return await spawn(this.#spec, this.#plugins, command, { ...options, handler: this.#handler });
  }

  /**
   * The handle of a detached sandbox that runs, by its name or the beginning of its id: what `start`
   * gives, in another program.
   */
  static async attach(name: string): Promise<RunningSandbox> {
    const { attach } = await import("./start.ts");
    return attach(name);
  }

  /**
   * Starts a command and resolves to a handle of the running sandbox: further commands in it,
   * signals, statistics. Rejects with a `StepError` that names what failed.
   */
  async start(command?: Command, options: StartOptions = {}): Promise<RunningSandbox> {
    checkOptions(options, "start", [
      "name",
      "stdin",
      "stdout",
      "stderr",
      "signal",
      "detach",
      "logs",
      "hooks",
    ]);
    const { start } = await import("./start.ts");
    return start(this.#spec, this.#plugins, command, { ...options, handler: this.#handler });
  }

  /** Runs a command to its end and collects what it writes. */
  async output(
    command?: Command,
    options: Pick<SpawnOptions, "signal" | "stdin" | "onTrace"> = {},
  ): Promise<SandboxOutput> {
    checkOptions(options, "output", ["signal", "stdin", "onTrace"]);
    return await output(this.#spec, this.#plugins, command, { ...options, handler: this.#handler });
  }
}

/** What a sandbox consists of, for the modules above this one. */
export function descriptionOf(box: Sandbox): Description {
  return reveal(box);
}

/** A sandbox with safe defaults; loosening it is always spelled out. */
export function sandbox(): Sandbox {
  return Sandbox.create();
}
