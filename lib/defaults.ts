/**
 * What a sandbox is when nobody has said anything yet: the safe one, and the bare one.
 *
 * @module
 */

import type { SandboxSpec } from "./spec.ts";

/** Nothing at all: every namespace is the host's, the environment is empty. */
export const EMPTY_SPEC: SandboxSpec = {
  root: "host",
  mounts: [],
  namespaces: {
    cgroup: "shared",
    ipc: "shared",
    mount: "shared",
    net: "shared",
    pid: "shared",
    time: "shared",
    user: "shared",
    uts: "shared",
  },
  env: { set: {}, inherit: [] },
  seccomp: { profile: "none" },
  rlimits: {},
  tty: false,
  newSession: false,
  asPid1: false,
};

/**
 * The safe defaults: every namespace but time is new; the root is a minimal read-only view of the
 * host with its own /proc, /dev, /tmp and /run; only loopback; a session of its own; four
 * variables of the environment.
 */
export const DEFAULT_SPEC: SandboxSpec = {
  root: "host",
  mounts: [
    { kind: "proc", target: "/proc" },
    { kind: "dev", target: "/dev" },
    { kind: "tmpfs", target: "/tmp" },
    { kind: "tmpfs", target: "/run", mode: "0755" },
  ],
  namespaces: {
    cgroup: "new",
    ipc: "new",
    mount: "new",
    net: "new",
    pid: "new",
    user: "new",
    uts: "new",
  },
  hostname: "paddock",
  // The home directory of the host is not there; /tmp is, and can be written.
  seccomp: { profile: "default" },
  env: { set: { HOME: "/tmp" }, inherit: ["PATH", "TERM", "LANG"] },
  rlimits: {},
  tty: false,
  newSession: true,
  asPid1: false,
};
