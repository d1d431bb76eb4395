/**
 * Looks at what the default root shows of the host.
 *
 * By system calls of its own: each error that Deno's functions throw for what is not there costs as
 * much as ten files that are, and this is done in each start of the command.
 *
 * @module
 */

import type { HostEntry } from "../plan/facts.ts";
import {
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  O_CLOEXEC,
  O_NONBLOCK,
  O_RDONLY,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  STATX_BASIC_STATS,
} from "../sys/abi/fcntl.ts";
import { cString, rawSyscall } from "../sys/libc.ts";
import { SYS } from "../sys/syscall_numbers.ts";

const SYSTEM_FOLDERS = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];

/** Small files that programs read; they are copied, so that the sandbox holds no mount on them. */
const COPIED = [
  "/etc/passwd",
  "/etc/group",
  "/etc/nsswitch.conf",
  "/etc/hosts",
  "/etc/host.conf",
  "/etc/resolv.conf",
  "/etc/localtime",
  "/etc/os-release",
  "/etc/ssl/openssl.cnf",
];

/** What is too large to copy. Never all of `/etc/ssl` or `/etc/pki`: private keys lie there. */
const BOUND = [
  "/etc/ld.so.cache",
  "/etc/alternatives",
  "/etc/ssl/certs",
  "/etc/pki/tls/certs",
  "/etc/pki/ca-trust/extracted",
  "/etc/crypto-policies/back-ends",
];

const LARGEST_COPY = 256 * 1024;
const LONGEST_LINK = 4096;

// Of a struct statx. statx(2)
const STATX_SIZE = 256, MODE_AT = 28;

const text = new TextDecoder();

/** What is at a path, of `S_IFMT`; 0 where there is nothing, or nothing for this user. */
function kindOf(path: Uint8Array, flags: number, status: Uint8Array): number {
  const result = rawSyscall(SYS.statx, AT_FDCWD, path, flags, STATX_BASIC_STATS, status);
  return result < 0 ? 0 : (status[MODE_AT]! | status[MODE_AT + 1]! << 8) & S_IFMT;
}

/** A file's contents; undefined where it is no file, cannot be read, or is too large. */
function contentsOf(
  path: Uint8Array,
  room: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> | undefined {
  // A pipe in a file's place must not be waited for.
  const fd = rawSyscall(SYS.openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
  if (fd < 0) return undefined;
  let length = 0, count = 0;
  do {
    const rest = room.subarray(length);
    count = rawSyscall(SYS.read, fd, rest, rest.length);
    length += count;
  } while (count > 0 && length <= LARGEST_COPY);
  rawSyscall(SYS.close, fd);
  return count === 0 ? room.slice(0, length) : undefined;
}

/** What of the host is shown: links as they are, small files by their contents, the rest bound. */
export function hostView(): HostEntry[] {
  const entries: HostEntry[] = [];
  const status = new Uint8Array(STATX_SIZE);
  for (const path of SYSTEM_FOLDERS) {
    const name = cString(path);
    const kind = kindOf(name, AT_SYMLINK_NOFOLLOW, status);
    if (kind === S_IFLNK) {
      const to = new Uint8Array(LONGEST_LINK);
      const length = rawSyscall(SYS.readlinkat, AT_FDCWD, name, to, LONGEST_LINK);
      if (length > 0) {
        entries.push({ kind: "symlink", path, to: text.decode(to.subarray(0, length)) });
      }
    } else if (kind !== 0) entries.push({ kind: "bind-dir", path });
  }
  const room = new Uint8Array(LARGEST_COPY + 1);
  for (const path of COPIED) {
    const contents = contentsOf(cString(path), room);
    if (contents !== undefined) entries.push({ kind: "copy", path, contents });
  }
  for (const path of BOUND) {
    const kind = kindOf(cString(path), 0, status);
    if (kind === S_IFDIR) entries.push({ kind: "bind-dir", path });
    else if (kind === S_IFREG) entries.push({ kind: "bind-file", path });
  }
  return entries;
}
