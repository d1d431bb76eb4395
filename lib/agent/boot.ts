/**
 * The agent's own program: it settles its descriptors, then serves requests and reaps children
 * until the host program is gone.
 *
 * @module
 */

import {
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_NORESERVE,
  MAP_PRIVATE,
  PROT_READ,
  PROT_WRITE,
} from "../sys/abi/memory.ts";
import { ERRNO } from "../sys/abi/errno.ts";
import { AT_FDCWD, O_CLOEXEC, O_DIRECTORY, O_PATH } from "../sys/abi/fcntl.ts";
import { POLLIN } from "../sys/abi/poll.ts";
import { PR_SET_NAME, PR_SET_PDEATHSIG } from "../sys/abi/prctl.ts";
import { SFD_CLOEXEC, SIG_SETMASK, SIGNALS } from "../sys/abi/signal.ts";
import { MSG_CMSG_CLOEXEC } from "../sys/abi/socket.ts";
import { __WALL, WNOHANG } from "../sys/abi/wait.ts";
import type { Arch } from "../sys/arch.ts";
import { assemble, type Program } from "./assembler.ts";
import { EVENT_OFFSET, EVENT_SIZE, EventKind, eventTemplate } from "./event.ts";
import { AGENT_FD, BOOT, FIRST_FREE_FD, OUTSIDE_AREA, OUTSIDE_SIZE } from "./layout.ts";
import type { Operation } from "./operation.ts";
import {
  ALL_SIGNALS,
  CLOSE_RANGE_ALL,
  KEYCTL_JOIN_SESSION_KEYRING,
  POLL_ANSWER,
  pollfd,
  SIGNAL_SET_SIZE,
  words,
} from "./words.ts";

/** The most descriptors that may come with a request. */
export const MOST_REQUEST_FDS = 64;
const CONTROL_SIZE = 16 + MOST_REQUEST_FDS * 4;

/** The descriptors that the agent inherits, by their numbers in the host program. */
export interface BootFds {
  control: number;
  status: number;
  arena: number;
}

/**
 * The boot program. A request's message is `{ u64 offset, u64 length }`: where in the arena the
 * program for {@linkcode OUTSIDE_AREA} lies. It runs with the request's descriptors at `fds` and
 * ends by going on at `next`.
 */
