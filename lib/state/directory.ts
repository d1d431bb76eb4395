/**
 * The directory in which sandboxes are written down: `$PADDOCK_STATE`, or `/run/paddock` for root
 * and `$XDG_RUNTIME_DIR/paddock` for others, or a private one in `/tmp`.
 *
 * ```text
 * lock              held while a sandbox or a name appears or disappears
 * names/NAME        a link that says ID
 * sandboxes/ID/     record.json, the logs, and how it ended
 * ```
 *
 * It belongs to the caller and to nobody else: what is written there decides which processes get a
 * signal and what is joined.
 *
 * @module
 */

import { SandboxError, SpecError, SyscallError } from "../errors.ts";
import {
  AT_FDCWD,
  AT_REMOVEDIR,
  AT_SYMLINK_NOFOLLOW,
  O_CREAT,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_RDONLY,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
  S_IFDIR,
  S_IFMT,
} from "../sys/abi/fcntl.ts";
import { makeDirectory, makeSymlink, removeName, rename } from "../sys/directory.ts";
import { close, open, writeAll } from "../sys/file.ts";
import { check, syscall } from "../sys/libc.ts";
import { tryLock } from "../sys/lock.ts";
import { fileStatus } from "../sys/stat.ts";
import {
  encodeRecord,
  parseRecord,
  PATTERN_ID,
  PATTERN_NAME,
  type SandboxRecord,
} from "./record.ts";

const PRIVATE = 0o700;

/** Where this user's sandboxes are written down. */
export function statePath(): string {
  const own = Deno.env.get("PADDOCK_STATE");
  if (own !== undefined && own !== "") {
    if (own.startsWith("/")) return own;
    throw new SpecError("PADDOCK_STATE", `"${own}" is no absolute path`);
  }
  const uid = Deno.uid() ?? 0;
  if (uid === 0) return "/run/paddock";
  const runtime = Deno.env.get("XDG_RUNTIME_DIR");
  // Ours if it is: after su(1) it may be somebody else's.
  if (runtime?.startsWith("/") && ownerOf(runtime) === uid) return `${runtime}/paddock`;
  return `/tmp/paddock-${uid}`;
}

function ownerOf(path: string): number | undefined {
  try {
    return fileStatus(path).uid;
  } catch {
    return undefined;
  }
}

function isCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof SyscallError && codes.includes(error.code);
}

/** Makes a directory unless it is there. */
function ensure(path: string): void {
  try {
    makeDirectory(AT_FDCWD, path, PRIVATE);
  } catch (error) {
    if (!isCode(error, "EEXIST")) throw error;
  }
}

/** Refuses what somebody else made, or could change. */
function checkPrivate(path: string): void {
  const { mode, uid } = fileStatus(path, AT_SYMLINK_NOFOLLOW);
  const why = (mode & S_IFMT) !== S_IFDIR
    ? "is no directory"
    : uid !== Deno.uid()
    ? `belongs to user ${uid}`
    : (mode & 0o077) !== 0
    ? "is open to others"
    : undefined;
  if (why === undefined) return;
  throw new SandboxError(
    `the state directory "${path}" ${why}; it must be your own with mode 0700: set PADDOCK_STATE ` +
      "to one that is",
  );
}

/** Writes a file so that it is there whole or not at all. */
export function writeWhole(path: string, text: string): void {
  const parts = `${path}.new`;
  const fd = open(parts, { flags: O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW });
  try {
    writeAll(fd, new TextEncoder().encode(text));
    check(syscall("fsync", fd), "fsync", { path: parts });
  } finally {
    close(fd);
  }
  rename(AT_FDCWD, parts, AT_FDCWD, path);
}

/** A lock that is held, and given back at the end of the block or of the program. */
export class StateLock implements Disposable {
  #fd: number | undefined;

