/**
 * The filter that a command gets, and the step that puts it in force. The default one is compiled
 * ahead of time; what compiles others is loaded only where one is wanted, for that takes as long as
 * a launch.
 *
 * @module
 */

import type { NewStep } from "../plan/step.ts";
import type { MountSpec, SandboxSpec, SeccompArch } from "../spec.ts";
import { SECCOMP_SET_MODE_FILTER } from "../sys/abi/seccomp.ts";
import { DEFAULT_FILTERS } from "./default_filters.ts";

/** What a filter depends on besides the description. */
export interface FilterPlace {
  /** The architecture that the command runs on. */
  readonly arch: SeccompArch;
  /** The kernel's release, e.g. `"6.1.0-13-amd64"`; some profiles ask for it. */
  readonly kernel: () => string;
  /** Root's command can write to files that others see; see {@linkcode writesToHost}. */
  readonly guardSetuid: boolean;
}

/** A filter as seccomp(2) takes it. */
export interface Filter {
  /** An array of `struct sock_filter`, eight bytes each. */
  readonly program: Uint8Array<ArrayBuffer>;
  /** SECCOMP_FILTER_FLAG_* of the profile. */
  readonly flags: number;
  /** What it is, for the plan. */
  readonly title: string;
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
  const profile = seccomp?.profile ?? "none";
  return profile === "none" ||
    (profile === "default" && (capabilities?.keep.length ?? 0) === 0);
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
    if ("overlay" in root ? isHostUpper(root.overlay.upper) : root.writable === true) return true;
  }
  return mounts.some(isWritableHost);
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
    program: Uint8Array.from(
      atob(place.guardSetuid ? setuid : plain),
      (letter) => letter.charCodeAt(0),
    ),
    flags: 0,
    title: "the default profile",
  };
}

/**
 * Installs a filter in the calling process, which must have no_new_privs. It is the last thing
 * before execve, for whatever comes after it has to pass it. seccomp(2).
 */
export function filterStep({ program, flags, title }: Filter): NewStep {
  // Of struct sock_filter.
  const count = program.length / 8;
  return {
    phase: "execute",
    name: "seccomp",
    sentence: `filter system calls by ${title}`,
    hints: {
      EINVAL: "the kernel does not take this filter, or was built without seccomp filters",
      ENOMEM: "the filters of this process, with those it is in already, are longer than allowed",
    },
    operations: [{
      call: "seccomp",
      // struct sock_fprog: a count of 16 bits, and a pointer.
      args: [SECCOMP_SET_MODE_FILTER, flags, { words: [count, program] }],
    }],
  };
}
