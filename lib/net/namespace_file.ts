/**
 * Opens network namespaces by what users call them. ip-netns(8), namespaces(7).
 *
 * @module
 */

import { SyscallError } from "../errors.ts";
import { AT_FDCWD, O_CLOEXEC, O_RDONLY } from "../sys/abi/fcntl.ts";
import { cString, syscall } from "../sys/libc.ts";
import type { NetworkNamespace } from "./link_types.ts";

/** Opens a network namespace; one that was given as a descriptor stays the caller's. */
export function openNetwork(target: NetworkNamespace): { fd: number; close(): void } {
  if (typeof target === "object" && "fd" in target) return { fd: target.fd, close() {} };
  const path = typeof target === "string" ? target : `/proc/${target.pid}/ns/net`;
  const fd = syscall("openat", AT_FDCWD, cString(path), O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) {
    throw new SyscallError({
      syscall: "openat",
      errno: -fd,
      path,
      hint: "it was to be a network namespace",
    });
  }
  return { fd, close: () => void syscall("close", fd) };
}
