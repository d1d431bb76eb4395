/**
 * The first process of a detached sandbox hands out its namespaces, for whoever comes later: an
 * ordinary user cannot open them when the process is not dumpable any more. namespaces(7).
 *
 * @module
 */

import { AGENT_FD } from "../../agent/layout.ts";
import type { Operation, Value } from "../../agent/operation.ts";
import { O_CLOEXEC, O_RDONLY } from "../../sys/abi/fcntl.ts";
import { sendDescriptor } from "../program_parts.ts";

/** By the kernel's names; what a child gets is where the command will be. */
const FILES = [
  "user",
  "mnt",
  "pid_for_children",
  "net",
  "ipc",
  "uts",
  "cgroup",
  "time_for_children",
];

/** Sends a descriptor of each namespace that this kernel has. */
export function handOutNamespaces(socket: Value): Operation[] {
  return FILES.flatMap((file): Operation[] => [
    {
      call: "openat",
      args: [AGENT_FD.proc, `thread-self/ns/${file}`, O_RDONLY | O_CLOEXEC, 0],
      store: "namespace",
      onError: { goto: `no ${file}` },
    },
    ...sendDescriptor(socket, "namespace"),
    { call: "close", args: [{ load32: "namespace" }] },
    { call: "SET", args: [0], label: `no ${file}` },
  ]);
}
