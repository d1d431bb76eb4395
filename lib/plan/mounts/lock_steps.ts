/**
 * The steps that lock all mounts; see `lock.ts`.
 *
 * @module
 */

import { AGENT_FD } from "../../agent/layout.ts";
import type { Operation } from "../../agent/operation.ts";
import type { IdRange, NamespaceKind } from "../../spec.ts";
import { CLONE_NEWNS, CLONE_NEWUSER } from "../../sys/abi/clone.ts";
import { O_CLOEXEC, O_DIRECTORY, O_PATH } from "../../sys/abi/fcntl.ts";
import { PR_SET_DUMPABLE } from "../../sys/abi/prctl.ts";
import { __WALL } from "../../sys/abi/wait.ts";
import { dieWithParent } from "../command_steps.ts";
import { idMapText, writeProc } from "../id_map_steps.ts";
import { NAMESPACE_FLAG } from "../namespace_steps.ts";
import type { NewStep } from "../step.ts";

/** The same numbers inside as outside, for each that there is. */
function same(ranges: readonly IdRange[]): IdRange[] {
  return ranges.map(({ inside, count }) => ({ inside, outside: inside, count }));
}

/** Hands the finished tree on to a user and a mount namespace in which it is locked. */
export function lockStep(
  maps: { readonly uids: readonly IdRange[]; readonly gids: readonly IdRange[] },
): NewStep {
  // Who makes a user namespace has no say in the one above any more, where maps are written; so
  // somebody stays behind for that.
  const writer: Operation[] = [
    dieWithParent(),
    { call: "close", args: [{ load32: { name: "lock pipe", offset: 4 } }] },
    {
      call: "read",
      args: [{ load32: "lock pipe" }, { at: "byte" }, 1],
      when: { equals: 0 },
      goto: "exit",
    },
    ...writeProc("uid_map", idMapText(same(maps.uids)), "own proc"),
    ...writeProc("gid_map", idMapText(same(maps.gids)), "own proc"),
    { call: "exit_group", args: [0] },
  ];
  return {
    phase: "mounts",
    name: "lock",
    sentence: "lock all mounts: go on in one more user and mount namespace",
    hints: {
      ENOSPC: "the limit of user namespaces is reached; see the sysctl user.max_user_namespaces",
      EPERM: "this user may not make user namespaces in user namespaces here",
      EUSERS: "user namespaces are nested too deep (32)",
    },
    operations: [
      {
        call: "openat",
        args: [AGENT_FD.proc, "self", O_PATH | O_DIRECTORY | O_CLOEXEC, 0],
        store: "own proc",
      },
      // A change of credentials made this process non-dumpable, and its files root's.
      { call: "prctl", args: [PR_SET_DUMPABLE, 1] },
      { call: "pipe2", args: [{ at: "lock pipe" }, O_CLOEXEC] },
      {
        call: "clone3",
        // No signal at its end, and nobody but who waits for it sees it.
        args: [{ words: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] }, 88],
        store: "writer",
        when: { differs: 0 },
        goto: "writer is there",
      },
      ...writer,
      {
        call: "unshare",
        args: [(CLONE_NEWUSER | CLONE_NEWNS) >>> 0],
        label: "writer is there",
      },
      { call: "write", args: [{ load32: { name: "lock pipe", offset: 4 } }, { at: "byte" }, 1] },
      { call: "wait4", args: [{ load: "writer" }, { at: "written" }, __WALL, 0] },
      // The writer has told what went wrong.
      { call: "SET", args: [{ load32: "written" }], when: { differs: 0 }, goto: "exit" },
      { call: "prctl", args: [PR_SET_DUMPABLE, 0] },
      dieWithParent(),
      { call: "close", args: [{ load32: "lock pipe" }] },
      { call: "close", args: [{ load32: { name: "lock pipe", offset: 4 } }] },
      { call: "close", args: [{ load32: "own proc" }] },
    ],
  };
}

/** Makes the namespaces that come after the lock. unshare(2). */
export function behindLockStep(
  kinds: readonly NamespaceKind[],
  hints: Readonly<Record<string, string>>,
): NewStep {
  return {
    phase: "network",
    name: "unshare",
    sentence: `make new ${kinds.join(", ")} namespaces, of the command's own user namespace`,
    hints,
    operations: [{
      call: "unshare",
      args: [kinds.reduce((flags, kind) => flags | NAMESPACE_FLAG[kind], 0) >>> 0],
    }],
  };
}
