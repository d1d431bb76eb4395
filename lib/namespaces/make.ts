/**
 * New namespaces, which a process keeps until somebody else does.
 *
 * @module
 */

import { SpecError } from "../errors.ts";
import { NAMESPACE_FLAG } from "../plan/namespace_steps.ts";
import { ifreqFlags } from "../plan/structs.ts";
import type { NamespaceKind } from "../spec.ts";
import { O_WRONLY } from "../sys/abi/fcntl.ts";
import { MS_PRIVATE, MS_REC } from "../sys/abi/mount.ts";
import {
  AF_INET,
  IFF_LOOPBACK,
  IFF_RUNNING,
  IFF_UP,
  SIOCSIFFLAGS,
  SOCK_DGRAM,
} from "../sys/abi/socket.ts";
import { type RawStep, spawnRaw } from "../sys/clone.ts";
import { close, open, pipe } from "../sys/file.ts";
import { waitPidfd } from "../sys/pidfd.ts";

/** What new namespaces are to be like. */
export interface NewNamespaces {
  /** The host name of a new uts namespace; else it is the host's. */
  readonly hostname?: string;
}

/** The flag of a kind that can be made here, without more being known of it. */
function flagOfNew(kind: NamespaceKind): number {
  if (kind === "pid") {
    throw new SpecError(
      "places.pid",
      "a pid namespace ends with its first process; pin that of a sandbox that runs",
    );
  }
  if (kind === "user" || kind === "time") {
    const want = kind === "user" ? "an id map" : "offsets";
    throw new SpecError(
      `places.${kind}`,
      `a new ${kind} namespace wants ${want}; make it with a sandbox, and pin that one's`,
    );
  }
  return NAMESPACE_FLAG[kind];
}

/** What is done inside of each kind. */
function stepsFor(kind: NamespaceKind, { hostname }: NewNamespaces): RawStep[] {
  switch (kind) {
    case "mount":
      return [{ name: "mount", args: [null, "/", null, MS_REC | MS_PRIVATE, null] }];
    case "net":
      // Descriptor 2 is free then, and so the socket's.
      return [
        { name: "close", args: [2] },
        { name: "socket", args: [AF_INET, SOCK_DGRAM, 0] },
        {
          name: "ioctl",
          args: [2, SIOCSIFFLAGS, ifreqFlags("lo", IFF_UP | IFF_LOOPBACK | IFF_RUNNING)],
        },
        { name: "dup3", args: [1, 2, 0] },
      ];
    case "uts":
      return hostname === undefined ? [] : [{
        name: "sethostname",
        args: [hostname, new TextEncoder().encode(hostname).length],
      }];
    default:
      return [];
  }
}

/** Makes namespaces of these kinds, which a process keeps until it is disposed of. */
export function makeNamespaces(
  kinds: readonly NamespaceKind[],
  options: NewNamespaces,
): { readonly pid: number } & AsyncDisposable {
  if (options.hostname !== undefined && !kinds.includes("uts")) {
    throw new SpecError("hostname", "it is for a new uts namespace, and none is to be pinned");
  }
  const flags = kinds.reduce((sum, kind) => sum | flagOfNew(kind), 0);
  const steps = kinds.flatMap((kind) => stepsFor(kind, options));
  const [theirs, ours] = pipe();
  const nothing = open("/dev/null", { flags: O_WRONLY });
  try {
    const { pid, pidfd } = spawnRaw({
      flags,
      path: "/bin/sh",
      // Until the pipe's other end is closed; it is if this program is killed.
      argv: ["sh", "-c", "read line"],
      stdio: [theirs, nothing, nothing],
      steps,
    });
    return {
      pid,
      [Symbol.asyncDispose]() {
        close(ours);
        waitPidfd(pidfd);
        close(pidfd);
        return Promise.resolve();
      },
    };
  } catch (error) {
    close(ours);
    throw error;
  } finally {
    close(theirs);
    close(nothing);
  }
}
