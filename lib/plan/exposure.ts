/**
 * What a sandbox does not isolate, in words, so that one without namespaces does not pass for one.
 *
 * @module
 */

import type { LandlockRuleset } from "./landlock_steps.ts";
import type { NamespaceKind, SandboxSpec } from "../spec.ts";
import {
  LANDLOCK_ACCESS_NET_BIND_TCP,
  LANDLOCK_ACCESS_NET_CONNECT_TCP,
  LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET,
  LANDLOCK_SCOPE_SIGNAL,
} from "../sys/abi/landlock.ts";

function files(rules: LandlockRuleset | undefined): string {
  if (!rules?.handledFs) return "files: the command sees and changes all that its user may";
  return "files: it sees that all of the host's are there, with their owners and sizes; Landlock " +
    "says which it can open";
}

function processes(rules: LandlockRuleset | undefined): string {
  return `processes: it sees all of the host's${
    (rules?.scoped ?? 0) & LANDLOCK_SCOPE_SIGNAL
      ? "; Landlock lets it signal only those that it started"
      : ", and can signal those of its user"
  }${rules ? "" : ", look into their memory and change it"}`;
}

function network(rules: LandlockRuleset | undefined): string {
  const handled = rules?.handledNet ?? 0;
  const tcp = [
    ...(handled & LANDLOCK_ACCESS_NET_BIND_TCP ? [] : ["listen on any TCP port"]),
    ...(handled & LANDLOCK_ACCESS_NET_CONNECT_TCP ? [] : ["connect to any"]),
    "use UDP and all else",
    ...((rules?.scoped ?? 0) & LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET
      ? []
      : ["connect to abstract Unix sockets"]),
  ];
  return `the network: it is the host's, with the services on its loopback; it can ${
    tcp.join(", ")
  }`;
}

const WORDS: Record<NamespaceKind, (rules: LandlockRuleset | undefined) => string> = {
  mount: files,
  pid: processes,
  net: network,
  user: () => "identity: its user is the same one outside, with the same rights to everything",
  ipc: () => "System V shared memory, semaphores and message queues of its user",
  uts: () => "the hostname",
  cgroup: () => "where in the host's tree of cgroups it runs",
  // Clocks are everybody's also by default; not what anybody takes for a wall.
  time: () => "",
};

/** One line for each wall that is not there. A namespace that is joined is somebody else's wall. */
export function exposure(spec: SandboxSpec, rules?: LandlockRuleset): string[] {
  return (Object.keys(WORDS) as NamespaceKind[])
    .filter((kind) => (spec.namespaces[kind] ?? "shared") === "shared")
    .map((kind) => WORDS[kind](rules))
    .filter((line) => line !== "");
}
