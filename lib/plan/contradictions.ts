/**
 * Finds what in a description contradicts itself, before anything is planned.
 *
 * @module
 */

import { SpecError } from "../errors.ts";
import type { NamespaceKind, SandboxSpec } from "../spec.ts";

/** Where the sandbox's devices are, if it has any. */
export function devTarget(spec: SandboxSpec): string | undefined {
  return spec.mounts.findLast((mount) => mount.kind === "dev")?.target;
}

/** Throws a `SpecError` that names the field and the way out. */
export function checkContradictions(spec: SandboxSpec): void {
  const is = (kind: NamespaceKind) => spec.namespaces[kind] ?? "shared";
  const needs = (field: string, kind: "uts" | "mount" | "pid" | "time", set: boolean) => {
    if (set && is(kind) !== "new") {
      throw new SpecError(
        field,
        `needs a ${kind} namespace of the sandbox's own; unshare("${kind}")`,
      );
    }
  };
  needs("hostname", "uts", spec.hostname !== undefined);
  needs("domainname", "uts", spec.domainname !== undefined);
  needs("timeOffsets", "time", spec.timeOffsets !== undefined);
  needs("asPid1", "pid", spec.asPid1);
  needs("mounts", "mount", spec.mounts.length > 0);
  needs("root", "mount", spec.root !== "host");
  const paths = spec.landlock === "from-mounts" ? spec.landlock : spec.landlock?.paths;
  needs("landlock.paths", "mount", paths === "from-mounts");
  if (spec.asPid1 && is("time") === "new") {
    throw new SpecError(
      "asPid1",
      "a new time namespace is entered by a clone, and pid 1 is not cloned again; use one or the other",
    );
  }
  if (spec.network?.mode === "host" && is("net") !== "shared") {
    throw new SpecError(
      "network.mode",
      '"host" needs the host\'s network namespace; share("net")',
    );
  }
  const { network } = spec;
  if (network?.mode === "join" && typeof is("net") !== "object") {
    throw new SpecError("network.mode", '"join" needs the namespace to join; see network()');
  }
  if (network !== undefined && !["host", "join"].includes(network.mode) && is("net") !== "new") {
    throw new SpecError(
      "network.mode",
      `"${network.mode}" needs a network namespace of its own; unshare("net")`,
    );
  }
  const cgroupfs = spec.mounts.findIndex((mount) => mount.kind === "cgroupfs" && mount.writable);
  if (cgroupfs >= 0 && spec.limits === undefined) {
    throw new SpecError(
      `mounts[${cgroupfs}].writable`,
      "without limits() the cgroup is the caller's own, and so are the processes in it; add limits",
    );
  }
  if (spec.tty && is("mount") === "new" && !devTarget(spec)) {
    throw new SpecError("tty", "a terminal needs a /dev inside; add dev()");
  }
  if (spec.tty && is("mount") !== "new") {
    throw new SpecError("tty", 'a terminal needs a mount namespace of its own; unshare("mount")');
  }
}
