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

/**
 * Directories stacked on each other: a file is taken from the topmost layer that has it, and what
 * is changed goes to a directory of its own. None of the layers is ever written.
 */
export interface OverlayLayers {
  /** Directories of the host, the topmost first; relative ones start at the working directory. */
  lower: string[];
  /**
   * Where changes go: `"ephemeral"` is memory that is gone with the sandbox, anything else a
   * directory of the host that keeps them, made if it is missing. Default: nowhere; read-only.
   */
  upper?: string;
  /**
   * A directory for the kernel's own use, on the same filesystem as `upper`, made if it is missing.
   * Default: `upper` with `.work` behind it. The kernel leaves a directory of mode 0000 in it, which
   * an ordinary user must change to be able to remove it.
   */
  work?: string;
  /** How large ephemeral changes may grow, e.g. `"64M"` or bytes. Default: half of the memory. */
  size?: string | number;
  /** Further options of overlayfs, such as `{ xino: "off" }`. */
  options?: Record<string, string>;
}

/** An overlay at a place inside. Documentation/filesystems/overlayfs.rst of the kernel. */
export interface OverlayMount extends OverlayLayers {
  /** Says which of the shapes of {@linkcode MountSpec} this is. */
  kind: "overlay";
  /** An absolute path inside. */
  target: string;
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
  | OverlayMount
  | TmpfsMount
  | ProcMount
  | DevMount
  | SymlinkMount
  | DirMount
  | FileMount;

/** A directory of the host as the root: read-only unless `writable`. */
export interface DirectoryRoot {
  /** A path of the host; relative ones start at the program's working directory. */
  path: string;
  /** Lets the sandbox write to it. Default: false. */
  writable?: boolean;
}

/** Stacked directories of the host as the root. */
export interface OverlayRoot {
  /** The layers. Without an `upper` the root is read-only. */
  overlay: OverlayLayers;
}

/**
 * What the sandbox's `/` is: a minimal read-only view of the host, nothing at all, a directory of
 * the host, or several of them stacked.
 */
export type RootSpec = "host" | "empty" | DirectoryRoot | OverlayRoot;
