/**
 * Tells what a sandbox changed: its own directory compared with the layers below it.
 *
 * @module
 */

import { SandboxError, SyscallError } from "../errors.ts";
import { AT_SYMLINK_NOFOLLOW, O_NOFOLLOW, O_NONBLOCK, S_IFMT, S_IFREG } from "../sys/abi/fcntl.ts";
import { readLink } from "../sys/directory.ts";
import { close, open, pread } from "../sys/file.ts";
import { type FileStatus, fileStatusAt } from "../sys/stat.ts";
import { toBytes, toText } from "./byte_string.ts";
import { split } from "./tree/entry_path.ts";
import { DirectoryHandles } from "./tree/directory_handles.ts";
import {
  isDirectory,
  openDirectory,
  sortedNames,
  type TreeFile,
  walkTree,
} from "./tree/tree_walk.ts";
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
  /** For tests: the most bytes that all paths may have together. */
  most?: number;
}

/** Directories of all layers together that are kept open. */
const MOST_OPEN = 512;

/** The most bytes of all paths together. */
const MOST_TEXT = 2 ** 27;

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
  /** Which layers have the directory that the walk is in, and those above it, by depth. */
  readonly #lower: (readonly number[])[] = [];
  #length = 0;

  constructor(readonly init: ChangesInit) {
    const most = Math.max(2, Math.floor(MOST_OPEN / init.lower.length));
    this.#layers = init.lower.map((fd) => new DirectoryHandles(fd, most));
  }

  run(): Changes {
    const { upper } = this.init;
    try {
      const all = [...this.#layers.keys()];
      const last = this.init.lower.findIndex(isOpaque);
      this.#lower[0] = last === -1 ? all : all.slice(0, last + 1);
      this.#hidden(upper, "", this.#lower[0]);
      for (const file of walkTree(upper)) this.#compare(file);
    } finally {
      for (const layer of this.#layers) layer.close();
    }
    const paths = (list: string[]) => list.map((path) => `/${toText(path)}`).sort();
    const { added, modified, deleted } = this.#found;
    return { added: paths(added), modified: paths(modified), deleted: paths(deleted) };
  }

  /** A command can make so many directories in one another that all their paths fit nowhere. */
  #tell(list: "added" | "modified" | "deleted", path: string): void {
    this.#length += path.length;
    if (this.#length > (this.init.most ?? MOST_TEXT)) {
      throw new SandboxError(
        "The paths of all changes are too long together to be told; save them with saveDiff()",
      );
    }
    this.#found[list].push(path);
  }

  #compare({ path, dirfd, name, status, depth }: TreeFile): void {
    const { before, lower } = this.#below(this.#lower[depth]!, path);
    if (isDirectory(status)) this.#lower[depth + 1] = lower;
    if (isWhiteout(status)) {
      if (before !== undefined) this.#tell("deleted", path);
    } else if (before === undefined) {
      if (!this.#isMountPoint(path, status, dirfd)) this.#tell("added", path);
    } else {
      if (!this.#isSame(path, dirfd, status, before)) this.#tell("modified", path);
      if (isDirectory(status) && isDirectory(before.status)) {
        const fd = openDirectory(dirfd, name);
        try {
          this.#hidden(fd, path, lower);
        } finally {
          close(fd);
        }
      }
    }
  }

  /** An opaque directory deletes every name of the layers below that it does not have itself. */
  #hidden(fd: number, path: string, lower: readonly number[]): void {
    if (!isOpaque(fd)) return;
    const here = new Set(sortedNames(fd));
    const prefix = path === "" ? "" : `${path}/`;
    const below = new Set<string>();
    for (const layer of lower) {
      const handle = this.#layers[layer]!.get(path);
      // It is gone since, if somebody changes the layer.
      if (handle === undefined) continue;
      const again = openDirectory(handle, ".");
      try {
        for (const name of sortedNames(again)) below.add(name);
      } finally {
        close(again);
      }
    }
    for (const name of below) {
      const gone = prefix + name;
      if (!here.has(name) && this.#below(lower, gone).before !== undefined) {
        this.#tell("deleted", gone);
      }
    }
  }

  /**
   * What the layers below have there, as overlayfs would show it, and which of them have a directory
   * there. `layers` are those that have the one above: in a new directory there is nothing to look for.
   */
  #below(layers: readonly number[], path: string): { before?: Below; lower: readonly number[] } {
    const lower: number[] = [];
    let before: Below | undefined;
    if (layers.length === 0) return { lower };
    const { parent, base } = split(path);
    for (const layer of layers) {
      const handles = this.#layers[layer]!;
      const above = handles.get(parent);
      const status = above === undefined ? undefined : statusOf(above, base);
      if (status === undefined) continue;
      if (isWhiteout(status)) break;
      before ??= { layer, status };
      // What is no directory hides those of the layers below it.
      if (!isDirectory(status)) break;
      lower.push(layer);
      const here = handles.get(path);
      if (here === undefined || isOpaque(here)) break;
    }
    return { before, lower };
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
