/**
 * Knows, while a plan is being made, which directories of the new root are the plan's own: made
 * by an earlier step, on a filesystem of the sandbox's own, with no link in the way. Such a place
 * can be named by a plain path. Any other place may hold links that somebody else put there, and
 * is resolved by `openat2` with RESOLVE_IN_ROOT when the time comes (runc CVE-2024-45310,
 * bubblewrap CVE-2026-87766).
 *
 * @module
 */

import { ERRNO } from "../../sys/abi/errno.ts";
import {
  AT_EMPTY_PATH,
  O_CLOEXEC,
  O_PATH,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  S_IFREG,
} from "../../sys/abi/fcntl.ts";
import { OPEN_HOW_SIZE, openHow } from "../structs.ts";
import type { Operation, Value } from "../../agent/operation.ts";

/** How often an `openat2` is tried again when a rename somewhere made it give up. openat2(2). */
const MOST_RETRIES = 128;

/** Where a mount goes: a descriptor and a path below it. */
export interface Target {
  /** What makes the place ready. */
  readonly operations: Operation[];
  /** The descriptor the path starts at. */
  readonly dirfd: Value;
  /** The path; empty for the descriptor's own place. */
  readonly path: string;
  /** What closes the descriptor again, if one was opened. */
  readonly after: Operation[];
}

/** A place of the plan's own: a descriptor, and a path below it without a link in it. */
export interface OwnPlace {
  /** The descriptor the path starts at. */
  readonly dirfd: Value;
  /** The path; empty for the descriptor's own place. */
  readonly path: string;
}

/** The directories that are the plan's own, and those of others. */
export class Scaffold {
  readonly #own = new Set<string>([""]);
  readonly #foreign = new Set<string>();
  /** Those of the foreign ones whose changes stay in the sandbox, so that mount points can be made. */
  readonly #changeable = new Set<string>();
  /** Filesystems of the sandbox's own that lie where a link may have led: the cells of their roots. */
  readonly #bases = new Map<string, string>();
  #labels = 0;

  /** A label that no other step has. */
  label(word: string): string {
    return `${word} ${this.#labels++}`;
  }

  /** From here on down everything is the host's, or a link. */
  addForeign(path: string): void {
    const key = relative(path);
    this.#forget(key);
    this.#own.delete(key);
    this.#foreign.add(key);
  }

  /** From here on down there may be links of others, but what is made stays in the sandbox. */
  addChangeable(path: string): void {
    this.addForeign(path);
    this.#changeable.add(relative(path));
  }

  /**
   * Here is an empty filesystem of the sandbox's own. Where {@linkcode place} knew no plain path to
   * it, its root must be open in the cell `base`, and stays so.
   */
  addOwn(path: string, base?: string): void {
    const key = relative(path);
    this.#forget(key);
    if (base !== undefined) this.#bases.set(key, base);
    this.#own.add(key);
  }

  /** Here is a directory that the plan has made. */
  addMade(path: string): void {
    this.#own.add(relative(path));
  }

  /** What was here, and below, is covered. */
  #forget(key: string): void {
    for (const places of [this.#own, this.#foreign, this.#changeable, this.#bases]) {
      for (const known of places.keys()) if (known.startsWith(`${key}/`)) places.delete(known);
    }
    this.#foreign.delete(key);
    this.#changeable.delete(key);
    this.#bases.delete(key);
  }

