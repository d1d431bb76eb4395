/**
 * openat2(2): opening a path that somebody else controls, without leaving a directory.
 *
 * Checking a path first and opening it after is a race that containers lost again and again
 * (CVE-2018-15664, CVE-2021-30465); here the kernel does both at once.
 *
 * @module
 */

import * as abi from "./abi/fcntl.ts";
import { ERRNO } from "./abi/errno.ts";
import { flagNames } from "./flag_names.ts";
import { check, pathArgument, pathText, syscall } from "./libc.ts";

/** How {@linkcode openat2} opens. */
export interface Openat2Options {
  /** The directory that the path starts at; the working directory when not given. */
  dirfd?: number;
  /** `O_*`, or'ed; `O_CLOEXEC` is always added. Reading only when not given. */
  flags?: number;
  /** Permission bits of a file that is created; only with `O_CREAT` or `O_TMPFILE`. */
  mode?: number;
  /** `RESOLVE_*`, or'ed. */
  resolve?: number;
}

// Any rename or mount on the machine during a walk over ".." makes the kernel give up (EAGAIN),
// since it then cannot tell that the walk stayed inside. A hostile tenant can do that forever.
const TRIES = 128;

/** `struct open_how` (24 bytes): flags, mode, resolve. */
function encodeOpenHow(flags: number, mode: number, resolve: number): BigUint64Array<ArrayBuffer> {
  return BigUint64Array.of(BigInt(flags >>> 0), BigInt(mode), BigInt(resolve));
}

/**
 * Opens a file, with rules for how its path may be walked, and returns the descriptor.
 *
 * Errors: EXDEV (the path leaves the directory, or the mount), ELOOP (a symbolic or magic link
 * where none may be), EAGAIN (others kept renaming through all tries), EINVAL (an unknown flag, or
 * a mode where nothing is created), ENOSYS. Permissions: `--allow-ffi`. Source: openat2(2), Linux 5.6.
 *
 * @example
 * ```ts
 * import { close, O_DIRECTORY, O_PATH, openat2, RESOLVE_BENEATH } from "@paddock/paddock/sys";
 *
 * const root = openat2("/usr", { flags: O_PATH | O_DIRECTORY });
 * close(openat2("share", { dirfd: root, flags: O_PATH, resolve: RESOLVE_BENEATH }));
 * close(root);
 * ```
 */
export function openat2(path: string | Uint8Array, options: Openat2Options = {}): number {
  const flags = (options.flags ?? abi.O_RDONLY) | abi.O_CLOEXEC;
  const how = encodeOpenHow(flags, options.mode ?? 0, options.resolve ?? 0);
  const name = pathArgument(path);
  let result = 0;
  for (let attempt = 0; attempt < TRIES; attempt++) {
    result = syscall("openat2", options.dirfd ?? abi.AT_FDCWD, name, how, how.byteLength);
    if (result !== -ERRNO.EAGAIN && result !== -ERRNO.EINTR) break;
    // These two also fail with EAGAIN, and always will.
    if ((options.resolve ?? 0) & abi.RESOLVE_CACHED || flags & abi.O_NONBLOCK) break;
  }
  return check(result, "openat2", {
    get path() {
      return pathText(path);
    },
    get flags() {
      return [flagNames(flags, abi, "O_"), flagNames(options.resolve ?? 0, abi, "RESOLVE_")]
        .filter((part) => part).join(", ");
    },
    hint: result === -ERRNO.EAGAIN ? `files kept being renamed during ${TRIES} tries` : undefined,
  });
}

/**
 * Opens a path as if a directory were the root: `..` and absolute symbolic links stay inside, and
 * magic links (`/proc/self/exe` and the like) are refused.
 *
 * Permissions: `--allow-ffi`. Source: openat2(2), RESOLVE_IN_ROOT.
 */
export function openInRoot(
  root: number,
  path: string,
  options: Pick<Openat2Options, "flags" | "mode"> = {},
): number {
  const resolve = abi.RESOLVE_IN_ROOT | abi.RESOLVE_NO_MAGICLINKS;
  return openat2(path, { ...options, dirfd: root, resolve });
}
