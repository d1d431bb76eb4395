/**
 * Files and descriptors: open(2), close(2), read(2), write(2), pipe2(2), fcntl(2), statx(2).
 *
 * Descriptors here are plain numbers. Every one that this module makes is close-on-exec, because
 * Deno starts programs from other threads at any time; {@linkcode setCloseOnExec} undoes it.
 *
 * @module
 */

import * as abi from "./abi/fcntl.ts";
import { ERRNO } from "./abi/errno.ts";
import { uninterrupted } from "./calls.ts";
import { flagNames } from "./flag_names.ts";
import { check, pathArgument, pathText, syscall } from "./libc.ts";

/** How {@linkcode open} opens. */
export interface OpenOptions {
  /** `O_*`, or'ed; `O_CLOEXEC` is always added. Reading only when not given. */
  flags?: number;
  /** Permission bits of a file that is created, before the umask; 0o600 when not given. */
  mode?: number;
  /** The directory that a relative path starts at; the working directory when not given. */
  dirfd?: number;
}

/**
 * Opens a file and returns its descriptor. `/proc` and `/sys` open too, for which Deno's own
 * functions want `--allow-all`.
 *
 * Permissions: `--allow-ffi`. Source: openat(2).
 *
 * @example
 * ```ts
 * import { close, open, readAll } from "@paddock/paddock/sys";
 *
 * const fd = open("/proc/self/status");
 * console.log(new TextDecoder().decode(readAll(fd)));
 * close(fd);
 * ```
 */
export function open(path: string | Uint8Array, options: OpenOptions = {}): number {
  const flags = (options.flags ?? abi.O_RDONLY) | abi.O_CLOEXEC;
  // A mode without O_CREAT is ignored by openat(2), unlike by openat2(2).
  const mode = options.mode ?? 0o600;
  const name = pathArgument(path);
  const result = uninterrupted(() =>
    syscall("openat", options.dirfd ?? abi.AT_FDCWD, name, flags, mode)
  );
  return check(result, "openat", {
    get path() {
      return pathText(path);
    },
    get flags() {
      return flagNames(flags, abi, "O_");
    },
  });
}

/**
 * Closes a descriptor. Errors: EBADF. EINTR is none: the descriptor is closed all the same.
 *
 * Permissions: `--allow-ffi`. Source: close(2).
 */
export function close(fd: number): void {
  const result = syscall("close", fd);
  if (result !== -ERRNO.EINTR) check(result, "close", { path: `fd ${fd}` });
}

/**
 * Closes all descriptors from `first` to `last`, or with `CLOSE_RANGE_CLOEXEC` marks them
 * close-on-exec. In the running Deno, the former closes Deno's own: mean a child.
 *
 * Permissions: `--allow-ffi`. Source: close_range(2), Linux 5.9 (the flag: 5.11).
 */
export function closeRange(first: number, last = 0xffffffff, flags = 0): void {
  check(syscall("close_range", first, last, flags), "close_range", {
    get flags() {
      return flagNames(flags, abi, "CLOSE_RANGE_");
    },
  });
}

/**
 * Reads into a buffer and returns how many bytes came; 0 is the end of the file. Blocks JavaScript
 * where the descriptor blocks. Errors: EAGAIN (non-blocking and nothing there), EBADF, EISDIR.
 *
 * Permissions: `--allow-ffi`. Source: read(2).
 */
export function read(fd: number, into: Uint8Array): number {
  return check(uninterrupted(() => syscall("read", fd, into, into.length)), "read", {
    path: `fd ${fd}`,
  });
}

/** Reads everything up to the end of the file. Permissions: `--allow-ffi`. Source: read(2). */
export function readAll(fd: number): Uint8Array<ArrayBuffer> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  // A file of /proc gives no size beforehand, and some give only whole records to a large buffer.
  for (;;) {
    const chunk = new Uint8Array(65536);
    const count = read(fd, chunk);
    if (count === 0) break;
    chunks.push(chunk.subarray(0, count));
    total += count;
  }
  const all = new Uint8Array(total);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

/**
 * Writes a buffer and returns how many bytes were taken, which may be fewer. Errors: EAGAIN
 * (non-blocking and full), EPIPE (no reader; Deno ignores SIGPIPE), ENOSPC, EBADF.
 *
 * Permissions: `--allow-ffi`. Source: write(2).
 */
export function write(fd: number, bytes: Uint8Array): number {
  return check(uninterrupted(() => syscall("write", fd, bytes, bytes.length)), "write", {
    path: `fd ${fd}`,
  });
}

/** Writes all of a buffer, in as many calls as it takes. Permissions: `--allow-ffi`. Source: write(2). */
export function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += write(fd, bytes.subarray(at));
}

