/**
 * The helper beside the sandbox's first process: it makes the net namespace while the filesystem is
 * built, and detaches the old root.
 *
 * @module
 */

import { EVENT_SIZE } from "../agent/event.ts";
import { AGENT_FD } from "../agent/layout.ts";
import type { Operation } from "../agent/operation.ts";
import { words } from "../agent/words.ts";
import { CLONE_FILES, CLONE_FS, CLONE_NEWNET, CLONE_VM } from "../sys/abi/clone.ts";
import { F_DUPFD_CLOEXEC } from "../sys/abi/fcntl.ts";
import { FUTEX_WAIT, FUTEX_WAKE } from "../sys/abi/futex.ts";
import { MNT_DETACH } from "../sys/abi/mount.ts";
import { AF_INET, SIOCGSKNS, SOCK_CLOEXEC, SOCK_DGRAM } from "../sys/abi/socket.ts";
import { dieWithParent } from "./command_steps.ts";
import { loopbackUp } from "./namespace_steps.ts";
import type { NewStep } from "./step.ts";

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
      { call: "getpid", store: "helped" },
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
      // It may have died before that; without a pid namespace nobody else would end this process.
      { call: "getppid", store: "helper's parent" },
      {
        call: "SUBTRACT",
        args: [{ load: "helper's parent" }, { load: "helped" }],
        onError: "ignore",
        when: { differs: 0 },
        goto: "helper is alone",
      },
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
      { call: "exit", args: [1], label: "helper is alone" },
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
function waitWhile(cell: string, word: number, who = ""): Operation[] {
  const again = `${cell} is ${word}${who}`;
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
export function detachedStep(phase: "network" | "command"): NewStep {
  return {
    phase,
    name: "detached",
    sentence: "wait until the loopback device is up and the host's root is gone",
    hints: KILLED_HINT,
    operations: waitWhile("net root state", DONE),
  };
}

/**
 * The same for who makes the command's process: where that has no part in this memory, it could wait
 * for ever for the helper's word.
 */
export function detachedForClone(): Operation[] {
  return waitWhile("net root state", DONE, ", before the clone");
}
