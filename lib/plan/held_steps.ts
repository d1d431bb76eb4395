/**
 * What a sandbox hands out of itself so that it can be entered later: its namespaces, its root, its
 * Landlock rules, as descriptors. Its own first process opens them while it is set up, for nobody
 * else may: it is not dumpable when the command runs, and an ordinary user can then open nothing of
 * it. A descriptor means this namespace and no other, whatever becomes of pids and of `/proc`.
 *
 * @module
 */

import { EVENT_OFFSET, EVENT_SIZE, EventKind } from "../agent/event.ts";
import { AGENT_FD } from "../agent/layout.ts";
import type { Operation, Value } from "../agent/operation.ts";
import type { NamespaceKind, SandboxSpec } from "../spec.ts";
import { AT_FDCWD, O_CLOEXEC, O_DIRECTORY, O_PATH, O_RDONLY } from "../sys/abi/fcntl.ts";
import { MSG_NOSIGNAL, SCM_RIGHTS, SOL_SOCKET } from "../sys/abi/socket.ts";
import type { LaunchChoices } from "./launch_choices.ts";
import { REQUEST_FD } from "./launch_shape.ts";
import { kindsBehindLock, needsLock } from "./mounts/lock.ts";
import { joinedKinds, NAMESPACE_FILE } from "./namespace_steps.ts";
import type { NewStep } from "./step.ts";

/** One of the descriptors. */
export type Held =
  | { readonly what: "namespace"; readonly kind: NamespaceKind }
  /** The user namespace that owns the others, where the command lives in one below it. */
  | { readonly what: "outer user"; readonly kind: "user" }
  | { readonly what: "root" }
  | { readonly what: "landlock" };

// Whoever has entered a user namespace has rights over what it owns, and over nothing else.
const OWNED: readonly NamespaceKind[] = ["cgroup", "ipc", "uts", "net", "pid", "time"];

/**
 * What is held, in the order in which to enter it: what the sandbox joined itself, its user
 * namespace, what that owns, the user namespace behind the lock, what that owns, and the mount
 * namespace last, for it changes what paths mean. setns(2).
 */
export function heldOf(
  spec: SandboxSpec,
  { preMount, landlock }: { readonly preMount: boolean; readonly landlock: boolean },
): Held[] {
  const joined = joinedKinds(spec).map(({ kind }) => kind);
  const isNew = (kind: NamespaceKind) => spec.namespaces[kind] === "new";
  const late = kindsBehindLock(spec, preMount);
  const namespace = (kind: NamespaceKind): Held => ({ what: "namespace", kind });
  const locks = needsLock(spec);
  const user: Held[] = !isNew("user")
    ? []
    : [locks ? { what: "outer user", kind: "user" } : namespace("user")];
  return [
    ...joined.filter((kind) => kind !== "mount").map(namespace),
    ...user,
    ...OWNED.filter((kind) => isNew(kind) && !late.includes(kind)).map(namespace),
    ...(locks ? [namespace("user")] : []),
    ...late.map(namespace),
    ...(isNew("mount") || joined.includes("mount") ? [namespace("mount")] : []),
    { what: "root" },
    ...(landlock && isNew("mount") ? [{ what: "landlock" } as const] : []),
  ];
}

/** The file below `/proc/PID/ns`; what a sandbox's first process makes for its children is theirs. */
export function namespaceFile(kind: NamespaceKind): string {
  return kind === "time" ? "time_for_children" : NAMESPACE_FILE[kind];
}

const CONTROL = "held control", RECORD = "held record";

/** Remembers the outer user namespace, before the lock. */
export function outerUserStep(): NewStep {
  return {
    phase: "mounts",
    name: "outer user",
    sentence: "keep hold of the user namespace that owns the others",
    operations: [{
      call: "openat",
      args: [AGENT_FD.proc, "self/ns/user", O_RDONLY | O_CLOEXEC, 0],
      store: "outer user",
    }],
  };
}

/** Opens what is held and sends it to the host program, in one message. */
export function handOutStep(
  spec: SandboxSpec,
  { preMount, landlock, requestFd }: Pick<LaunchChoices, "preMount" | "landlock" | "requestFd">,
): NewStep {
  const held = heldOf(spec, { preMount, landlock: landlock !== undefined });
  const socket: Value = { load32: requestFd(REQUEST_FD.launch) };
  const place = (index: number) => ({ name: CONTROL, offset: 16 + index * 4 });
  const length = 16 + held.length * 4;
  return {
    phase: "finish",
    name: "hand out",
    sentence: "hand out the namespaces and the root, for whoever is to enter later",
    operations: [
      ...held.map((one, index): Operation => {
        const to = { store: place(index), store32: true };
        switch (one.what) {
          case "outer user":
            return { call: "SET", args: [{ load32: "outer user" }], ...to };
          case "landlock":
            return { call: "SET", args: [{ load32: "landlock" }], ...to };
          case "root":
            return {
              call: "openat",
              args: [AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0],
              ...to,
            };
          case "namespace":
            return {
              call: "openat",
              args: [AGENT_FD.proc, `self/ns/${namespaceFile(one.kind)}`, O_RDONLY | O_CLOEXEC, 0],
              ...to,
            };
        }
      }),
      { call: "SET", args: [length], store: CONTROL },
      {
        call: "SET",
        args: [SCM_RIGHTS * 0x1_0000_0000 + SOL_SOCKET],
        store: { name: CONTROL, offset: 8 },
      },
      {
        call: "SET",
        args: [EventKind.HELD],
        store: { name: RECORD, offset: EVENT_OFFSET.kind },
        store32: true,
      },
      {
        call: "sendmsg",
        args: [
          socket,
          {
            words: [
              0,
              0,
              { words: [{ at: RECORD }, EVENT_SIZE] },
              1,
              { at: CONTROL },
              length,
              0,
            ],
          },
          MSG_NOSIGNAL,
        ],
      },
      // The command still submits to its rules of Landlock.
      ...held.flatMap(({ what }, index): Operation[] =>
        what === "landlock" ? [] : [{ call: "close", args: [{ load32: place(index) }] }]
      ),
    ],
  };
}