/**
 * Reads at an offset, in bytes, without moving the file's position. Returns the count; 0 is the
 * end. Permissions: `--allow-ffi`. Source: pread(2).
 */
export function pread(fd: number, into: Uint8Array, offset: number): number {
  return check(uninterrupted(() => syscall("pread64", fd, into, into.length, offset)), "pread64", {
    path: `fd ${fd}`,
  });
}

/**
 * Writes at an offset, in bytes, without moving the file's position. Returns the count, which may
 * be smaller than the buffer. Permissions: `--allow-ffi`. Source: pwrite(2).
 */
export function pwrite(fd: number, bytes: Uint8Array, offset: number): number {
  return check(
    uninterrupted(() => syscall("pwrite64", fd, bytes, bytes.length, offset)),
    "pwrite64",
    { path: `fd ${fd}` },
  );
}

/**
 * Moves a file's position and returns the new one, in bytes. `SEEK_DATA` and `SEEK_HOLE` find what is
 * stored of a file with holes; ENXIO: there is no data any more.
 *
 * Permissions: `--allow-ffi`. Source: lseek(2).
 */
export function seek(fd: number, offset: number, whence: number): number {
  return check(syscall("lseek", fd, offset, whence), "lseek", { path: `fd ${fd}` });
}

/** Sets a file's size in bytes. Errors: EPERM (sealed), EFBIG. Permissions: `--allow-ffi`. Source: ftruncate(2). */
export function ftruncate(fd: number, size: number): void {
  check(uninterrupted(() => syscall("ftruncate", fd, size)), "ftruncate", { path: `fd ${fd}` });
}

/**
 * Makes a pipe: `[reading end, writing end]`.
 *
 * Permissions: `--allow-ffi`. Source: pipe2(2).
 *
 * @param flags `O_NONBLOCK`, `O_DIRECT`; `O_CLOEXEC` is always added.
 */
export function pipe(flags = 0): [number, number] {
  const fds = new Int32Array(2);
  check(syscall("pipe2", fds, flags | abi.O_CLOEXEC), "pipe2");
  return [fds[0]!, fds[1]!];
}

/**
 * Duplicates a descriptor to the lowest free number that is at least `least`, close-on-exec.
 * The numbers 0 to 2 and Deno's own low ones are thereby never replaced.
 *
 * Permissions: `--allow-ffi`. Source: fcntl(2), F_DUPFD_CLOEXEC.
 */
export function duplicate(fd: number, least = 3): number {
  return check(syscall("fcntl", fd, abi.F_DUPFD_CLOEXEC, least), "fcntl", {
    path: `fd ${fd}`,
    flags: "F_DUPFD_CLOEXEC",
  });
}

/**
 * Makes `to` a duplicate of `from`, close-on-exec, silently closing what `to` was. Deno's own
 * descriptors are the low numbers: take `to` from {@linkcode duplicate}.
 *
 * Permissions: `--allow-ffi`. Source: dup3(2).
 */
export function duplicateOnto(from: number, to: number): void {
  check(syscall("dup3", from, to, abi.O_CLOEXEC), "dup3", {
    path: `fd ${from}`,
    dest: `fd ${to}`,
  });
}

/** A descriptor's status flags (`O_NONBLOCK`, `O_APPEND`, the access mode). Permissions: `--allow-ffi`. Source: fcntl(2), F_GETFL. */
export function getStatusFlags(fd: number): number {
  return check(syscall("fcntl", fd, abi.F_GETFL), "fcntl", { path: `fd ${fd}`, flags: "F_GETFL" });
}

/** Sets a descriptor's status flags. Permissions: `--allow-ffi`. Source: fcntl(2), F_SETFL. */
export function setStatusFlags(fd: number, flags: number): void {
  check(syscall("fcntl", fd, abi.F_SETFL, flags), "fcntl", { path: `fd ${fd}`, flags: "F_SETFL" });
}

/**
 * Sets or clears `O_NONBLOCK`. It belongs to the open file, so everyone who shares that file gets
 * it: set it on an end that only this process holds.
 *
 * Permissions: `--allow-ffi`. Source: fcntl(2).
 */
export function setNonblocking(fd: number, on = true): void {
  const flags = getStatusFlags(fd);
  setStatusFlags(fd, on ? flags | abi.O_NONBLOCK : flags & ~abi.O_NONBLOCK);
}

/** Sets or clears close-on-exec, which belongs to the descriptor. Permissions: `--allow-ffi`. Source: fcntl(2), F_SETFD. */
export function setCloseOnExec(fd: number, on = true): void {
  check(syscall("fcntl", fd, abi.F_SETFD, on ? abi.FD_CLOEXEC : 0), "fcntl", {
    path: `fd ${fd}`,
    flags: "F_SETFD",
  });
}
