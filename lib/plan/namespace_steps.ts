/**
 * The steps that make, join and settle namespaces, and the id maps. namespaces(7),
 * user_namespaces(7), time_namespaces(7).
 *
 * @module
 */

import { AGENT_FD } from "../agent/layout.ts";
import type { Operation } from "../agent/operation.ts";
import { KEYCTL_JOIN_SESSION_KEYRING } from "../agent/words.ts";
import { parseDuration } from "../quantity.ts";
import type { JoinTarget, NamespaceKind, SandboxSpec, TimeOffsets } from "../spec.ts";
import {
  CLONE_NEWCGROUP,
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWTIME,
  CLONE_NEWUSER,
  CLONE_NEWUTS,
} from "../sys/abi/clone.ts";
import { AT_FDCWD, O_CLOEXEC, O_WRONLY } from "../sys/abi/fcntl.ts";
import { PR_SET_DUMPABLE } from "../sys/abi/prctl.ts";
import {
  AF_INET,
  IFF_LOOPBACK,
  IFF_RUNNING,
  IFF_UP,
  SIOCSIFFLAGS,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
} from "../sys/abi/socket.ts";
import type { NewStep } from "./step.ts";
import { ifreqFlags } from "./structs.ts";

/** What to do where namespaces cannot be made. */
export const CLONE_HINTS = {
  EPERM:
    "this user may not make these namespaces here; see sysctl kernel.apparmor_restrict_unprivileged_userns and kernel.unprivileged_userns_clone, or the container's seccomp profile; or run as root",
  ENOSPC: "the limit of namespaces is reached; see the sysctls user.max_*_namespaces",
  EINVAL: "this kernel lacks one of these namespaces",
  EUSERS: "user namespaces are nested too deep (32)",
};

/** The flag of each kind, for clone3, unshare and setns. */
export const NAMESPACE_FLAG: Readonly<Record<NamespaceKind, number>> = {
  cgroup: CLONE_NEWCGROUP,
  ipc: CLONE_NEWIPC,
  mount: CLONE_NEWNS,
  net: CLONE_NEWNET,
  pid: CLONE_NEWPID,
  time: CLONE_NEWTIME,
  user: CLONE_NEWUSER,
  uts: CLONE_NEWUTS,
};

/** The name of each kind below `/proc/PID/ns`. */
export const NAMESPACE_FILE: Readonly<Record<NamespaceKind, string>> = {
  cgroup: "cgroup",
  ipc: "ipc",
  mount: "mnt",
  net: "net",
  pid: "pid",
  time: "time",
  user: "user",
  uts: "uts",
};

// The user namespace first, for it gives the capabilities that the others want; the mount
// namespace last, for it changes what paths mean.
const JOIN_ORDER: readonly NamespaceKind[] = [
  "user",
  "cgroup",
  "ipc",
  "uts",
  "net",
  "pid",
  "time",
  "mount",
];

/** The kinds to be joined, in the order in which to join them. */
export function joinedKinds(spec: SandboxSpec): { kind: NamespaceKind; target: JoinTarget }[] {
  return JOIN_ORDER.flatMap((kind) => {
    const choice = spec.namespaces[kind];
    return typeof choice === "object" ? [{ kind, target: choice.join }] : [];
  });
}

/** The flags for the clone: every new kind but those that have their own way. */
export function cloneFlags(spec: SandboxSpec, apart: readonly NamespaceKind[]): number {
  let flags = 0;
  for (const kind of JOIN_ORDER) {
    if (!apart.includes(kind) && spec.namespaces[kind] === "new") flags |= NAMESPACE_FLAG[kind];
  }
  return flags;
}

/** The new kinds that the clone makes, for its sentence. */
export function clonedKinds(spec: SandboxSpec, apart: readonly NamespaceKind[]): NamespaceKind[] {
  return JOIN_ORDER.filter((kind) => !apart.includes(kind) && spec.namespaces[kind] === "new")
    .sort();
}

function joinName(target: JoinTarget): string {
  if (typeof target === "string") return `"${target}"`;
  return "pid" in target ? `of process ${target.pid}` : `of descriptor ${target.fd}`;
}

/** Joins an existing namespace by the descriptor at `fdPlace`. setns(2). */
export function joinStep(kind: NamespaceKind, target: JoinTarget, fdPlace: number): NewStep {
  return {
    phase: "join",
    name: `join ${kind}`,
    sentence: `join the ${kind} namespace ${joinName(target)}`,
    paths: { path: typeof target === "string" ? target : joinName(target) },
    hints: {
      EPERM:
        `joining needs CAP_SYS_ADMIN in the user namespace that owns it; run as root, or join its user namespace too`,
      EINVAL: `it is not a ${kind} namespace, or it is the caller's own user namespace`,
    },
    operations: [{ call: "setns", args: [{ load32: fdPlace }, NAMESPACE_FLAG[kind]] }],
  };
}