export function bootProgram(fds: BootFds, arch?: Arch): Program {
  const operations: Operation[] = [
    { call: "HANDLER", args: [{ label: "exit" }, { at: "reaped" }] },
    { call: "prctl", args: [PR_SET_PDEATHSIG, SIGNALS.SIGKILL] },
    // The kernel would call it by the number of its descriptor, and pid 1 of each sandbox too.
    { call: "prctl", args: [PR_SET_NAME, "paddock"] },
    // Ctrl-C and the like reach the whole foreground group; they are the host program's to handle.
    { call: "rt_sigprocmask", args: [SIG_SETMASK, { at: "all signals" }, 0, SIGNAL_SET_SIZE] },
    // Deno ignores it, and that would be passed on as far as to the command.
    { call: "rt_sigaction", args: [SIGNALS.SIGPIPE, { at: "default action" }, 0, SIGNAL_SET_SIZE] },
    // The caller's keys are not the sandboxes'. A kernel without keys has nothing to hide, and a
    // filter that forbids the call (EPERM, in containers) forbids it to the sandboxes too.
    {
      call: "keyctl",
      args: [KEYCTL_JOIN_SESSION_KEYRING, 0],
      store: "keyring",
      onError: "ignore",
      when: { equals: -ERRNO.EPERM },
      goto: "no keys",
    },
    { call: "SET", args: [{ load: "keyring" }], onError: { tolerate: "ENOSYS" } },
    { call: "dup3", args: [fds.control, AGENT_FD.control, O_CLOEXEC], label: "no keys" },
    { call: "dup3", args: [fds.status, AGENT_FD.status, O_CLOEXEC] },
    { call: "dup3", args: [fds.arena, AGENT_FD.arena, O_CLOEXEC] },
    { call: "close_range", args: [AGENT_FD.arena + 1, CLOSE_RANGE_ALL, 0] },
    // These get the next numbers, 3 to 5.
    { call: "openat", args: [AT_FDCWD, "/proc", O_PATH | O_DIRECTORY | O_CLOEXEC, 0] },
    { call: "signalfd4", args: [-1, { at: "child signal" }, SIGNAL_SET_SIZE, SFD_CLOEXEC] },
    { call: "getpid", store: "self" },
    { call: "pidfd_open", args: [{ load: "self" }, 0] },
    {
      call: "mmap",
      args: [
        OUTSIDE_AREA,
        OUTSIDE_SIZE,
        PROT_READ | PROT_WRITE,
        MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE,
        -1,
        0,
      ],
    },
    { label: "next", call: "HANDLER", args: [{ label: "next" }, { at: "failure" }] },
    { call: "ppoll", args: [{ at: "polled" }, 2, 0, 0, SIGNAL_SET_SIZE] },
    {
      call: "AND",
      args: [{ load: { name: "polled", offset: 8 } }, POLL_ANSWER],
      when: { equals: 0 },
      goto: "request",
    },
    { call: "read", args: [AGENT_FD.signals, { at: "siginfo" }, 128] },
    {
      label: "reap",
      call: "wait4",
      args: [
        -1,
        { at: { name: "reaped", offset: EVENT_OFFSET.status } },
        WNOHANG | __WALL,
        { at: { name: "reaped", offset: EVENT_OFFSET.usage } },
      ],
      store: { name: "reaped", offset: EVENT_OFFSET.pid },
      onError: { goto: "request" },
    },
    {
      call: "SET",
      args: [{ load: { name: "reaped", offset: EVENT_OFFSET.pid } }],
      when: { equals: 0 },
      goto: "request",
    },
    {
      call: "write",
      args: [AGENT_FD.status, { at: "reaped" }, EVENT_SIZE],
      onError: { goto: "exit" },
    },
    { call: "SET", args: [0], goto: "reap" },
    {
      label: "request",
      call: "AND",
      args: [{ load: "polled" }, POLL_ANSWER],
      when: { equals: 0 },
      goto: "next",
    },
    { call: "SET", args: [CONTROL_SIZE], store: { name: "message", offset: 40 } },
    {
      call: "recvmsg",
      args: [AGENT_FD.control, { at: "message" }, MSG_CMSG_CLOEXEC],
      when: { equals: 0 },
      goto: "farewell",
    },
    {
      call: "pread64",
      args: [
        AGENT_FD.arena,
        OUTSIDE_AREA,
        { load: { name: "request", offset: 8 } },
        { load: "request" },
      ],
      goto: OUTSIDE_AREA,
    },
    // Whoever is left behind goes to pid 1, and where that reaps nobody, as in many a container,
    // stays in the list of processes for good. Should the host program be gone, this ends it first.
    {
      label: "farewell",
      call: "wait4",
      args: [-1, 0, __WALL, 0],
      onError: { goto: "exit" },
    },
    { call: "SET", args: [0], goto: "farewell" },
    { label: "exit", call: "exit_group", args: [0] },
  ];
  const program = assemble(BOOT, operations, {
    arch,
    buffers: { siginfo: 128, control: CONTROL_SIZE, request: 16, "default action": 32 },
    contents: {
      "all signals": ALL_SIGNALS,
      "child signal": CHILD_SIGNAL,
      polled: words(pollfd(AGENT_FD.control, POLLIN), pollfd(AGENT_FD.signals, POLLIN)),
      reaped: eventTemplate(EventKind.REAPED),
      failure: eventTemplate(EventKind.FAILED),
      message: new Uint8Array(56),
      iovec: new Uint8Array(16),
      control: new Uint8Array(CONTROL_SIZE),
      request: new Uint8Array(16),
    },
  });
  // These point at places of the same program, so they are filled in second.
  const { bytes, places } = program;
  const fill = (name: string, ...values: number[]) =>
    bytes.set(words(...values), places.get(name)! - BOOT);
  fill("message", 0, 0, places.get("iovec")!, 1, places.get("control")!, CONTROL_SIZE, 0);
  fill("iovec", places.get("request")!, 16);
  return program;
}

const CHILD_SIGNAL = words(2 ** (SIGNALS.SIGCHLD - 1));

/** Where the n-th descriptor of a request lies, for `load32`. */
export function requestFd(boot: Program, index: number): number {
  return boot.places.get("control")! + 16 + index * 4;
}

/** The operations with which every outside program ends: nothing of the launch stays open. */
export function returnToAgent(boot: Program): Operation[] {
  return [
    { call: "close_range", args: [FIRST_FREE_FD, CLOSE_RANGE_ALL, 0], onError: "ignore" },
    { call: "SET", args: [0], goto: boot.labels.get("next")! },
  ];
}
