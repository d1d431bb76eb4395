/**
 * The files of an image in the form in which it is passed around: blobs and a few descriptions in
 * JSON, in a directory or in a tar archive, found by their names.
 *
 * @module
 */

import { ArchiveError, SyscallError } from "../../errors.ts";
import { O_DIRECTORY, O_NOFOLLOW, O_PATH, O_RDONLY } from "../../sys/abi/fcntl.ts";
import { close, open } from "../../sys/file.ts";
import { openat2 } from "../../sys/openat2.ts";
import { fileStatus } from "../../sys/stat.ts";
import { shown } from "../byte_string.ts";
import { ByteWindow, FileSlice } from "../byte_source.ts";
import { TarReader } from "../tar/reader.ts";
import { STRICTLY_BELOW } from "../tree/directory_handles.ts";
import { entryPath } from "../tree/entry_path.ts";

/** Files by name. */
export interface ArchiveFiles extends Disposable {
  /** The bytes of a file, or undefined if there is none of this name. It stays open with the rest. */
  open(name: string): { source: FileSlice; size: number } | undefined;
}

/** More files than an image has; their names are kept in memory. */
const MOST_FILES = 20_000;

/** The largest description. */
const LARGEST_JSON = 4 * 1024 * 1024;

/** A description in JSON; undefined if there is none of this name. */
export function readJsonFile(files: ArchiveFiles, name: string): unknown {
  const bytes = readSmallFile(files, name);
  if (bytes === undefined) return undefined;
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new ArchiveError(name, "it is no JSON", { cause });
  }
}

/** A small file as a whole. */
export function readSmallFile(
  files: ArchiveFiles,
  name: string,
): Uint8Array<ArrayBuffer> | undefined {
  const file = files.open(name);
  if (file === undefined) return undefined;
  if (file.size > LARGEST_JSON) throw new ArchiveError(name, `it has ${file.size} bytes`);
  const bytes = new Uint8Array(file.size);
  for (let at = 0; at < bytes.length;) {
    const count = file.source.read(bytes.subarray(at));
    if (count === 0) throw new ArchiveError(name, "it ends too early");
    at += count;
  }
  return bytes;
}

/** The files of a directory. No link is followed: the directory may be anybody's. */
export class DirectoryFiles implements ArchiveFiles {
  readonly #root: number;
  readonly #open: number[] = [];

  /** Opens the directory. */
  constructor(path: string) {
    this.#root = open(path, { flags: O_PATH | O_DIRECTORY });
  }

  /** Opens a file. */
  open(name: string): { source: FileSlice; size: number } | undefined {
    try {
      const fd = openat2(name, {
        dirfd: this.#root,
        flags: O_RDONLY | O_NOFOLLOW,
        resolve: STRICTLY_BELOW,
      });
      this.#open.push(fd);
      const { size } = fileStatus(fd);
      return { source: new FileSlice(fd, 0, size), size };
    } catch (error) {
      if (error instanceof SyscallError && error.code === "ENOENT") return undefined;
      throw error;
    }
  }

  /** Closes everything. */
  [Symbol.dispose](): void {
    for (const fd of this.#open.splice(0)) close(fd);
    close(this.#root);
  }
}

interface Place {
  start: number;
  size: number;
  /** The entry that this one is another name of. */
  link?: string;
}

/** The files of a tar archive that lies in a file. */
export class TarFiles implements ArchiveFiles {
  readonly #places: ReadonlyMap<string, Place>;

  private constructor(readonly fd: number, places: ReadonlyMap<string, Place>) {
    this.#places = places;
  }

  /** Reads the headers; the descriptor stays the caller's. */
  static async read(fd: number): Promise<TarFiles> {
    const places = new Map<string, Place>();
    const reader = new TarReader(new ByteWindow(new FileSlice(fd), 16 * 1024));
    for (let entry = await reader.next(); entry !== undefined; entry = await reader.next()) {
      const name = shown(entry.name);
      const path = entryPath(entry.name, name);
      if (entry.kind === "directory") continue;
      if (places.has(path)) throw new ArchiveError(name, "the archive has it twice");
      if (places.size >= MOST_FILES) throw new ArchiveError(name, "the archive has too many files");
      if (entry.kind === "file" && entry.sparse === undefined) {
        places.set(path, { start: reader.position, size: entry.size });
      } else if (entry.kind === "link" || entry.kind === "symlink") {
        places.set(path, { start: 0, size: 0, link: linkPath(path, entry.linkName, entry.kind) });
      } else throw new ArchiveError(name, `an image's archive has no ${entry.kind}`);
    }
    return new TarFiles(fd, places);
  }

  /** Whether there is a file of this name. */
  has(name: string): boolean {
    return this.#places.has(name);
  }

  /** Opens a file, also by another name of it. */
  open(name: string): { source: FileSlice; size: number } | undefined {
    let path = name.replace(/^\.\//, "");
    for (let hops = 0; hops < 8; hops++) {
      const place = this.#places.get(path);
      if (place === undefined) return undefined;
      if (place.link === undefined) {
        return { source: new FileSlice(this.fd, place.start, place.size), size: place.size };
      }
      path = place.link;
    }
    throw new ArchiveError(shown(name), "its links lead in a circle");
  }

  /** Nothing to close. */
  [Symbol.dispose](): void {}
}

/** Older docker writes layers that others have too as `../OTHER/layer.tar`. */
function linkPath(path: string, target: string, kind: "link" | "symlink"): string {
  const parts = kind === "link" ? [] : path.split("/").slice(0, -1);
  for (const part of target.split("/")) {
    if (part === "..") {
      if (parts.pop() === undefined) {
        throw new ArchiveError(shown(path), "it leads out of the archive");
      }
    } else if (part !== "." && part !== "") parts.push(part);
  }
  if (target.startsWith("/")) throw new ArchiveError(shown(path), "it leads out of the archive");
  return parts.join("/");
}
