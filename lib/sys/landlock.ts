/**
 * Landlock: which version of it the kernel has, and the names of its rights. landlock(7).
 *
 * @module
 */

import * as abi from "./abi/landlock.ts";
import { syscall } from "./libc.ts";

/** The rights on files by the kernel's names, in the order of their bits. */
export const LANDLOCK_FS_RIGHTS = {
  execute: abi.LANDLOCK_ACCESS_FS_EXECUTE,
  write_file: abi.LANDLOCK_ACCESS_FS_WRITE_FILE,
  read_file: abi.LANDLOCK_ACCESS_FS_READ_FILE,
  read_dir: abi.LANDLOCK_ACCESS_FS_READ_DIR,
  remove_dir: abi.LANDLOCK_ACCESS_FS_REMOVE_DIR,
  remove_file: abi.LANDLOCK_ACCESS_FS_REMOVE_FILE,
  make_char: abi.LANDLOCK_ACCESS_FS_MAKE_CHAR,
  make_dir: abi.LANDLOCK_ACCESS_FS_MAKE_DIR,
  make_reg: abi.LANDLOCK_ACCESS_FS_MAKE_REG,
  make_sock: abi.LANDLOCK_ACCESS_FS_MAKE_SOCK,
  make_fifo: abi.LANDLOCK_ACCESS_FS_MAKE_FIFO,
  make_block: abi.LANDLOCK_ACCESS_FS_MAKE_BLOCK,
  make_sym: abi.LANDLOCK_ACCESS_FS_MAKE_SYM,
  refer: abi.LANDLOCK_ACCESS_FS_REFER,
  truncate: abi.LANDLOCK_ACCESS_FS_TRUNCATE,
  ioctl_dev: abi.LANDLOCK_ACCESS_FS_IOCTL_DEV,
} as const;

/**
 * The version of Landlock that the kernel has, or 0 where it has none or does not use it.
 *
 * ```ts
 * import { landlockVersion } from "@paddock/paddock/sys";
 *
 * console.log(landlockVersion() >= 4 ? "TCP can be restricted" : "files at most");
 * ```
 *
 * Permissions: `--allow-ffi`. Source: landlock_create_ruleset(2), Linux 5.13.
 */
export function landlockVersion(): number {
  const version = syscall("landlock_create_ruleset", 0, 0, abi.LANDLOCK_CREATE_RULESET_VERSION);
  // ENOSYS: not built in, or a filter's answer; EOPNOTSUPP: not in the list of security modules.
  return version < 0 ? 0 : version;
}
