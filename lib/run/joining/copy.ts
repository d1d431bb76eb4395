/**
 * Copies into a running sandbox and out of it. The inside is reached by the root that it handed out,
 * and its paths are resolved as if that were the root, whatever links are there.
 *
 * @module
 */

import { SandboxError, SpecError, SyscallError } from "../../errors.ts";
import type { IdRange } from "../../spec.ts";
import { O_DIRECTORY, O_PATH, S_IFDIR, S_IFMT } from "../../sys/abi/fcntl.ts";
import {
  PR_GET_DUMPABLE,
  PR_GET_PDEATHSIG,
  PR_SET_DUMPABLE,
  PR_SET_PDEATHSIG,
} from "../../sys/abi/prctl.ts";
import { close, open } from "../../sys/file.ts";
import { syscall } from "../../sys/libc.ts";
import { openInRoot } from "../../sys/openat2.ts";
import { fileStatus } from "../../sys/stat.ts";
import { copyEntry, type Place } from "./copy_tree.ts";
import type { Entrance } from "./entrance.ts";

const encoder = new TextEncoder();

function rootOf({ held, descriptors }: Entrance): number {
  const root = descriptors()[held.findIndex(({ what }) => what === "root")];
  if (root === undefined) throw new SandboxError("The sandbox has ended");
  return root;
}

function outside(id: number, ranges: readonly IdRange[] | undefined): number {
  if (ranges === undefined) return id;
  const range = ranges.find(({ inside, count = 1 }) => id >= inside && id < inside + count);
  if (range === undefined) throw new SandboxError(`${id} is not in the sandbox's id map`);
  return range.outside + (id - range.inside);
}

/**
 * Runs something as the sandbox's user, where this program is root: the files are to be that user's,
 * root has no id there, and what that user may not write is not written. Of this thread only, and
 * nothing else runs on it meanwhile. setfsuid(2).
 */
function asUser({ identity: { user, maps }, facts }: Entrance): <T>(act: () => T) => T {
  if (facts.uid !== 0) return (act) => act();
  const uid = outside(user.uid, maps?.uids), gid = outside(user.gid, maps?.gids);
  const signal = new Int32Array(1);
  return (act) => {
    // Both are lost with every change of credentials. prctl(2)
    const dumpable = syscall("prctl", PR_GET_DUMPABLE, 0, 0, 0, 0);
    syscall("prctl", PR_GET_PDEATHSIG, signal, 0, 0, 0);
    const before = { gid: syscall("setfsgid", gid), uid: syscall("setfsuid", uid) };
    try {
      return act();
    } finally {
      syscall("setfsuid", before.uid);
      syscall("setfsgid", before.gid);
      if (dumpable === 1) syscall("prctl", PR_SET_DUMPABLE, 1, 0, 0, 0);
      if (signal[0] !== 0) syscall("prctl", PR_SET_PDEATHSIG, signal[0]!, 0, 0, 0);
    }
  };
}

/** The directory that a path is in, and its last name; none for the root and what ends in dots. */
function split(path: string): { folder: string; name: string } {
  const plain = path.replace(/\/+$/, "");
  const at = plain.lastIndexOf("/");
  const name = plain.slice(at + 1);
  return {
    folder: at === -1 ? "." : plain.slice(0, at + 1),
    name: name === "." || name === ".." ? "" : name,
  };
}

type Open = (path: string) => number;

function isDirectory(fd: number): boolean {
  return (fileStatus(fd).mode & S_IFMT) === S_IFDIR;
}

/** Where it goes: into a directory that is there, by the source's name; else under the path's own. */
function targetPlace(path: string, sourceName: string, openAt: Open): Place & Disposable {
  const place = (dirfd: number, name: string) => ({
    dirfd,
    name: encoder.encode(name),
    [Symbol.dispose]: () => close(dirfd),
  });
  try {
    const fd = openAt(path);
    if (isDirectory(fd) && sourceName !== "") return place(fd, sourceName);
    close(fd);
  } catch (error) {
    if (!(error instanceof SyscallError) || error.code !== "ENOENT") throw error;
  }
  const { folder, name } = split(path);
  if (name === "") throw new SpecError("target", `"${path}" is no name that a copy could have`);
  return place(openAt(folder), name);
}

function sourcePlace(path: string, openAt: Open): Place & Disposable & { readonly last: string } {
  const { folder, name } = split(path);
  if (name === "") {
    throw new SpecError(
      "source",
      `"${path}" has no name; name what is in it, or its own directory`,
    );
  }
  const dirfd = openAt(folder);
  return { dirfd, name: encoder.encode(name), last: name, [Symbol.dispose]: () => close(dirfd) };
}

function insideOpener(entrance: Entrance): Open {
  const root = rootOf(entrance);
  return (path) => openInRoot(root, path, { flags: O_PATH });
}

const onHost: Open = (path) => open(path, { flags: O_PATH });

function checkInside(path: string, field: string): void {
  if (!path.startsWith("/") || path.includes("\0")) {
    throw new SpecError(field, `"${path}" must be an absolute path inside of the sandbox`);
  }
}

/** Copies a file or a tree of the host into the sandbox. */
export function copyIn(entrance: Entrance, source: string, target: string): void {
  checkInside(target, "target");
  const asOwner = asUser(entrance);
  using from = sourcePlace(source, (path) => open(path, { flags: O_PATH | O_DIRECTORY }));
  const inside = insideOpener(entrance);
  using to = asOwner(() => targetPlace(target, from.last, inside));
  copyEntry(from, to, { asOwner, what: source });
}

/** Copies a file or a tree of the sandbox to the host, where it is the caller's. */
export function copyOut(entrance: Entrance, source: string, target: string): void {
  checkInside(source, "source");
  using from = sourcePlace(source, insideOpener(entrance));
  using to = targetPlace(target, from.last, onHost);
  copyEntry(from, to, { asOwner: (write) => write(), what: source });
}
