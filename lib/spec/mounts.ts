/**
 * What is made in a sandbox's root, and what that root is. Types only.
 *
 * @module
 */

/** A file or directory of the host, seen inside. Read-only unless `writable`. */
export interface BindMount {
  /** Says which of the shapes of {@linkcode MountSpec} this is. */
  kind: "bind";
  /** A path of the host; relative ones start at the program's working directory. */
  source: string;
  /** An absolute path inside. */
  target: string;
  /** Lets the sandbox write. Default: false. */
  writable?: boolean;
  /** Lets device files work. Default: false. */
  devices?: boolean;
  /** If the source does not exist, go on without; the result names what was left out. */
  optional?: boolean;
}

/** An empty filesystem in memory. tmpfs(5). */
export interface TmpfsMount {
  /** Says which of the shapes of {@linkcode MountSpec} this is. */
  kind: "tmpfs";
  /** An absolute path inside. */
  target: string;
  /** At most so much, e.g. `"64M"` or bytes. Default: the kernel's, half of the memory. */
  size?: string | number;
  /** Permission bits in octal, e.g. `"1777"`, or a number. Default: 1777 (as `/tmp`). */
  mode?: string | number;
}

/** The processes of the sandbox's own pid namespace. proc(5). */
export interface ProcMount {
  /** Says which of the shapes of {@linkcode MountSpec} this is. */
  kind: "proc";
  /** An absolute path inside. */
  target: string;
}

/** A minimal `/dev`: null, zero, full, random, urandom, tty, an own devpts, shm. */
export interface DevMount {
  /** Says which of the shapes of {@linkcode MountSpec} this is. */
  kind: "dev";
  /** An absolute path inside. */
  target: string;
}

/** A symbolic link, made at the place `target`. */
export interface SymlinkMount {
  /** Says which of the shapes of {@linkcode MountSpec} this is. */
  kind: "symlink";
  /** What the link says. */
  source: string;
  /** Where the link is: an absolute path inside. */
  target: string;
}

/** A directory. */
export interface DirMount {
  /** Says which of the shapes of {@linkcode MountSpec} this is. */
  kind: "dir";
  /** An absolute path inside. */
  target: string;
  /** Permission bits. Default: 0755. */
  mode?: string | number;
}

/** A file with given contents. It exists in memory only, never on the host. */
export interface FileMount {
  /** Says which of the shapes of {@linkcode MountSpec} this is. */
  kind: "file";
  /** An absolute path inside. */
  target: string;
  /** What is in it. */
  contents: string | Uint8Array;
  /** Permission bits. Default: 0644. */
  mode?: string | number;
}

/** One entry of the ordered list of what is made in the root. */
export type MountSpec =
  | BindMount
  | TmpfsMount
  | ProcMount
  | DevMount
  | SymlinkMount
  | DirMount
  | FileMount;

/**
 * What the sandbox's `/` is: a minimal read-only view of the host, nothing at all, or a directory
 * of the host (read-only unless `writable`).
 */
export type RootSpec = "host" | "empty" | { path: string; writable?: boolean };
