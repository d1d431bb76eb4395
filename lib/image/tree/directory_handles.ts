/**
 * Descriptors of directories below a root, opened so that no link is ever followed, and kept for
 * the next entry: archives have the files of a directory next to each other.
 *
 * @module
 */

import { SyscallError } from "../../errors.ts";
import { ERRNO } from "../../sys/abi/errno.ts";
import {
  O_DIRECTORY,
  O_RDONLY,
  RESOLVE_BENEATH,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
} from "../../sys/abi/fcntl.ts";
import { close } from "../../sys/file.ts";
import { openat2 } from "../../sys/openat2.ts";
import { toBytes } from "../byte_string.ts";

/** Below the root, on its filesystem, through directories only. openat2(2). */
export const STRICTLY_BELOW = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS |
  RESOLVE_NO_XDEV;

const MOST = 128;

/** Leaves room for a name of 255 bytes. */
const LONGEST = 3800;

/** Open directories, the least recently used one closed first. */
export class DirectoryHandles {
  readonly #open = new Map<string, number>();

  /** Below this root, which stays the caller's. */
  constructor(readonly root: number, readonly most = MOST) {}

  /** The directory's descriptor, or undefined if it does not exist. Valid until the next call. */
  get(path: string): number | undefined {
    if (path === "") return this.root;
    const known = this.#open.get(path);
    if (known !== undefined) {
      this.#open.delete(path);
      this.#open.set(path, known);
      return known;
    }
    // The kernel takes 4,095 bytes at a time; the part above is the same for all that is below it.
    const cut = path.length > LONGEST
      ? path.lastIndexOf("/", Math.floor((path.length - 1) / LONGEST) * LONGEST)
      : -1;
    const dirfd = cut === -1 ? this.root : this.get(path.slice(0, cut));
    if (dirfd === undefined) return undefined;
    try {
      const fd = openat2(toBytes(path.slice(cut + 1)), {
        dirfd,
        flags: O_RDONLY | O_DIRECTORY,
        resolve: STRICTLY_BELOW,
      });
      this.#keep(path, fd);
      return fd;
    } catch (error) {
      if (error instanceof SyscallError && error.errno === ERRNO.ENOENT) return undefined;
      throw error;
    }
  }

  #keep(path: string, fd: number): void {
    if (this.#open.size >= this.most) {
      const [oldest, descriptor] = this.#open.entries().next().value!;
      this.#open.delete(oldest);
      close(descriptor);
    }
    this.#open.set(path, fd);
  }

  /** Closes all of them, but not the root. */
  close(): void {
    for (const fd of this.#open.values()) close(fd);
    this.#open.clear();
  }
}
