/**
 * Opens the namespaces that a sandbox is to join. setns(2).
 *
 * @module
 */

import { SyscallError } from "../errors.ts";
import { joinedKinds, NAMESPACE_FILE } from "../plan/namespace_steps.ts";
import type { SandboxSpec } from "../spec.ts";
import { AT_FDCWD, O_CLOEXEC, O_RDONLY } from "../sys/abi/fcntl.ts";
import { cString, syscall } from "../sys/libc.ts";

/** Descriptors in the order of the plan's join steps, and what closes those that were opened. */
export function openJoins(spec: SandboxSpec): { fds: number[]; release(): void } {
  const opened: number[] = [];
  const release = () => opened.splice(0).forEach((fd) => syscall("close", fd));
  const fds = joinedKinds(spec).map(({ kind, target }) => {
    if (typeof target === "object" && "fd" in target) return target.fd;
    const path = typeof target === "string"
      ? target
      : `/proc/${target.pid}/ns/${NAMESPACE_FILE[kind]}`;
    const fd = syscall("openat", AT_FDCWD, cString(path), O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0) {
      release();
      throw new SyscallError({
        syscall: "openat",
        errno: -fd,
        path,
        hint: `it was to be the ${kind} namespace to join`,
      });
    }
    opened.push(fd);
    return fd;
  });
  return { fds, release };
}
