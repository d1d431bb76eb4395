/**
 * Tells what a sandbox changed: its own directory compared with the layers below it.
 *
 * @module
 */

import { SyscallError } from "../errors.ts";
import { AT_SYMLINK_NOFOLLOW, O_NOFOLLOW, O_NONBLOCK, S_IFMT, S_IFREG } from "../sys/abi/fcntl.ts";
import { readLink } from "../sys/directory.ts";
import { close, open, pread } from "../sys/file.ts";
import { type FileStatus, fileStatusAt } from "../sys/stat.ts";
import { toBytes, toText } from "./byte_string.ts";
import { split } from "./tree/entry_path.ts";
import { DirectoryHandles } from "./tree/directory_handles.ts";
import { isDirectory, openDirectory, sortedNames, walkTree } from "./tree/tree_walk.ts";
import { isWhiteout } from "./tree/tree_writer.ts";
import { type InsideIds, isOpaque } from "./write_archive.ts";

/** What a sandbox changed: absolute paths inside of it, sorted. */
export interface Changes {
  /** What was not there before. */
  added: string[];
  /** What was there and is not the same: contents, kind, owner, or mode. */
  modified: string[];
  /** What is gone; of a directory only itself is named. */
  deleted: string[];
}

/** What is compared. */
export interface ChangesInit {
  /** The directory with the changes, open. */
  upper: number;
  /** The layers below, the topmost first, open. */
  lower: readonly number[];
  /** Whose files are, in each of the two. */
  ids: { upper: InsideIds; lower: InsideIds };
  /** Mount points: where the launch itself may have made an empty directory or file. */
  mountPoints: ReadonlySet<string>;
}

/** A directory that several layers have: what a path in it is, in the topmost one that says so. */
interface Below {
  layer: number;
  status: FileStatus;
}

/** Compares. Paths are text; what is no UTF-8 in them becomes U+FFFD. */
export function compareChanges(init: ChangesInit): Changes {
  return new Comparison(init).run();
}

class Comparison {
  readonly #layers: DirectoryHandles[];
  readonly #found = { added: [] as string[], modified: [] as string[], deleted: [] as string[] };

  constructor(readonly init: ChangesInit) {
    this.#layers = init.lower.map((fd) => new DirectoryHandles(fd));
  }

  run(): Changes {
    const { upper } = this.init;
    try {
      this.#hidden(upper, "");
      // What is in a new directory is new; nothing of it needs to be looked for.
      for (const file of walkTree(upper)) {
        const before = this.#below(file.path);
        if (isWhiteout(file.status)) {
          if (before !== undefined) this.#found.deleted.push(file.path);
        } else if (before === undefined) {
          if (!this.#isMountPoint(file.path, file.status, file.dirfd)) {
            this.#found.added.push(file.path);
          }
        } else {
          if (!this.#isSame(file.path, file.dirfd, file.status, before)) {
            this.#found.modified.push(file.path);
          }
          if (isDirectory(file.status) && isDirectory(before.status)) {
            const fd = openDirectory(file.dirfd, file.name);
            try {
              this.#hidden(fd, file.path);
            } finally {
              close(fd);
            }
          }
        }
      }
    } finally {
      for (const layer of this.#layers) layer.close();
    }
    const paths = (list: string[]) => list.map((path) => `/${toText(path)}`).sort();
    const { added, modified, deleted } = this.#found;
    return { added: paths(added), modified: paths(modified), deleted: paths(deleted) };
  }

  /** An opaque directory deletes every name of the layers below that it does not have itself. */
  #hidden(fd: number, path: string): void {
    if (!isOpaque(fd)) return;
    const here = new Set(sortedNames(fd));
    const prefix = path === "" ? "" : `${path}/`;
    const below = new Set<string>();
    for (const layer of this.#layers) {
      try {
        const handle = layer.get(path);
        if (handle === undefined) continue;
        const again = openDirectory(handle, ".");
        try {
          for (const name of sortedNames(again)) below.add(name);
        } finally {
          close(again);
        }
      } catch (error) {
        if (!(error instanceof SyscallError)) throw error;
      }
    }
    for (const name of below) {
      if (!here.has(name) && this.#below(prefix + name) !== undefined) {
        this.#found.deleted.push(prefix + name);
      }
    }
  }

