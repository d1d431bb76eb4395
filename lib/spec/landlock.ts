/**
 * What Landlock allows, as plain data, and the words for it.
 *
 * @module
 */

/** The kernel's names of the rights on files; what each of them is, is in landlock(7). */
export const LANDLOCK_RIGHT_NAMES = [
  "execute",
  "write_file",
  "read_file",
  "read_dir",
  "remove_dir",
  "remove_file",
  "make_char",
  "make_dir",
  "make_reg",
  "make_sock",
  "make_fifo",
  "make_block",
  "make_sym",
  "refer",
  "truncate",
  "ioctl_dev",
] as const;

/** A right on files by its name in the kernel. */
export type LandlockRightName = typeof LANDLOCK_RIGHT_NAMES[number];

/** Everything that a rule can allow: kinds of access, and rights. */
export const LANDLOCK_ALLOW: readonly string[] = [
  ...new Set(["read", "execute", "write", ...LANDLOCK_RIGHT_NAMES]),
];

/** What can be kept inside. */
export const LANDLOCK_SCOPES = ["abstract_unix_socket", "signal"] as const;

/**
 * `"read"`: open files for reading and list directories. `"execute"`: that, and execute. `"write"`:
 * that of `"read"`, and write, truncate, make, remove, rename, and control devices, but neither
 * execute nor make device files.
 */
export type LandlockAccess = "read" | "execute" | "write";

/** What is allowed below a path. Everything that no rule allows is refused with EACCES. */
export interface LandlockPath {
  /** An absolute path inside; of a directory, everything below it too. Links are followed. */
  path: string;
  /** A kind of access, a right by its name in the kernel (`make_dir`), or a list of such. */
  allow: LandlockAccess | LandlockRightName | (LandlockAccess | LandlockRightName)[];
  /** If there is no such path, go on without. */
  optional?: boolean;
}

/** TCP ports. A list that is not given leaves its side unrestricted; an empty one forbids it. */
export interface LandlockTcp {
  /** Ports that may be bound. Port 0, where the kernel chooses one, is a port of its own. */
  bind?: number[];
  /** Ports that may be connected to. */
  connect?: number[];
}

/** What may not leave the sandbox: connections to abstract Unix sockets outside, signals. */
export type LandlockScope = typeof LANDLOCK_SCOPES[number];

/** Rules of Landlock, for the command and all that it starts, for good. landlock(7). */
export interface LandlockSpec {
  /**
   * What may be done to files, or `"from-mounts"`: what the mount policy says, as a second wall.
   * When it is not given, files are not Landlock's business.
   */
  paths?: "from-mounts" | LandlockPath[];
  /** TCP. UDP and other sockets are not Landlock's business. */
  tcp?: LandlockTcp;
  /** What is kept inside. */
  scopes?: LandlockScope[];
  /** What the running kernel lacks is left out, and named in the result, instead of an error. */
  optional?: boolean;
}