  /** Takes over the descriptor. */
  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Gives it back; twice is once. */
  [Symbol.dispose](): void {
    if (this.#fd !== undefined) close(this.#fd);
    this.#fd = undefined;
  }
}

/** Takes a lock, and waits for it as long as somebody else has it. flock(2). */
export async function lock(path: string): Promise<StateLock> {
  for (let pause = 1;; pause = Math.min(pause * 2, 20)) {
    const fd = open(path, { flags: O_RDWR | O_CREAT | O_NOFOLLOW });
    if (tryLock(fd, "exclusive")) return new StateLock(fd);
    close(fd);
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

/** What is there of a sandbox: its record, or why that cannot be read. */
export interface Entry {
  readonly id: string;
  readonly record?: SandboxRecord;
  readonly error?: Error;
}

/** The state directory of this user. */
export class StateDirectory {
  /** An absolute path. */
  readonly path: string;

  /** For a path that is there and checked. */
  private constructor(path: string) {
    this.path = path;
  }

  /** Opens it, and makes it where it is missing. */
  static make(path = statePath()): StateDirectory {
    ensure(path);
    checkPrivate(path);
    ensure(`${path}/names`);
    ensure(`${path}/sandboxes`);
    return new StateDirectory(path);
  }

  /** Opens it if it is there. */
  static open(path = statePath()): StateDirectory | undefined {
    try {
      checkPrivate(path);
    } catch (error) {
      if (isCode(error, "ENOENT")) return undefined;
      throw error;
    }
    return new StateDirectory(path);
  }

  /** Held while a sandbox or a name appears or disappears. */
  lock(): Promise<StateLock> {
    return lock(`${this.path}/lock`);
  }

  /** The directory of a sandbox. */
  sandbox(id: string): string {
    return `${this.path}/sandboxes/${id}`;
  }

  /** A file of a sandbox. */
  file(id: string, name: string): string {
    return `${this.sandbox(id)}/${name}`;
  }

  /** The ids of all that is there, also of what has no record. */
  ids(): string[] {
    try {
      return [...Deno.readDirSync(`${this.path}/sandboxes`)].map(({ name }) => name)
        .filter((name) => PATTERN_ID.test(name)).sort();
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
  }

  /** Reads the record of a sandbox; undefined if there is no sandbox, or no record yet. */
  read(id: string): SandboxRecord | undefined {
    const path = this.file(id, "record.json");
    let text: string;
    try {
      text = Deno.readTextFileSync(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
    const record = parseRecord(text, path);
    if (record.id !== id || record.owner !== Deno.uid()) {
      throw new SandboxError(`the record "${path}" is another sandbox's: ${record.id}`);
    }
    return record;
  }

  /** All that is there. */
  entries(): Entry[] {
    return this.ids().map((id) => {
      try {
        return { id, record: this.read(id) };
      } catch (error) {
        return { id, error: error as Error };
      }
    });
  }

  /** Writes a record anew. */
  write(record: SandboxRecord): void {
    writeWhole(this.file(record.id, "record.json"), encodeRecord(record));
  }

  /**
   * Makes the directory of a sandbox and claims its name; the lock must be held. What has begun is
   * undone if that fails. A name that is taken is a `SpecError`.
   */
  claim(record: SandboxRecord): void {
    const { id, name } = record;
    if (name !== undefined) {
      const holder = this.idOf(name);
      if (holder !== undefined && holder !== id) {
        throw new SpecError(
          "name",
          `"${name}" is the name of the sandbox ${holder} already; \`paddock rm ${name}\` frees it`,
        );
      }
    }
    makeDirectory(AT_FDCWD, this.sandbox(id), PRIVATE);
    try {
      this.write(record);
      if (name !== undefined) {
        const path = `${this.path}/names/${name}`;
        // One that leads to nothing, for the sandbox is gone.
        removeIfThere(AT_FDCWD, path);
        makeSymlink(id, AT_FDCWD, path);
      }
    } catch (error) {
      this.remove(id, name);
      throw error;
    }
  }

  /** Whose name this is; one whose sandbox is gone is nobody's. */
  idOf(name: string): string | undefined {
    if (!PATTERN_NAME.test(name)) return undefined;
    try {
      const id = Deno.readLinkSync(`${this.path}/names/${name}`);
      return PATTERN_ID.test(id) && ownerOf(this.sandbox(id)) !== undefined ? id : undefined;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  }

  /** Names that lead to nothing. */
  staleNames(): string[] {
    try {
      return [...Deno.readDirSync(`${this.path}/names`)].map(({ name }) => name)
        .filter((name) => this.idOf(name) === undefined);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
  }

  /** Frees a name that leads to nothing; the lock must be held. */
  freeName(name: string): void {
    if (this.idOf(name) === undefined) removeIfThere(AT_FDCWD, `${this.path}/names/${name}`);
  }

  /** Removes a sandbox's directory and its name; the lock must be held. It must have ended. */
  remove(id: string, name: string | undefined): void {
    // The name first: one that leads to nothing is nobody's, and a sandbox without one is still named.
    if (name !== undefined && this.idOf(name) === id) {
      removeIfThere(AT_FDCWD, `${this.path}/names/${name}`);
    }
    removeTree(this.sandbox(id));
  }
}

function removeIfThere(dirfd: number, name: string, flags = 0): void {
  try {
    removeName(dirfd, name, flags);
  } catch (error) {
    if (!isCode(error, "ENOENT")) throw error;
  }
}

/** Removes a directory of a sandbox: files and nothing below. Links are not followed. */
function removeTree(path: string): void {
  let fd: number;
  try {
    fd = open(path, { flags: O_RDONLY | O_DIRECTORY | O_NOFOLLOW });
  } catch (error) {
    if (isCode(error, "ENOENT")) return;
    throw error;
  }
  try {
    for (const { name } of Deno.readDirSync(path)) removeIfThere(fd, name);
  } finally {
    close(fd);
  }
  removeIfThere(AT_FDCWD, path, AT_REMOVEDIR);
}
