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
  /** How many directories below the root it is in. */
  depth: number;
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

/** How many directories of one walk are open at most, however deep the tree is. */
const MOST_OPEN = 64;

/** A directory that the walk is in. */
interface Level {
  readonly name: Uint8Array | ".";
  /** The path of what is in it, up to the name. */
  readonly prefix: string;
  readonly names: readonly string[];
  /** How many of them are done. */
  done: number;
  /** Closed while the walk is far below. */
  fd: number | undefined;
}

/**
 * Every file below an open directory, a directory before what is in it. `enter` may say that one is
 * not gone into.
 */
export function* walkTree(
  root: number,
  enter: (file: TreeFile) => boolean = () => true,
): Generator<TreeFile> {
  const levels: Level[] = [];
  const goInto = (dirfd: number, name: Uint8Array | ".", prefix: string) => {
    const fd = openDirectory(dirfd, name);
    try {
      levels.push({ name, prefix, names: sortedNames(fd), done: 0, fd });
    } catch (error) {
      close(fd);
      throw error;
    }
    const far = levels.at(-1 - MOST_OPEN);
    if (far?.fd === undefined) return;
    close(far.fd);
    far.fd = undefined;
  };
  try {
    goInto(root, ".", "");
    for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
      if (level.done === level.names.length) {
        if (level.fd !== undefined) close(level.fd);
        levels.pop();
        continue;
      }
      if (level.fd === undefined) reopen(root, levels);
      const text = level.names[level.done++]!;
      const name = toBytes(text);
      const status = fileStatusAt(level.fd!, name, AT_SYMLINK_NOFOLLOW);
      const depth = levels.length - 1;
      const file = { path: level.prefix + text, dirfd: level.fd!, name, status, depth };
      yield file;
      if (isDirectory(status) && enter(file)) goInto(level.fd!, name, `${file.path}/`);
    }
  } finally {
    for (const { fd } of levels) if (fd !== undefined) close(fd);
  }
}

/** Goes down by name again, and keeps the last ones open: going up comes to those next. */
function reopen(root: number, levels: readonly Level[]): void {
  let above = root;
  levels.forEach((level, index) => {
    const fd = openDirectory(above, level.name);
    if (above !== root && levels[index - 1]!.fd === undefined) close(above);
    if (index >= levels.length - MOST_OPEN) level.fd = fd;
    above = fd;
  });
}
