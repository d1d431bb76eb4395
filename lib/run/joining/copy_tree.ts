/**
 * Copies files and trees between two directories of which one may be hostile: it may rename, make
 * links and fill files while it is read. Every step is one name below an open directory, and no step
 * follows a link; so nothing is read or written but below the two directories.
 *
 * @module
 */

import { SandboxError, SyscallError } from "../../errors.ts";
import {
  AT_SYMLINK_NOFOLLOW,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDONLY,
  O_WRONLY,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  SEEK_DATA,
  SEEK_HOLE,
} from "../../sys/abi/fcntl.ts";
import {
  makeDirectory,
  makeSymlink,
  readDirectory,
  readLink,
  removeName,
} from "../../sys/directory.ts";
import { close, ftruncate, open, pread, pwrite, seek } from "../../sys/file.ts";
import { check, syscall } from "../../sys/libc.ts";
import { fileStatus, fileStatusAt } from "../../sys/stat.ts";

/** A name in an open directory. */
export interface Place {
  readonly dirfd: number;
  readonly name: Uint8Array<ArrayBuffer>;
}

/** How it is copied. */
export interface CopyChoices {
  /** Runs what writes, as whoever the files are to belong to. */
  readonly asOwner: <T>(write: () => T) => T;
  /** For errors: what is copied. */
  readonly what: string;
}

/** Deeper than this no tree is that somebody made for use; each level keeps two descriptors open. */
const DEEPEST = 200;
/** How often a name that somebody else makes again is removed. */
const TRIES = 16;
const CHUNK = 1 << 20;
/** Neither set-uid nor set-gid bits are copied: they would be another user's rights. */
const PERMISSIONS = 0o777;

function codeOf(error: unknown): string | undefined {
  return error instanceof SyscallError ? error.code : undefined;
}

/** Makes something under a name, in place of what is there, unless that is a directory. */
function make<T>({ dirfd, name }: Place, choices: CopyChoices, how: () => T): T {
  return choices.asOwner(() => {
    for (let attempt = 0;; attempt++) {
      try {
        return how();
      } catch (error) {
        if (codeOf(error) !== "EEXIST" || attempt === TRIES) throw error;
        try {
          removeName(dirfd, name);
        } catch (removal) {
          if (codeOf(removal) !== "ENOENT") throw removal;
        }
      }
    }
  });
}

/** Copies what has a size, with its holes; what grows meanwhile is not waited for. */
function copyContents(from: number, to: number, size: number): void {
  const buffer = new Uint8Array(Math.min(CHUNK, Math.max(size, 1)));
  for (let at = 0; at < size;) {
    let end = size;
    try {
      at = seek(from, at, SEEK_DATA);
      end = Math.min(size, seek(from, at, SEEK_HOLE));
    } catch (error) {
      // ENXIO: from here on there is nothing but a hole. EINVAL: it knows no holes.
      if (codeOf(error) === "ENXIO") break;
      if (codeOf(error) !== "EINVAL") throw error;
    }
    if (at >= size) break;
    while (at < end) {
      const count = pread(from, buffer.subarray(0, Math.min(buffer.length, end - at)), at);
      if (count === 0) return;
      for (let done = 0; done < count;) {
        done += pwrite(to, buffer.subarray(done, count), at + done);
      }
      at += count;
    }
  }
  ftruncate(to, size);
}

function copyFile(from: Place, to: Place, choices: CopyChoices): void {
  // Without waiting: it may have become a pipe, and a device may not even be opened for long.
  const source = open(from.name, {
    dirfd: from.dirfd,
    flags: O_RDONLY | O_NOFOLLOW | O_NONBLOCK,
  });
  try {
    const { mode, size } = fileStatus(source);
    if ((mode & S_IFMT) !== S_IFREG) throw changed(choices);
    const flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
    const target = make(to, choices, () => open(to.name, { dirfd: to.dirfd, flags, mode: 0o600 }));
    try {
      copyContents(source, target, size);
      check(syscall("fchmod", target, mode & PERMISSIONS), "fchmod", { path: choices.what });
    } finally {
      close(target);
    }
  } finally {
    close(source);
  }
}

function changed({ what }: CopyChoices): SandboxError {
  return new SandboxError(`copying "${what}": a file was replaced while it was copied; try again`);
}

function openBelow({ dirfd, name }: Place): number {
  return open(name, { dirfd, flags: O_RDONLY | O_DIRECTORY | O_NOFOLLOW });
}

function copyDirectory(from: Place, to: Place, choices: CopyChoices, depth: number): void {
  if (depth > DEEPEST) {
    throw new SandboxError(
      `copying "${choices.what}": it is more than ${DEEPEST} directories deep; copy an archive`,
    );
  }
  const source = openBelow(from);
  try {
    const target = choices.asOwner(() => openTarget(to));
    try {
      for (const { name } of readDirectory(source)) {
        copyEntry({ dirfd: source, name }, { dirfd: target, name }, choices, depth + 1);
      }
      const mode = fileStatus(source).mode & PERMISSIONS;
      choices.asOwner(() =>
        check(syscall("fchmod", target, mode), "fchmod", { path: choices.what })
      );
    } finally {
      close(target);
    }
  } finally {
    close(source);
  }
}

/** A directory that is there already is filled; a link in its place is replaced and not followed. */
function openTarget(to: Place): number {
  for (let attempt = 0;; attempt++) {
    try {
      makeDirectory(to.dirfd, to.name, 0o700);
    } catch (error) {
      if (codeOf(error) !== "EEXIST") throw error;
    }
    try {
      return openBelow(to);
    } catch (error) {
      if (!["ENOTDIR", "ELOOP", "ENOENT"].includes(codeOf(error)!) || attempt === TRIES) {
        throw error;
      }
      try {
        removeName(to.dirfd, to.name);
      } catch (removal) {
        // It has become a directory again, or is gone.
        if (!["EISDIR", "ENOENT"].includes(codeOf(removal)!)) throw removal;
      }
    }
  }
}

/** Copies one entry: a file, a link as it is, or a directory with all that is in it. */
export function copyEntry(from: Place, to: Place, choices: CopyChoices, depth = 0): void {
  const { mode } = fileStatusAt(from.dirfd, from.name, AT_SYMLINK_NOFOLLOW);
  switch (mode & S_IFMT) {
    case S_IFDIR:
      return copyDirectory(from, to, choices, depth);
    case S_IFREG:
      return copyFile(from, to, choices);
    case S_IFLNK: {
      const link = readLink(from.dirfd, from.name);
      return make(to, choices, () => makeSymlink(link, to.dirfd, to.name));
    }
    default:
      throw new SandboxError(
        `copying "${choices.what}": "${
          new TextDecoder().decode(from.name)
        }" is neither a file, a directory nor a link`,
      );
  }
}
