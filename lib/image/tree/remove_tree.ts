/**
 * Removes a tree whatever its modes are: a layer may have directories that not even their owner
 * may enter.
 *
 * @module
 */

import { SyscallError } from "../../errors.ts";
import { ERRNO } from "../../sys/abi/errno.ts";
import { AT_FDCWD, AT_REMOVEDIR, O_DIRECTORY, O_NOFOLLOW, O_PATH } from "../../sys/abi/fcntl.ts";
import { type FileName, readDirectory, removeName } from "../../sys/directory.ts";
import { close, open } from "../../sys/file.ts";

/** Removes a file or a directory with all that is in it; what is not there is no error. */
export function removeTree(path: string): void {
  remove(AT_FDCWD, path);
}

function remove(dirfd: number, name: FileName): void {
  const first = attempt(() => removeName(dirfd, name));
  if (first === undefined || first === ERRNO.ENOENT) return;
  // A directory is EISDIR by Linux, and EPERM by POSIX.
  empty(dirfd, name);
  removeName(dirfd, name, AT_REMOVEDIR);
}

function empty(dirfd: number, name: FileName): void {
  const handle = open(name, { dirfd, flags: O_PATH | O_DIRECTORY | O_NOFOLLOW });
  let fd: number;
  try {
    // By its own descriptor, for a mode may be changed by a path only where no link is in it.
    if (Deno.uid() !== 0) Deno.chmodSync(`/proc/self/fd/${handle}`, 0o700);
    fd = open(".", { dirfd: handle, flags: O_DIRECTORY });
  } finally {
    close(handle);
  }
  try {
    for (const entry of readDirectory(fd)) remove(fd, entry.name);
  } finally {
    close(fd);
  }
}

/** The errno with which it failed, or undefined. */
function attempt(action: () => void): number | undefined {
  try {
    action();
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    return error.errno;
  }
}
