/**
 * The Linux kernel's interface over FFI, usable on its own: typed wrappers of the system calls that
 * sandboxes are made of, and the kernel's constants by their own names.
 *
 * Descriptors are numbers and always close-on-exec. Failures are {@linkcode SyscallError}s that
 * name the call, the paths, the flags and the errno. Nothing is opened at import; the first call
 * opens libc, which needs `--allow-ffi`. Paths go to the kernel as they are and are not checked
 * against Deno's permissions: `--allow-ffi` is all of them.
 *
 * ```ts
 * import { CLONE_NEWUSER, CLONE_NEWUTS, close, spawnRaw, waitPidfd } from "@paddock/paddock/sys";
 *
 * const child = spawnRaw({ flags: CLONE_NEWUSER | CLONE_NEWUTS, path: "/bin/true" });
 * console.log(waitPidfd(child.pidfd)?.code); // 0
 * close(child.pidfd);
 * ```
 *
 * @module
 */

export { SandboxError, SyscallError, type SyscallErrorInit, UnsupportedError } from "../errors.ts";
export * from "./abi/capability.ts";
export * from "./abi/clone.ts";
export * from "./abi/errno.ts";
export * from "./abi/fcntl.ts";
export * from "./abi/inet.ts";
export * from "./abi/ioctl.ts";
export * from "./abi/landlock.ts";
export * from "./abi/memory.ts";
export * from "./abi/mount.ts";
export * from "./abi/poll.ts";
export * from "./abi/prctl.ts";
export * from "./abi/resource.ts";
export * from "./abi/seccomp.ts";
export * from "./abi/signal.ts";
export * from "./abi/socket.ts";
export * from "./abi/wait.ts";
export { addressInfo } from "./address_info.ts";
export { ARCH, type Arch } from "./arch.ts";
export * from "./attributes.ts";
export * from "./capability.ts";
export * from "./clone.ts";
export * from "./directory.ts";
export * from "./epoll.ts";
export * from "./file.ts";
export { flagNames } from "./flag_names.ts";
export * from "./ids.ts";
export * from "./landlock.ts";
export {
  addressOf,
  check,
  cString,
  epollWaitAsync,
  rawSyscall,
  syscall,
  type SyscallArgument,
} from "./libc.ts";
export * from "./lock.ts";
export * from "./memfd.ts";
export * from "./memory.ts";
export * from "./mount.ts";
export * from "./mount_api.ts";
export * from "./namespace.ts";
export * from "./openat2.ts";
export * from "./pidfd.ts";
export * from "./poll.ts";
export * from "./prctl.ts";
export * from "./resource.ts";
export * from "./seccomp.ts";
export * from "./socket.ts";
export * from "./stat.ts";
export { SYSCALLS_AARCH64 } from "./abi/syscalls_aarch64.ts";
export { SYSCALLS_X86_64 } from "./abi/syscalls_x86_64.ts";
export { SYS, type SyscallName, syscallName, syscallNumber } from "./syscall_numbers.ts";
export * from "./terminal.ts";
export * from "./unshare.ts";
export * from "./wait.ts";
