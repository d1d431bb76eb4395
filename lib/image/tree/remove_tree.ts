/**
 * Removes a tree whatever its modes are, and however deep it is: a layer may have directories that
 * not even their owner may enter, and a command may have made thousands, each in the last one. No
 * link is followed.
 *
 * @module
 */

import { SyscallError } from "../../errors.ts";
import { ERRNO } from "../../sys/abi/errno.ts";
import { AT_FDCWD, AT_REMOVEDIR, O_DIRECTORY, O_NOFOLLOW, O_PATH } from "../../sys/abi/fcntl.ts";
import { type FileName, readDirectory, removeName, rename } from "../../sys/directory.ts";
import { close, open } from "../../sys/file.ts";

/** Directories in directories that are open at one time. */
const DEEPEST = 32;

/** Removes a file or a directory with all that is in it; what is not there is no error. */
export function removeTree(path: FileName, dirfd: number = AT_FDCWD): void {
  if (isRemoved(dirfd, path)) return;
  for (let isLeft = true; isLeft;) {
    const top = enter(dirfd, path);
    try {
      isLeft = empty(top, top, 1);
    } finally {
      close(top);
    }
  }
  removeName(dirfd, path, AT_REMOVEDIR);
}

/** Empties a directory. Whether something that lay too deep has been put into `top`. */
function empty(fd: number, top: number, depth: number): boolean {
  let isLeft = false;
  for (const { name } of readDirectory(fd)) {
    if (isRemoved(fd, name)) continue;
    const below = enter(fd, name);
    try {
      if (depth === DEEPEST) {
        rename(fd, name, top, `deep ${crypto.randomUUID()}`);
        isLeft = true;
        continue;
      }
      isLeft = empty(below, top, depth + 1) || isLeft;
    } finally {
      close(below);
    }
    removeName(fd, name, AT_REMOVEDIR);
  }
  return isLeft;
}

/** Opens a directory, and lets its owner work in it. */
function enter(dirfd: number, name: FileName): number {
  const handle = open(name, { dirfd, flags: O_PATH | O_DIRECTORY | O_NOFOLLOW });
  try {
    // By its own descriptor, for a mode may be changed by a path only where no link is in it.
    if (Deno.uid() !== 0) Deno.chmodSync(`/proc/self/fd/${handle}`, 0o700);
    return open(".", { dirfd: handle, flags: O_DIRECTORY });
  } finally {
    close(handle);
  }
}

/** Removes what is no directory; what is not there is removed, too. */
function isRemoved(dirfd: number, name: FileName): boolean {
  try {
    removeName(dirfd, name);
    return true;
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    // A directory is EISDIR by Linux, and EPERM by POSIX; what else it is, entering it says.
    return error.errno === ERRNO.ENOENT;
  }
}
