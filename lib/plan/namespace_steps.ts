/**
 * The steps that make, join and settle namespaces, and the id maps. namespaces(7),
 * user_namespaces(7), time_namespaces(7).
 *
 * @module
 */

import type { Operation, Place } from "../agent/operation.ts";
import { SIGNALS } from "../sys/abi/signal.ts";
import {
  AF_INET,
  IFF_UP,
  SIOCGSKNS,
  SIOCSIFFLAGS,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
} from "../sys/abi/socket.ts";
import { EVENT_SIZE } from "../agent/event.ts";
import { AGENT_FD } from "../agent/layout.ts";
import { KEYCTL_JOIN_SESSION_KEYRING } from "../agent/words.ts";
import { MNT_DETACH } from "../sys/abi/mount.ts";
import { dieWithParent } from "./command_steps.ts";
import { words } from "../agent/words.ts";
import { FUTEX_WAIT, FUTEX_WAKE } from "../sys/abi/futex.ts";
import {
  AT_FDCWD,
  F_DUPFD_CLOEXEC,
  O_CLOEXEC,
  O_DIRECTORY,
  O_PATH,
  O_RDONLY,
  O_WRONLY,
} from "../sys/abi/fcntl.ts";
import {
  CLONE_FILES,
  CLONE_FS,
  CLONE_NEWCGROUP,
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWTIME,
  CLONE_NEWUSER,
  CLONE_NEWUTS,
  CLONE_VM,
} from "../sys/abi/clone.ts";
import { PR_SET_DUMPABLE } from "../sys/abi/prctl.ts";
import { IFF_LOOPBACK, IFF_RUNNING } from "../sys/abi/socket.ts";
import { parseDuration } from "../quantity.ts";
import type { IdRange, JoinTarget, NamespaceKind, SandboxSpec, TimeOffsets } from "../spec.ts";
import type { NewStep } from "./step.ts";
import { ifreqFlags } from "./structs.ts";

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

/** The text of an id map, as `/proc/PID/uid_map` takes it. */
export function idMapText(ranges: readonly IdRange[]): string {
  return ranges.map(({ inside, outside, count }) => `${inside} ${outside} ${count ?? 1}\n`).join(
    "",
  );
}

function ranges(list: readonly IdRange[]): string {
  return list.map(({ inside, outside, count = 1 }) =>
    count === 1
      ? `${inside} is ${outside}`
      : `${inside}-${inside + count - 1} are ${outside}-${outside + count - 1}`
  ).join(", ");
}

/** Writes a file of a process, below the directory in the cell: by default the first process's. */
function writeProc(file: string, text: string, cell = "proc"): Operation[] {
  const bytes = new TextEncoder().encode(text);
  return [
    {
      call: "openat",
      args: [{ load32: cell }, file, O_WRONLY | O_CLOEXEC, 0],
      store: "map",
    },
    { call: "write", args: [{ load32: "map" }, bytes, bytes.length] },
    { call: "close", args: [{ load32: "map" }] },
  ];
}

const USERNS_HINT =
  "this user may not make user namespaces here; see sysctl kernel.apparmor_restrict_unprivileged_userns, kernel.unprivileged_userns_clone and user.max_user_namespaces, or the container's seccomp profile; or run as root";

/** Denies setgroups, as an ordinary user must before a group map, and writes both maps. */
export function idMapSteps(
  maps: { uids: readonly IdRange[]; gids: readonly IdRange[] },
  denySetgroups: boolean,
): NewStep[] {
  const steps: NewStep[] = [];
  if (denySetgroups) {
    steps.push({
      phase: "maps",
      name: "deny setgroups",
      sentence: "deny setgroups inside",
      paths: { path: "/proc/PID/setgroups" },
      hints: { EACCES: USERNS_HINT, EPERM: USERNS_HINT },
      operations: writeProc("setgroups", "deny"),
    });
  }
  for (
    const [file, word, list] of [["uid_map", "user", maps.uids], [
      "gid_map",
      "group",
      maps.gids,
    ]] as const
  ) {
    steps.push({
      phase: "maps",
      name: file,
      sentence: `map ${word} ids: inside ${ranges(list)} outside`,
      paths: { path: `/proc/PID/${file}` },
      hints: { EPERM: USERNS_HINT, EINVAL: "ranges must not overlap, and at most 340 are allowed" },
      operations: writeProc(file, idMapText(list)),
    });
  }
  return steps;
}

