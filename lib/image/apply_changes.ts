/**
 * Does to a directory what a sandbox changed on top of it.
 *
 * What it changed is hostile: names, links and modes are the sandbox's. So nothing is opened by a path
 * that could have a link in it, each file is made under a new name and put in its place by a rename,
 * and no set-uid bit nor file capability comes out of a sandbox.
 *
 * @module
 */

import { SandboxError } from "../errors.ts";
import {
  AT_SYMLINK_NOFOLLOW,
  O_CREAT,
  O_EXCL,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDONLY,
  O_WRONLY,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
} from "../sys/abi/fcntl.ts";
import {
  changeMode,
  changeOwner,
  changeTimes,
  getXattr,
  listXattrs,
  setXattr,
} from "../sys/attributes.ts";
import {
  makeDirectory,
  makeLink,
  makeNode,
  makeSymlink,
  readLink,
  removeName,
  rename,
} from "../sys/directory.ts";
import { close, ftruncate, open, pread, pwrite } from "../sys/file.ts";
import { type FileStatus, fileStatus, fileStatusAt } from "../sys/stat.ts";
import { shown, toBytes, toText } from "./byte_string.ts";
import { DirectoryHandles } from "./tree/directory_handles.ts";
import { split } from "./tree/entry_path.ts";
import { removeTree } from "./tree/remove_tree.ts";
import {
  isDirectory,
  openDirectory,
  sortedNames,
  type TreeFile,
  walkTree,
} from "./tree/tree_walk.ts";
import { isWhiteout } from "./tree/tree_writer.ts";
import { dataOf, type InsideIds, isOpaque } from "./write_archive.ts";

/** What is done to what. */
export interface ApplyInit {
  /** The directory with the changes, open. */
  upper: number;
  /** The directory that is changed, open. */
  target: number;
  /** Whose files become whose, in the numbers of whoever applies them. */
  ids: InsideIds;
  /** Mount points, as absolute paths: left out where nothing is in them. */
  mountPoints: ReadonlySet<string>;
}

/** What was left out, for it has no place outside of its sandbox: sockets and devices. */
export interface ApplyReport {
  leftOut: number;
}

/** Set-uid, set-gid: what a sandbox made may be anything. */
const DANGEROUS = 0o6000;

/** A directory gets its mode and its time when everything in it is done. */
interface Late {
  readonly path: string;
  readonly status: FileStatus;
}

/** Does the changes. When it fails half-way, what has been done stays done; do it again then. */
export function applyChanges(init: ApplyInit): ApplyReport {
  return new Application(init).run();
}

class Application {
  readonly #handles: DirectoryHandles;
  readonly #late: Late[] = [];
  /** Files of several names, by their inode. */
  readonly #linked = new Map<bigint, string>();
  readonly #report: ApplyReport = { leftOut: 0 };
  readonly #buffer = new Uint8Array(128 * 1024);

  constructor(readonly init: ApplyInit) {
    this.#handles = new DirectoryHandles(init.target);
  }

  run(): ApplyReport {
    const { upper, target } = this.init;
    try {
      if (isOpaque(upper)) empty(target);
      const skipped = new Set<string>();
      for (const file of walkTree(upper, ({ path }) => !skipped.has(path))) {
        if (this.#isMountPoint(file)) skipped.add(file.path);
        else this.#apply(file);
      }
      for (const { path, status } of this.#late.reverse()) {
        const fd = this.#handles.get(path)!;
        this.#attributes(fd, status);
      }
      return this.#report;
    } finally {
      this.#handles.close();
    }
  }

  /** Where the launch itself made something to mount on. */
  #isMountPoint({ path, dirfd, name, status }: TreeFile): boolean {
    const inside = `/${toText(path)}`;
    const isAbove = [...this.init.mountPoints].some((point) => point.startsWith(`${inside}/`));
    if (!isAbove && !this.init.mountPoints.has(inside)) return false;
    if (this.#statusOf(path) !== undefined) return false;
    if (!isDirectory(status)) return (status.mode & S_IFMT) === S_IFREG && status.size === 0;
    const fd = openDirectory(dirfd, name);
    try {
      return isAbove || sortedNames(fd).length === 0;
    } finally {
      close(fd);
    }
  }

  /** What the target has there. */
  #statusOf(path: string): FileStatus | undefined {
    const { parent, base } = split(path);
    const dirfd = this.#handles.get(parent);
    if (dirfd === undefined) return undefined;
    try {
      return fileStatusAt(dirfd, toBytes(base), AT_SYMLINK_NOFOLLOW);
    } catch (error) {
      if ((error as { code?: string }).code === "ENOENT") return undefined;
      throw error;
    }
  }