  /** Whether what is made at a place that is not the plan's own stays in the sandbox. */
  isChangeable(path: string): boolean {
    const parts = relative(path).split("/");
    for (let length = parts.length; length >= 0; length--) {
      const prefix = parts.slice(0, length).join("/");
      if (this.#foreign.has(prefix)) return this.#changeable.has(prefix);
    }
    return false;
  }

  /** How to get there if everything on the way is the plan's own; otherwise undefined. */
  place(path: string): OwnPlace | undefined {
    const root: Value = { load32: "root" };
    let found: OwnPlace | undefined = this.#foreign.has("") ? undefined : { dirfd: root, path: "" };
    let prefix = "";
    for (const part of relative(path).split("/")) {
      prefix = prefix === "" ? part : `${prefix}/${part}`;
      const base = this.#bases.get(prefix);
      if (base !== undefined) found = { dirfd: { load32: base }, path: "" };
      else if (this.#foreign.has(prefix)) found = undefined;
      else if (found) {
        found = { ...found, path: found.path === "" ? part : `${found.path}/${part}` };
      }
    }
    return found;
  }

  /** The steps that make the directories above `path`, which must be the plan's own. */
  parents(path: string): Operation[] {
    const parts = relative(path).split("/").slice(0, -1);
    const operations: Operation[] = [];
    let prefix = "";
    for (const part of parts) {
      prefix = prefix === "" ? part : `${prefix}/${part}`;
      const place = this.place(prefix);
      if (this.#own.has(prefix) || !place) continue;
      operations.push({
        call: "mkdirat",
        args: [place.dirfd, place.path, 0o755],
        onError: { tolerate: "EEXIST" },
      });
      this.#own.add(prefix);
    }
    return operations;
  }

  /**
   * The place of a mount. In the plan's own directories, and where changes stay in the sandbox, a
   * mount point of the kind is made; `"as source"` looks at the descriptor in the cell `tree` when
   * the time comes. Anywhere else it must exist: nothing is ever created on a filesystem of the
   * host.
   */
  mountPoint(path: string, kind: "directory" | "file" | "as source"): Target {
    const rest = relative(path);
    if (rest === "") {
      return { operations: [], dirfd: { load32: "root" }, path: "", after: [] };
    }
    const place = this.place(path);
    if (!place) return this.isChangeable(path) ? this.#made(path, kind) : this.existing(path);
    const operations = this.parents(path);
    if (!this.#own.has(rest)) operations.push(...this.#make(place, kind));
    return { operations, ...place, after: [] };
  }

  /** Makes a directory or an empty file, or what the mount in the cell `tree` asks for. */
  #make(place: OwnPlace, kind: "directory" | "file" | "as source"): Operation[] {
    const make: Record<"directory" | "file", Operation> = {
      directory: {
        call: "mkdirat",
        args: [place.dirfd, place.path, 0o755],
        onError: { tolerate: "EEXIST" },
      },
      file: {
        call: "mknodat",
        args: [place.dirfd, place.path, S_IFREG | 0o644, 0],
        onError: { tolerate: "EEXIST" },
      },
    };
    if (kind === "as source") {
      const directory = this.label("directory"), ready = this.label("ready");
      return [
        { call: "statx", args: [{ load32: "tree" }, "", AT_EMPTY_PATH, 1, { at: "statx" }] },
        {
          call: "AND",
          args: [{ load32: { name: "statx", offset: 28 } }, 0xf000],
          when: { equals: 0x4000 },
          goto: directory,
        },
        make.file,
        { call: "SET", args: [0], goto: ready },
        { ...make.directory, label: directory },
        { call: "SET", args: [0], label: ready },
      ];
    }
    return [make[kind]];
  }

  /**
   * A place below links of others, made where it is missing. Each directory is opened inside of the
   * root, and the next name made by its descriptor; a link that leads nowhere stays an error.
   */
  #made(path: string, kind: "directory" | "file" | "as source"): Target {
    const parts = relative(path).split("/");
    const found = this.label("found");
    const operations: Operation[] = [
      {
        call: "openat2",
        args: [
          { load32: "root" },
          relative(path),
          openHow(O_PATH | O_CLOEXEC, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS),
          OPEN_HOW_SIZE,
        ],
        store: "place",
        onError: "ignore",
        when: { equals: -ERRNO.ENOENT },
        goto: `${found} not`,
      },
      { call: "SET", args: [{ load: "place" }], onError: { goto: `${found} in the end` } },
      { call: "SET", args: [0], goto: found },
    ];
    parts.forEach((name, index) => {
      const parent = this.existing(parts.slice(0, index).join("/"), O_PATH | O_CLOEXEC, "parent");
      const [first, ...rest] = parent.operations;
      operations.push(
        index === 0 ? { ...first!, label: `${found} not` } : first!,
        ...rest,
        ...this.#make(
          { dirfd: parent.dirfd, path: name },
          index === parts.length - 1 ? kind : "directory",
        ),
        ...parent.after,
      );
    });
    const place = this.existing(path);
    const [first, ...rest] = place.operations;
    return {
      ...place,
      operations: [
        ...operations,
        { ...first!, label: `${found} in the end` },
        ...rest,
        { call: "SET", args: [0], label: found },
      ],
    };
  }

  /** The directory that a new name is to be made in, with links of others on the way to it. */
  parentOf(path: string): Target & { name: string } {
    const parts = relative(path).split("/");
    const name = parts.pop()!;
    const place = parts.length === 0
      ? this.existing("", O_PATH | O_CLOEXEC)
      : this.#made(parts.join("/"), "directory");
    return { ...place, name };
  }

  /**
   * A place that exists, wherever its links lead inside of the root. If it does not, that is an
   * error, or the program goes on at the label `missing`.
   */
  existing(path: string, flags = O_PATH | O_CLOEXEC, cell = "place", missing?: string): Target {
    const retry = this.label("retry"), opened = this.label("opened"), failed = this.label("failed");
    const open: Operation = {
      call: "openat2",
      args: [
        { load32: "root" },
        relative(path) || ".",
        openHow(flags, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS),
        OPEN_HOW_SIZE,
      ],
      store: cell,
    };
    return {
      operations: [
        { call: "SET", args: [MOST_RETRIES], store: "retries" },
        // EAGAIN: something was renamed while ".." was resolved; bounded, so that a process that
        // renames in a loop cannot hold the launch up.
        { ...open, label: retry, onError: { goto: failed } },
        { call: "SET", args: [0], goto: opened },
        {
          call: "ADD",
          args: [{ load: "retries" }, -1],
          store: "retries",
          when: { equals: 0 },
          goto: opened + " last",
          label: failed,
        },
        {
          call: "SUBTRACT",
          args: [{ load: cell }, -11],
          onError: "ignore",
          when: { equals: 0 },
          goto: retry,
        },
        ...[ERRNO.ENOENT, ERRNO.ENOTDIR].flatMap((errno): Operation[] =>
          missing === undefined ? [] : [{
            call: "SUBTRACT",
            args: [{ load: cell }, -errno],
            onError: "ignore",
            when: { equals: 0 },
            goto: missing,
          }]
        ),
        { ...open, label: opened + " last" },
        { call: "SET", args: [0], label: opened },
      ],
      dirfd: { load32: cell },
      path: "",
      after: [{ call: "close", args: [{ load32: cell }] }],
    };
  }
}

/** An absolute path of the sandbox without the leading slash. */
export function relative(path: string): string {
  let start = 0;
  while (path[start] === "/") start++;
  return path.slice(start);
}