/** Brings the loopback device up. */
export function loopbackStep(): NewStep {
  return {
    phase: "namespaces",
    name: "loopback",
    sentence: "bring the loopback device up",
    operations: [
      { call: "socket", args: [AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0], store: "socket" },
      loopbackUp("socket"),
      { call: "close", args: [{ load32: "socket" }] },
    ],
  };
}

/**
 * Begins to make the network namespace in a helper process, which shares this one's memory,
 * descriptors and working directory. Of all namespaces this one takes the longest to make, by far;
 * so it is made while the filesystem is, on another core if there is one.
 *
 * The helper then detaches the old root, for which the kernel waits until every core has seen it;
 * that too goes on beside the last steps before the command.
 */
export function helperSteps(hints: Readonly<Record<string, string>>): NewStep[] {
  const net: NewStep = {
    phase: "early",
    name: "net",
    sentence: "make a net namespace with its loopback device up, beside the following",
    hints,
    operations: [
      {
        call: "clone3",
        args: [{ words: [CLONE_VM | CLONE_FILES | CLONE_FS, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] }, 88],
        when: { differs: 0 },
        goto: "helper is under way",
      },
      { call: "HANDLER", args: [{ label: "helper failed" }, { at: "net failure" }] },
      // Of its own: as pid 1 the command's standard output takes the number, in the same table.
      {
        call: "fcntl",
        args: [AGENT_FD.status, F_DUPFD_CLOEXEC, AGENT_FD.status],
        store: "helper status",
        onError: "ignore",
      },
      dieWithParent(),
      // Not a flag of the clone: that would be the parent's work.
      { call: "unshare", args: [CLONE_NEWNET] },
      { call: "socket", args: [AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0], store: "net socket" },
      { call: "ioctl", args: [{ load32: "net socket" }, SIOCGSKNS, 0], store: "net" },
      ...say("net state", DONE),
      loopbackUp("net socket"),
      { call: "close", args: [{ load32: "net socket" }] },
    ],
  };
  const detach: NewStep = {
    phase: "early",
    name: "detach",
    sentence: "detach the host's root as soon as the new one is in place, beside the following",
    operations: [
      ...waitWhile("net root state", 0),
      { call: "umount2", args: [".", MNT_DETACH] },
      ...say("net root state", DETACHED),
      { call: "exit", args: [0] },
      {
        call: "write",
        args: [{ load32: "helper status" }, { at: "net failure" }, EVENT_SIZE],
        onError: "ignore",
        label: "helper failed",
      },
      ...say("net root state", FAILED),
      ...say("net state", FAILED),
      { call: "exit", args: [1] },
      { call: "SET", args: [0], label: "helper is under way" },
    ],
  };
  return [net, detach];
}

// What the helper and its parent say in the shared memory.
const DONE = 1, DETACHED = 2, FAILED = 3;

/** Longer than any machine takes; a helper that was killed is not waited for without end. */
const PATIENCE = words(60, 0);

/** Puts a word where the others look, and wakes who waits for it. futex(2). */
function say(cell: string, word: number): Operation[] {
  return [
    { call: "SET", args: [word], store: cell, store32: true },
    { call: "futex", args: [{ at: cell }, FUTEX_WAKE, 8] },
  ];
}

/** Waits until the word is another one. */
function waitWhile(cell: string, word: number): Operation[] {
  const again = `${cell} is ${word}`;
  return [
    {
      call: "futex",
      args: [{ at: cell }, FUTEX_WAIT, word, PATIENCE],
      onError: { tolerate: "EAGAIN" },
      label: again,
    },
    { call: "SET", args: [{ load32: cell }], when: { equals: word }, goto: again },
    // The helper has told what went wrong; the host hears that first.
    { call: "SET", args: [{ load32: cell }], when: { equals: FAILED }, goto: "exit" },
  ];
}