  /** What the layers below have there, as overlayfs would show it. */
  #below(path: string): Below | undefined {
    const { parent, base } = split(path);
    for (const [layer, handles] of this.#layers.entries()) {
      try {
        const dirfd = handles.get(parent);
        if (dirfd !== undefined) {
          const status = statusOf(dirfd, base);
          if (status !== undefined) return isWhiteout(status) ? undefined : { layer, status };
        }
        // A directory above that hides the lower ones, or is gone, ends the search.
        if (this.#ends(handles, parent)) return undefined;
      } catch (error) {
        // A file stands where this layer would have a directory above.
        if (error instanceof SyscallError && /^(ENOTDIR|ELOOP)$/.test(error.code)) return undefined;
        throw error;
      }
    }
  }

  #ends(handles: DirectoryHandles, path: string): boolean {
    const parts = path === "" ? [] : path.split("/");
    for (let depth = 0; depth <= parts.length; depth++) {
      const here = parts.slice(0, depth).join("/");
      const fd = handles.get(here);
      if (fd === undefined) {
        const { parent, base } = split(here);
        const status = statusOf(handles.get(parent)!, base);
        return status !== undefined && isWhiteout(status);
      }
      if (isOpaque(fd)) return true;
    }
    return false;
  }

  #isSame(path: string, dirfd: number, status: FileStatus, { layer, status: before }: Below) {
    const { upper, lower } = this.init.ids;
    if (
      status.mode !== before.mode || upper.uid(status.uid) !== lower.uid(before.uid) ||
      upper.gid(status.gid) !== lower.gid(before.gid)
    ) return false;
    if (isDirectory(status)) return true;
    const { parent, base } = split(path);
    const name = toBytes(base);
    const dirfdBefore = this.#layers[layer]!.get(parent)!;
    if ((status.mode & S_IFMT) === S_IFREG) {
      return status.size === before.size && sameBytes(dirfd, dirfdBefore, name);
    }
    // What a link says is its length too, but not only.
    return status.size === before.size && status.size > 0
      ? readLink(dirfd, name).every((byte, at) => byte === readLink(dirfdBefore, name)[at])
      : status.size === before.size;
  }

  /** The launch made it, and nothing is in it. */
  #isMountPoint(path: string, status: FileStatus, dirfd: number): boolean {
    const inside = `/${toText(path)}`;
    const above = [...this.init.mountPoints].some((point) => point.startsWith(`${inside}/`));
    if (!above && !this.init.mountPoints.has(inside)) return false;
    if (!isDirectory(status)) return status.size === 0;
    const fd = openDirectory(dirfd, toBytes(split(path).base));
    try {
      return sortedNames(fd).every((name) =>
        [...this.init.mountPoints].some((point) =>
          point === `${inside}/${toText(name)}` || point.startsWith(`${inside}/${toText(name)}/`)
        )
      );
    } finally {
      close(fd);
    }
  }
}

function statusOf(dirfd: number, base: string): FileStatus | undefined {
  try {
    return fileStatusAt(dirfd, toBytes(base), AT_SYMLINK_NOFOLLOW);
  } catch (error) {
    if (error instanceof SyscallError && error.code === "ENOENT") return undefined;
    throw error;
  }
}

function sameBytes(dirfd: number, dirfdBefore: number, name: Uint8Array): boolean {
  const flags = O_NOFOLLOW | O_NONBLOCK;
  const a = open(name, { dirfd, flags });
  try {
    const b = open(name, { dirfd: dirfdBefore, flags });
    try {
      return sameContents(a, b);
    } finally {
      close(b);
    }
  } finally {
    close(a);
  }
}

function sameContents(a: number, b: number): boolean {
  const left = new Uint8Array(65536), right = new Uint8Array(65536);
  for (let at = 0;;) {
    const count = pread(a, left, at);
    if (pread(b, right.subarray(0, Math.max(count, 1)), at) !== count) return false;
    if (count === 0) return true;
    for (let index = 0; index < count; index++) if (left[index] !== right[index]) return false;
    at += count;
  }
}
