/**
 * Goes through a tree, in the order of the names' bytes, without following any link.
 *
 * @module
 */

import {
  AT_SYMLINK_NOFOLLOW,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_RDONLY,
  S_IFDIR,
  S_IFMT,
} from "../../sys/abi/fcntl.ts";
import { readDirectory } from "../../sys/directory.ts";
import { close, open } from "../../sys/file.ts";
import { type FileStatus, fileStatusAt } from "../../sys/stat.ts";
import { exactByteString, toBytes } from "../byte_string.ts";

/** A file of a tree. */
export interface TreeFile {
  /** The path from the root, in bytes. */
  path: string;
  /** The directory it is in; open until the next file is asked for. */
  dirfd: number;
  /** Its name there. */
  name: Uint8Array<ArrayBuffer>;
  status: FileStatus;
}

/** The names in a directory, sorted. */
export function sortedNames(fd: number): string[] {
  return [...readDirectory(fd)].map(({ name }) => exactByteString(name)).sort();
}

/** Opens a directory by its name in another one. */
export function openDirectory(dirfd: number, name: Uint8Array | "."): number {
  return open(name, { dirfd, flags: O_RDONLY | O_DIRECTORY | O_NOFOLLOW });
}

export function isDirectory({ mode }: Pick<FileStatus, "mode">): boolean {
  return (mode & S_IFMT) === S_IFDIR;
}

/**
 * Every file below an open directory, a directory before what is in it. `enter` may say that one is
 * not gone into.
 */
export function* walkTree(
  root: number,
  enter: (file: TreeFile) => boolean = () => true,
  prefix = "",
): Generator<TreeFile> {
  const fd = openDirectory(root, ".");
  try {
    for (const text of sortedNames(fd)) {
      const name = toBytes(text);
      const status = fileStatusAt(fd, name, AT_SYMLINK_NOFOLLOW);
      const file = { path: prefix + text, dirfd: fd, name, status };
      yield file;
      if (!isDirectory(status) || !enter(file)) continue;
      const below = openDirectory(fd, name);
      try {
        yield* walkTree(below, enter, `${file.path}/`);
      } finally {
        close(below);
      }
    }
  } finally {
    close(fd);
  }
}