/** Brings the loopback device up. */
export function loopbackStep(): NewStep {
  return {
    phase: "namespaces",
    name: "loopback",
    sentence: "bring the loopback device up",
    operations: [
      { call: "socket", args: [AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0], store: "socket" },
      // netdevice(7)
      {
        call: "ioctl",
        args: [
          { load32: "socket" },
          SIOCSIFFLAGS,
          ifreqFlags("lo", IFF_UP | IFF_LOOPBACK | IFF_RUNNING),
        ],
      },
      { call: "close", args: [{ load32: "socket" }] },
    ],
  };
}

/** Sets the hostname or the domain name. */
export function nameStep(call: "sethostname" | "setdomainname", name: string): NewStep {
  const word = call === "sethostname" ? "hostname" : "domain name";
  return {
    phase: "namespaces",
    name: word,
    sentence: `set the ${word} to "${name}"`,
    operations: [{ call, args: [name, new TextEncoder().encode(name).length] }],
  };
}

/** The text for `/proc/self/timens_offsets`. */
function offsetsText(offsets: TimeOffsets): string {
  return (["monotonic", "boottime"] as const).flatMap((clock) => {
    const value = offsets[clock];
    if (value === undefined) return [];
    const milliseconds = Math.round(parseDuration(value, `timeOffsets.${clock}`));
    const seconds = Math.floor(milliseconds / 1000);
    return [`${clock} ${seconds} ${(milliseconds - seconds * 1000) * 1_000_000}\n`];
  }).join("");
}

/**
 * Makes a time namespace for the command. `clone3(CLONE_NEWTIME)` would put the caller into it, and
 * offsets can only be written while nobody is inside; so: unshare, write, and let the clone of the
 * command enter. time_namespaces(7).
 */
export function timeStep(offsets: TimeOffsets): NewStep {
  const text = offsetsText(offsets);
  const bytes = new TextEncoder().encode(text);
  return {
    phase: "namespaces",
    name: "time",
    sentence: text === ""
      ? "make a time namespace"
      : `make a time namespace with the offsets ${text.trim().replaceAll("\n", ", ")}`,
    paths: { path: "/proc/self/timens_offsets" },
    hints: { ERANGE: "an offset may not put a clock below zero or beyond 146 years" },
    operations: [
      { call: "unshare", args: [CLONE_NEWTIME] },
      ...(text === "" ? [] : [
        // A change of credentials made this process non-dumpable, and its files root's.
        { call: "prctl", args: [PR_SET_DUMPABLE, 1] },
        {
          call: "openat",
          args: [AT_FDCWD, "/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC, 0],
          store: "offsets",
        },
        { call: "write", args: [{ load32: "offsets" }, bytes, bytes.length] },
        { call: "close", args: [{ load32: "offsets" }] },
      ] as Operation[]),
    ],
  };
}

/**
 * A session keyring of the sandbox's own. Before the set-up user, so that root's quota counts and
 * not that of an id with 200 keys. Where the quota is used up all the same, the agent's keyring
 * stays, which is not the caller's either. session-keyring(7).
 */
export function keyringStep(): NewStep {
  return {
    phase: "namespaces",
    name: "keyring",
    sentence: "join a session keyring of the sandbox's own",
    operations: [{ call: "keyctl", args: [KEYCTL_JOIN_SESSION_KEYRING, 0], onError: "ignore" }],
  };
}

/**
 * Nobody inside can make user namespaces, which would reopen the kernel's riskier parts. The limit
 * is that of the writer's own namespace, whichever proc it is written to; so the host's is used,
 * by the agent's descriptor, which nobody inside can have tampered with.
 */
export function noNestingStep(locks = false): NewStep {
  return {
    phase: "namespaces",
    name: "no nesting",
    sentence: locks
      ? "forbid user namespaces inside, but for the one that locks the mounts"
      : "forbid user namespaces inside",
    paths: { path: "/proc/sys/user/max_user_namespaces" },
    operations: [
      {
        call: "openat",
        args: [AGENT_FD.proc, "sys/user/max_user_namespaces", O_WRONLY | O_CLOEXEC, 0],
        store: "knob",
      },
      // Counted here and not in the namespace itself, where a command with CAP_SYS_RESOURCE could
      // change it.
      { call: "write", args: [{ load32: "knob" }, locks ? "1" : "0", 1] },
      { call: "close", args: [{ load32: "knob" }] },
    ],
  };
}

/** Leaves root's supplementary groups behind, before a user namespace is joined. setgroups(2). */
export function dropGroupsStep(): NewStep {
  return {
    phase: "join",
    name: "drop groups",
    sentence: "leave the caller's supplementary groups behind",
    operations: [{ call: "setgroups", args: [0, 0] }],
  };
}
