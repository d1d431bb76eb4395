/**
 * Files without a name, and seals on them: memfd_create(2).
 *
 * A sealed memfd cannot change under whoever runs or maps it. runc runs itself from one since a
 * container could overwrite it through `/proc/self/exe` (CVE-2019-5736).
 *
 * @module
 */

import { UnsupportedError } from "../errors.ts";
import { ERRNO } from "./abi/errno.ts";
import * as fcntlAbi from "./abi/fcntl.ts";
import * as abi from "./abi/memory.ts";
import { close, writeAll } from "./file.ts";
import { flagNames } from "./flag_names.ts";
import { check, cString, syscall } from "./libc.ts";

/** How {@linkcode memfdCreate} creates. */
export interface MemfdOptions {
  /** Whether it is going to be run; false when not given. */
  executable?: boolean;
  /** Whether seals can be added; true when not given. */
  sealable?: boolean;
}

/**
 * Makes an anonymous file in memory, open for reading and writing, close-on-exec.
 *
 * Errors: EINVAL (a name over 249 bytes), EMFILE, and {@linkcode UnsupportedError} for an executable
 * one where `vm.memfd_noexec` is 2. Permissions: `--allow-ffi`. Source: memfd_create(2).
 *
 * @param name What `/proc/self/fd` shows after `memfd:`.
 */
export function memfdCreate(name: string, options: MemfdOptions = {}): number {
  const base = abi.MFD_CLOEXEC | (options.sealable === false ? 0 : abi.MFD_ALLOW_SEALING);
  const kind = options.executable ? abi.MFD_EXEC : abi.MFD_NOEXEC_SEAL;
  const text = cString(name);
  let flags = base | kind;
  let result = syscall("memfd_create", text, flags);
  // Linux before 6.3 knows neither flag, and there every memfd can be executed. From 6.3 on one of
  // the two has to be given, since vm.memfd_noexec=1 makes the default "not executable".
  if (result === -ERRNO.EINVAL) {
    flags = base;
    result = syscall("memfd_create", text, flags);
  }
  if (options.executable && result === -ERRNO.EACCES) {
    throw new UnsupportedError(
      "executable memory files (memfd_create with MFD_EXEC)",
      "vm.memfd_noexec is 2 in this pid namespace: set it to 1 or 0 (sysctl vm.memfd_noexec=1)",
    );
  }
  return check(result, "memfd_create", {
    path: name,
    get flags() {
      return flagNames(flags, abi, "MFD_");
    },
  });
}

/**
 * Adds seals: what they forbid, nobody can do any more with this file.
 *
 * Errors: EPERM (sealed against seals), EBUSY (`F_SEAL_WRITE` while a writable shared mapping
 * exists), EINVAL (no memfd). Permissions: `--allow-ffi`. Source: fcntl(2), F_ADD_SEALS.
 *
 * @param seals `F_SEAL_*`, or'ed.
 */
export function addSeals(fd: number, seals: number): void {
  check(syscall("fcntl", fd, fcntlAbi.F_ADD_SEALS, seals), "fcntl", {
    path: `fd ${fd}`,
    get flags() {
      return `F_ADD_SEALS, ${flagNames(seals, fcntlAbi, "F_SEAL_")}`;
    },
  });
}

/** The seals of a memfd. Errors: EINVAL (no memfd). Permissions: `--allow-ffi`. Source: fcntl(2), F_GET_SEALS. */
export function getSeals(fd: number): number {
  return check(syscall("fcntl", fd, fcntlAbi.F_GET_SEALS), "fcntl", {
    path: `fd ${fd}`,
    flags: "F_GET_SEALS",
  });
}

/**
 * A memfd with the given contents that nobody can change, grow, shrink or unseal.
 *
 * Permissions: `--allow-ffi`. Source: memfd_create(2), F_ADD_SEALS in fcntl(2).
 *
 * @example
 * ```ts
 * import { close, sealedMemfd } from "@paddock/paddock/sys";
 *
 * const fd = sealedMemfd("greeting", new TextEncoder().encode("hello\n"));
 * close(fd);
 * ```
 */
export function sealedMemfd(
  name: string,
  contents: Uint8Array,
  options: Pick<MemfdOptions, "executable"> = {},
): number {
  const fd = memfdCreate(name, options);
  try {
    writeAll(fd, contents);
    addSeals(
      fd,
      fcntlAbi.F_SEAL_SEAL | fcntlAbi.F_SEAL_SHRINK | fcntlAbi.F_SEAL_GROW | fcntlAbi.F_SEAL_WRITE,
    );
  } catch (error) {
    close(fd);
    throw error;
  }
  return fd;
}
