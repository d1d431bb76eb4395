/**
 * The system calls that name files, and where in their arguments the names are.
 *
 * @module
 */

import type { FilterableCall } from "../../spec.ts";
import { O_ACCMODE, O_CREAT, O_TRUNC } from "../../sys/abi/fcntl.ts";

/**
 * What is done to a file: looked at (its status, or a directory's list), read, executed, its contents
 * or its mode written, or an entry of its directory changed; `make` is a change where nothing is there,
 * and else fails.
 */
export type Access = "look" | "read" | "execute" | "write" | "change" | "make";

/** A name among a call's arguments: the directory's descriptor, if there is one, and the path. */
export interface NamedFile {
  readonly directory?: number;
  readonly path: number;
  /** What is done; of an opening, the argument with its flags says it. */
  readonly access: Access | { readonly flags: number };
}

const at = (directory: number, access: NamedFile["access"]): NamedFile => ({
  directory,
  path: directory + 1,
  access,
});
const plain = (path: number, access: NamedFile["access"]): NamedFile => ({ path, access });
const all = (names: readonly FilterableCall[], ...files: NamedFile[]) =>
  names.map((name): [FilterableCall, readonly NamedFile[]] => [name, files]);

/** By the call's name. openat2 has its flags in memory, and counts as writing. */
export const FILE_CALLS: ReadonlyMap<string, readonly NamedFile[]> = new Map([
  ...all(["open"], plain(0, { flags: 1 })),
  ...all(["creat", "truncate", "chmod", "chown", "lchown", "utime", "utimes"], plain(0, "write")),
  ...all(["openat"], at(0, { flags: 2 })),
  ...all(["openat2", "fchmodat", "fchownat", "utimensat"], at(0, "write")),
  ...all(["stat", "lstat", "access", "readlink", "statfs", "chdir"], plain(0, "look")),
  ...all(["newfstatat", "statx", "faccessat", "faccessat2", "readlinkat"], at(0, "look")),
  ...all(["execve"], plain(0, "execute")),
  ...all(["execveat"], at(0, "execute")),
  ...all(["mkdir"], plain(0, "make")),
  ...all(["mkdirat", "mknodat"], at(0, "make")),
  ...all(["rmdir", "unlink"], plain(0, "change")),
  ...all(["unlinkat"], at(0, "change")),
  ...all(["rename"], plain(0, "change"), plain(1, "change")),
  ...all(["renameat", "renameat2"], at(0, "change"), at(2, "change")),
  ...all(["link"], plain(0, "read"), plain(1, "make")),
  ...all(["linkat"], at(0, "read"), at(2, "make")),
  ...all(["symlink"], plain(1, "make")),
  ...all(["symlinkat"], at(1, "make")),
]);

/** What an opening with these flags is for. */
export function openAccess(flags: number): Access {
  if ((flags & O_ACCMODE) !== 0 || (flags & O_TRUNC) !== 0) return "write";
  return (flags & O_CREAT) !== 0 ? "write" : "read";
}
