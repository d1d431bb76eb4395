/**
 * The filter that a command gets, and the step that puts it in force. The default one is compiled
 * ahead of time; what compiles others is loaded only where one is wanted, for that takes as long as
 * a launch.
 *
 * @module
 */

import type { Operation, Value } from "../agent/operation.ts";
import { optionalParts } from "../plan/optional_parts.ts";
import { sendRecord } from "../plan/program_parts.ts";
import type { NewStep } from "../plan/step.ts";
import type { MountSpec, SandboxSpec, SeccompArch } from "../spec.ts";
import { ERRNO } from "../sys/abi/errno.ts";
import {
  SECCOMP_FILTER_FLAG_NEW_LISTENER,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
  SECCOMP_SET_MODE_FILTER,
} from "../sys/abi/seccomp.ts";
import { DEFAULT_FILTERS } from "./default_filters.ts";

/** What a filter depends on besides the description. */
export interface FilterPlace {
  /** The architecture that the command runs on. */
  readonly arch: SeccompArch;
  /** The kernel's release, e.g. `"6.1.0-13-amd64"`; some profiles ask for it. */
  readonly kernel: () => string;
  /** Root's command can write to files that others see; see {@linkcode writesToHost}. */
  readonly guardSetuid: boolean;
  /** There is a handler for what the filter asks about. */
  readonly hasHandler: boolean;
  /** 192 bits that nobody can guess, for {@linkcode Filter.secret}. Without them no call is exempt. */
  readonly secret?: () => readonly [bigint, bigint, bigint];
}

/** A filter as seccomp(2) takes it. */
export interface Filter {
  /** An array of `struct sock_filter`, eight bytes each. */
  readonly program: Uint8Array<ArrayBuffer>;
  /** SECCOMP_FILTER_FLAG_* of the profile. */
  readonly flags: number;
  /** What it is, for the plan. */
  readonly title: string;
  /** What three arguments of the launch's own calls must hold behind it. */
  readonly secret?: readonly [bigint, bigint, bigint];
  /** It asks a listener, who goes by this filter, which does not ask about what it denies or logs. */
  readonly judge?: Uint8Array<ArrayBuffer>;
}

/** Compiles a description's filter; undefined for none. Throws a `SpecError` for a broken one. */
export type FilterCompiler = (spec: SandboxSpec, place: FilterPlace) => Filter | undefined;

let compiler: FilterCompiler | undefined;

/** From now on other filters than the default one can be compiled. */
export function setCompiler(loaded: FilterCompiler): void {
  compiler = loaded;
}

/** Whether {@linkcode filterOf} needs a compiler that is not there yet. */
export function lacksCompiler(spec: SandboxSpec): boolean {
  return compiler === undefined && !isPlain(spec);
}

/** No profile, or the default one with nothing opened by a capability. */
function isPlain({ seccomp, capabilities }: SandboxSpec): boolean {
  const { profile = "none", log = false } = seccomp ?? {};
  const opened = (capabilities?.keep.length ?? 0) > 0;
  return !log && (profile === "none" || (profile === "default" && !opened));
}

/** Mounts that hold no files of the host's; what is not among them may be a disk. */
const OWN_KINDS: ReadonlySet<MountSpec["kind"]> = new Set([
  ...["tmpfs", "proc", "dev", "devpts", "mqueue", "sysfs", "cgroupfs", "symlink", "dir"] as const,
  ...["file", "mask", "readonly"] as const,
]);

/** What is ephemeral is in memory. */
function isHostUpper(upper: string | undefined): boolean {
  return upper !== undefined && upper !== "ephemeral";
}

function isWritableHost(mount: MountSpec): boolean {
  switch (mount.kind) {
    case "bind":
      return mount.writable === true;
    case "overlay":
      return isHostUpper(mount.upper);
    default:
      return !OWN_KINDS.has(mount.kind);
  }
}

/** Whether the command can write to a filesystem that somebody on the host sees. */
export function writesToHost({ namespaces, root, mounts }: SandboxSpec): boolean {
  if (namespaces.mount !== "new") return true;
  if (typeof root === "object") {
    if ("image" in root && isHostUpper(root.upper)) return true;
    if ("overlay" in root && isHostUpper(root.overlay.upper)) return true;
    if ("path" in root && root.writable === true) return true;
  }
  return mounts.some(isWritableHost);
}

/**
 * The guard of set-uid files as a filter of its own, which no profile can take off; undefined where
 * the description's filter has it, or none is needed.
 */
export function guardOf(spec: SandboxSpec, { arch, guardSetuid }: FilterPlace): Filter | undefined {
  const { seccomp, namespaces: { user = "shared", mount = "shared" }, landlock } = spec;
  if (!guardSetuid || seccomp?.profile === "default") return undefined;
  // The host's root with all of the host's files: there is nothing left to guard.
  if (user === "shared" && mount === "shared" && landlock === undefined) return undefined;
  return {
    program: Uint8Array.fromBase64(optionalParts().guardFilters[arch]),
    flags: 0,
    title: "the guard of set-uid files, which the host would honour",
  };
}

/** A description's filter; undefined for none. Throws a `SpecError` for a broken one. */
export function filterOf(spec: SandboxSpec, place: FilterPlace): Filter | undefined {
  if (!isPlain(spec)) {
    if (compiler === undefined) throw new Error("The compiler of filters has not been loaded");
    return compiler(spec, place);
  }
  if ((spec.seccomp?.profile ?? "none") === "none") return undefined;
  const { plain, setuid } = DEFAULT_FILTERS[place.arch];
  return {
    program: Uint8Array.fromBase64(place.guardSetuid ? setuid : plain),
    flags: 0,
    title: "the default profile",
  };
}

/**
 * Installs a filter in the calling process, which must have no_new_privs. It is the last thing
 * before execve, for whatever comes after it has to pass it. seccomp(2).
 */
export function filterStep(filter: Filter, socket: Value): NewStep {
  const { program, flags, title, judge } = filter;
  return {
    phase: "execute",
    name: "seccomp",
    sentence: `filter system calls by ${title}${judge ? ", and ask the host program" : ""}`,
    hints: {
      EINVAL: "the kernel does not take this filter, or was built without seccomp filters",
      ENOMEM: "the filters of this process, with those it is in already, are longer than allowed",
    },
    operations: judge === undefined ? [install(program, flags)] : listenOperations(filter, socket),
  };
}

function install(program: Uint8Array, flags: number): Operation {
  return {
    call: "seccomp",
    // struct sock_fprog: a count of 16 bits, and a pointer. Of struct sock_filter, eight bytes each.
    args: [SECCOMP_SET_MODE_FILTER, flags, { words: [program.length / 8, program] }],
  };
}

/** Installs a filter that asks, and sends its listener out. The listener closes at execve. */
function listenOperations({ program, flags, secret }: Filter, socket: Value): Operation[] {
  const listening = flags | SECCOMP_FILTER_FLAG_NEW_LISTENER;
  const [fill, send] = sendRecord(socket, "listener", "listener fd") as [Operation, Operation];
  return [
    // From Linux 5.19: a signal does not interrupt a call that is being decided, only its death.
    {
      ...install(program, listening | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV),
      store: "listener fd",
      onError: "ignore",
      when: { differs: -ERRNO.EINVAL },
      goto: "filter is in force",
    },
    { ...install(program, listening), store: "listener fd" },
    { call: "SET", args: [{ load: "listener fd" }], label: "filter is in force" },
    fill,
    { ...send, args: [...send.args!, ...secret ?? []] },
  ];
}