const KILLED_HINT = {
  ETIMEDOUT: "the process that was to do it has been killed, maybe for want of memory",
};

/** Waits for the helper's network namespace and enters it. */
export function netEnterStep(): NewStep {
  return {
    phase: "network",
    name: "enter net",
    sentence: "enter the net namespace",
    hints: KILLED_HINT,
    operations: [
      ...waitWhile("net state", 0),
      { call: "setns", args: [{ load32: "net" }, CLONE_NEWNET] },
      { call: "close", args: [{ load32: "net" }] },
    ],
  };
}

/** Tells the helper that the new root is in place. */
export function letDetach(): Operation[] {
  return say("net root state", DONE);
}

/** Makes sure that the helper has detached the host's root before anything of the user's runs. */
export function detachedStep(): NewStep {
  return {
    phase: "command",
    name: "detached",
    sentence: "wait until the loopback device is up and the host's root is gone",
    hints: KILLED_HINT,
    operations: waitWhile("net root state", DONE),
  };
}

/** Sets the flags of `lo`, by the socket in the cell. netdevice(7). */
function loopbackUp(cell: string): Operation {
  return {
    call: "ioctl",
    args: [
      { load32: cell },
      SIOCSIFFLAGS,
      ifreqFlags("lo", IFF_UP | IFF_LOOPBACK | IFF_RUNNING),
    ],
  };
}

/** Makes the cheaper namespaces, while the helper makes the dear one. unshare(2). */
export function unshareStep(
  kinds: readonly NamespaceKind[],
  hints: Readonly<Record<string, string>>,
): NewStep {
  return {
    phase: "early",
    name: "unshare",
    sentence: `make new ${kinds.join(", ")} namespaces`,
    hints,
    operations: [{
      call: "unshare",
      args: [kinds.reduce((flags, kind) => flags | NAMESPACE_FLAG[kind], 0) >>> 0],
    }],
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
export function noNestingStep(): NewStep {
  return {
    phase: "namespaces",
    name: "no nesting",
    sentence: "forbid user namespaces inside",
    paths: { path: "/proc/sys/user/max_user_namespaces" },
    operations: [
      {
        call: "openat",
        args: [AGENT_FD.proc, "sys/user/max_user_namespaces", O_WRONLY | O_CLOEXEC, 0],
        store: "knob",
      },
      { call: "write", args: [{ load32: "knob" }, "0", 1] },
      { call: "close", args: [{ load32: "knob" }] },
    ],
  };
}

/**
 * Opens a user namespace that maps the caller's ids on disk to the sandbox's user, whatever that
 * user's number is inside, and stores its descriptor. A process that does nothing holds it for as
 * long as that takes. mount_setattr(2), "ID-mapped mounts".
 */
export function openDiskMap(
  disk: { uid: number; gid: number },
  outside: { uid: number; gid: number },
  store: Place,
): Operation[] {
  return [
    {
      call: "clone3",
      args: [{ words: [CLONE_NEWUSER, 0, 0, 0, SIGNALS.SIGCHLD, 0, 0, 0, 0, 0, 0] }, 88],
      store: "holder",
      when: { equals: 0 },
      goto: "hold",
    },
    { call: "DECIMAL", args: [{ load: "holder" }, { at: "pid text" }] },
    {
      call: "openat",
      args: [AGENT_FD.proc, { at: "pid text" }, O_PATH | O_DIRECTORY | O_CLOEXEC, 0],
      store: "holder proc",
    },
    ...writeProc("uid_map", `${disk.uid} ${outside.uid} 1\n`, "holder proc"),
    ...writeProc("gid_map", `${disk.gid} ${outside.gid} 1\n`, "holder proc"),
    {
      call: "openat",
      args: [{ load32: "holder proc" }, "ns/user", O_RDONLY | O_CLOEXEC, 0],
      store,
    },
    { call: "kill", args: [{ load: "holder" }, SIGNALS.SIGKILL], goto: "held" },
    { ...dieWithParent(), label: "hold" },
    { call: "ppoll", args: [0, 0, 0, 0, 0], onError: "ignore" },
    { call: "exit_group", args: [0] },
    { call: "SET", args: [0], label: "held" },
  ];
}