  #apply(file: TreeFile): void {
    const { path, name, status } = file;
    const { parent } = split(path);
    const dirfd = this.#handles.get(parent);
    if (dirfd === undefined) {
      throw new SandboxError(
        `Applying changes: the directory of "/${shown(path)}" is not there any more`,
      );
    }
    if (isWhiteout(status)) return removeTree(name, dirfd);
    if (isDirectory(status)) return this.#directory(file, dirfd);
    const fresh = toBytes(`.paddock-${crypto.randomUUID()}`);
    if (!this.#make(file, dirfd, fresh)) return;
    try {
      // Only a file takes a file's place.
      const before = this.#statusOf(path);
      if (before !== undefined && isDirectory(before)) removeTree(name, dirfd);
      rename(dirfd, fresh, dirfd, name);
    } catch (error) {
      removeName(dirfd, fresh);
      throw error;
    }
    if (status.links > 1) this.#linked.set(status.inode, path);
  }

  #directory({ path, dirfd, name, status }: TreeFile, target: number): void {
    const before = this.#statusOf(path);
    if (before !== undefined && !isDirectory(before)) removeName(target, name);
    if (before === undefined || !isDirectory(before)) makeDirectory(target, name, 0o700);
    else {
      const upper = openDirectory(dirfd, name);
      try {
        if (isOpaque(upper)) empty(this.#handles.get(path)!);
      } finally {
        close(upper);
      }
    }
    this.#late.push({ path, status });
  }

  /** Makes what is no directory, under a new name. Whether there is something to be put in place. */
  #make({ dirfd, name, status }: TreeFile, target: number, fresh: Uint8Array): boolean {
    const first = status.links > 1 ? this.#linked.get(status.inode) : undefined;
    if (first !== undefined) {
      const { parent, base } = split(first);
      // The last one asked for stays open; this is one of many.
      const fd = this.#handles.get(parent)!;
      makeLink(fd, toBytes(base), target, fresh);
      return true;
    }
    switch (status.mode & S_IFMT) {
      case S_IFLNK:
        makeSymlink(readLink(dirfd, name), target, fresh);
        break;
      case S_IFIFO:
        makeNode(target, fresh, S_IFIFO | 0o600);
        break;
      case S_IFREG:
        this.#copy({ dirfd, name }, target, fresh);
        return true;
      default:
        this.#report.leftOut++;
        return false;
    }
    try {
      const { uid, gid } = this.init.ids;
      changeOwner(target, fresh, uid(status.uid), gid(status.gid));
      changeTimes(target, fresh, status.modified);
    } catch (error) {
      removeName(target, fresh);
      throw error;
    }
    return true;
  }

  #copy(from: Pick<TreeFile, "dirfd" | "name">, target: number, fresh: Uint8Array): void {
    const source = open(from.name, {
      dirfd: from.dirfd,
      flags: O_RDONLY | O_NOFOLLOW | O_NONBLOCK,
    });
    try {
      const flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
      const fd = open(fresh, { dirfd: target, flags, mode: 0o600 });
      try {
        const status = fileStatus(source);
        for (const [offset, length] of dataOf(source, status.size)) {
          this.#data(source, fd, offset, length);
        }
        ftruncate(fd, status.size);
        this.#attributes(fd, status, source);
      } catch (error) {
        removeName(target, fresh);
        throw error;
      } finally {
        close(fd);
      }
    } finally {
      close(source);
    }
  }

  #data(source: number, fd: number, offset: number, length: number): void {
    for (let done = 0; done < length;) {
      const room = this.#buffer.subarray(0, Math.min(this.#buffer.length, length - done));
      const count = pread(source, room, offset + done);
      if (count === 0) return;
      for (let put = 0; put < count;) {
        put += pwrite(fd, room.subarray(put, count), offset + done + put);
      }
      done += count;
    }
  }

  #attributes(fd: number, { uid, gid, mode, modified }: FileStatus, source?: number): void {
    const { ids } = this.init;
    changeOwner(fd, "", ids.uid(uid), ids.gid(gid));
    for (const name of source === undefined ? [] : listXattrs(source)) {
      if (!name.startsWith("user.") || name.startsWith("user.overlay.")) continue;
      const value = getXattr(source!, name);
      if (value !== undefined) setXattr(fd, name, value);
    }
    changeMode(fd, mode & 0o7777 & ~DANGEROUS);
    changeTimes(fd, "", modified);
  }
}

/** Removes what is in a directory. */
function empty(fd: number): void {
  const again = openDirectory(fd, ".");
  try {
    for (const name of sortedNames(again)) removeTree(toBytes(name), again);
  } finally {
    close(again);
  }
}
