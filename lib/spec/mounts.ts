/**
 * What is made in a sandbox's root, and what that root is. Types only.
 *
 * @module
 */

import type { IdRange } from "./identity.ts";

/** What holds for a mount as a whole. mount_setattr(2). */
export interface MountFlags {
  /** Ignores set-uid and set-gid bits and file capabilities. Default: true. */
  nosuid?: boolean;
  /** Lets device files be but names. Default: true. */
  nodev?: boolean;
  /** Lets nothing be executed. Default: false. */
  noexec?: boolean;
  /** Follows no symbolic link. Default: false. */
  nosymfollow?: boolean;
}

/** How mounts made later spread between a mount and its copies. mount_namespaces(7). */
export type Propagation = "private" | "slave" | "shared" | "unbindable";

/** Whose numbers on disk appear as which numbers inside, for one mount. */
export interface MountIdMap {
  /** User ids: `outside` is the number on disk. */
  uids: IdRange[];
  /** Group ids: `outside` is the number on disk. */
  gids: IdRange[];
}

/** Something of the host by an open descriptor, which no path can be swapped under. */
export interface DescriptorSource {
  /** The descriptor in this program; it stays open, and is the caller's. O_PATH is enough. */
  fd: number;
}

/** A file or directory of the host, seen inside. Read-only unless `writable`. */
export interface BindMount extends MountFlags {
  /** Says which of the shapes of {@linkcode MountSpec} this is. */
  kind: "bind";
  /** A path of the host; relative ones start at the program's working directory. Or a descriptor. */
  source: string | DescriptorSource;
  /** An absolute path inside. */
  target: string;
  /** Lets the sandbox write. Default: false. */
  writable?: boolean;
  /** Lets device files work: another word for `nodev: false`. Default: false. */
  devices?: boolean;
  /** If the source does not exist, go on without; the result names what was left out. */
  optional?: boolean;
  /** With what is mounted below it; all of this gets the same flags. Default: true. */
  recursive?: boolean;
  /** Whether mounts made later on the host appear inside (`"slave"`). Default: `"private"`. */
  propagation?: Propagation;
  /** Shows other owners than the files have. Only root can. Linux 5.12. */
  idMap?: MountIdMap;
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
   * directory of the host that keeps them; it must exist. Default: nowhere; read-only.
   */
  upper?: string;
  /**
   * A directory for the kernel's own use, on the same filesystem as `upper`, made if it is missing,
   * and removed again if the launch fails.
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
export interface OverlayMount extends OverlayLayers, MountFlags {
  /** Says which of the shapes of {@linkcode MountSpec} this is. */
  kind: "overlay";
  /** An absolute path inside. */
  target: string;
}

/** Who owns something that the sandbox makes: numbers inside. Default: the set-up's user. */
export interface Owner {
  /** User id. */
  uid?: number;
  /** Group id; default: the same number as `uid`. */
  gid?: number;
}

/** An empty filesystem in memory. tmpfs(5). */
export interface TmpfsMount extends MountFlags, Owner {
  /** Says which of the shapes of {@linkcode MountSpec} this is. */
  kind: "tmpfs";
  /** An absolute path inside. */
  target: string;
  /** At most so much, e.g. `"64M"` or bytes. Default: the kernel's, half of the memory. */
  size?: string | number;
  /** At most so many files. Default: the kernel's, half of the number of pages of memory. */
  inodes?: number;
  /** Permission bits in octal, e.g. `"1777"`, or a number. Default: 1777 (as `/tmp`). */
  mode?: string | number;
}

/** The processes of the sandbox's own pid namespace. proc(5). */
export interface ProcMount {
  /** Says which of the shapes of {@linkcode MountSpec} this is. */
  kind: "proc";
  /** An absolute path inside. */
  target: string;
  /**
   * What is seen of processes of other users: everything (`"off"`), only that they are there
   * (`"noaccess"`), nothing (`"invisible"`), or nothing of what may not be traced
   * (`"ptraceable"`). Default: `"off"`.
   */
  hidepid?: "off" | "noaccess" | "invisible" | "ptraceable";
  /** `"pid"`: processes only, no `/proc/sys` and the like. Default: everything. */
  subset?: "pid";
}

/** A minimal `/dev`: null, zero, full, random, urandom, tty, an own devpts, shm. */
export interface DevMount {
  /** Says which of the shapes of {@linkcode MountSpec} this is. */
  kind: "dev";
  /** An absolute path inside. */
  target: string;
}

/** Terminals of the sandbox's own. devpts(5) of the kernel's documentation. */
export interface DevptsMount {
  /** Says which of the shapes of {@linkcode MountSpec} this is. */
  kind: "devpts";
  /** An absolute path inside. */
  target: string;
  /** Permission bits of new terminals. Default: 0620. */
  mode?: string | number;
  /** The group of new terminals. It must be mapped. Default: the one of who opens it. */
  gid?: number;
  /** At most so many. Default: the kernel's. */
  max?: number;
}

/** POSIX message queues of the sandbox's ipc namespace. mq_overview(7). */
export interface MqueueMount {
  /** Says which of the shapes of {@linkcode MountSpec} this is. */
  kind: "mqueue";
  /** An absolute path inside. */
  target: string;
}

/** What the kernel tells of devices and drivers, read-only. It needs a net namespace. sysfs(5). */
export interface SysfsMount {
  /** Says which of the shapes of {@linkcode MountSpec} this is. */
  kind: "sysfs";
  /** An absolute path inside. */
  target: string;
}

/** The sandbox's own cgroup and what is below it, of version 2. cgroups(7). */
export interface CgroupfsMount {
  /** Says which of the shapes of {@linkcode MountSpec} this is. */
  kind: "cgroupfs";
  /** An absolute path inside. */
  target: string;
  /** Lets the sandbox change what its user may change. Default: false. */
  writable?: boolean;
}

/**
 * A filesystem of any type that the kernel has. Those that need the host's root, such as `ext4`, are
 * mounted by root before the sandbox is made; its user owns what the caller owns.
 */
export interface FilesystemMount extends MountFlags {
  /** Says which of the shapes of {@linkcode MountSpec} this is. */
  kind: "filesystem";
  /** The type, e.g. `"ext4"`. filesystems(5). */
  type: string;
  /** What is mounted, where the type needs something, e.g. `"/dev/vdb"`. */
  source?: string;
  /** An absolute path inside. */
  target: string;
  /** Lets the sandbox write. Default: false. */
  writable?: boolean;
  /** The type's own options; `true` for one without a value. */
  options?: Record<string, string | number | true>;
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
export interface DirMount extends Owner {
  /** Says which of the shapes of {@linkcode MountSpec} this is. */
  kind: "dir";
  /** An absolute path inside. */
  target: string;
  /** Permission bits. Default: 0755. */
  mode?: string | number;
}

/** A file with given contents. It exists in memory only, never on the host. */
export interface FileMount extends Owner {
  /** Says which of the shapes of {@linkcode MountSpec} this is. */
  kind: "file";
  /** An absolute path inside. */
  target: string;
  /** What is in it. */
  contents: string | Uint8Array;
  /** Permission bits. Default: 0644. */
  mode?: string | number;
}

/**
 * Hides what is there: a file reads as nothing and a directory is empty, both read-only. A path that
 * does not exist is an error unless `optional`.
 */
export interface MaskMount {
  /** Says which of the shapes of {@linkcode MountSpec} this is. */
  kind: "mask";
  /** An absolute path inside; links are followed inside of the root. */
  target: string;
  /** Nothing need be there; `skipped` of the result then names it. Default: false. */
  optional?: boolean;
}

/**
 * Makes what is there read-only, with all that is mounted below it. A path that does not exist is an
 * error unless `optional`.
 */
export interface ReadonlyMount {
  /** Says which of the shapes of {@linkcode MountSpec} this is. */
  kind: "readonly";
  /** An absolute path inside; links are followed inside of the root. */
  target: string;
  /** Nothing need be there; `skipped` of the result then names it. Default: false. */
  optional?: boolean;
}

/** One entry of the ordered list of what is made in the root. */
export type MountSpec =
  | BindMount
  | OverlayMount
  | TmpfsMount
  | ProcMount
  | DevMount
  | DevptsMount
  | MqueueMount
  | SysfsMount
  | CgroupfsMount
  | FilesystemMount
  | SymlinkMount
  | DirMount
  | FileMount
  | MaskMount
  | ReadonlyMount;

/** A directory of the host as the root: read-only unless `writable` or `ephemeral`. */
export interface DirectoryRoot {
  /** A path of the host; relative ones start at the program's working directory. */
  path: string;
  /** Lets the sandbox write to it. Default: false. */
  writable?: boolean;
  /**
   * Lets the sandbox write to memory instead, over the directory as it is and over what is mounted
   * below it; it is gone with the sandbox. Default: false.
   */
  ephemeral?: boolean;
  /** How large ephemeral changes may grow, e.g. `"64M"` or bytes. Default: half of the memory. */
  size?: string | number;
  /** Shows other owners than the files have. Only root can. Linux 5.12. */
  idMap?: MountIdMap;
}

/** Stacked directories of the host as the root. */
export interface OverlayRoot {
  /** The layers. Without an `upper` the root is read-only. */
  overlay: OverlayLayers;
}

/**
 * An image as the root. What it says of the environment, the working directory, the user and the
 * command are defaults, and so is an id map with all of its owners.
 */
export interface ImageRoot {
  /** The name it was imported by, its id, or the first 8 or more digits of that. */
  image: string;
  /** Lets the sandbox change nothing. Default: false. */
  readonly?: boolean;
  /**
   * Where changes go: `"ephemeral"`, the default, is memory that is gone with the sandbox, anything
   * else a directory of the host that keeps them; it must exist. The image itself is never written.
   */
  upper?: string;
  /** How large ephemeral changes may grow, e.g. `"64M"` or bytes. Default: half of the memory. */
  size?: string | number;
}

/**
 * What the sandbox's `/` is: a minimal read-only view of the host, nothing at all, a directory of
 * the host, several of them stacked, or an image.
 */
export type RootSpec = "host" | "empty" | DirectoryRoot | OverlayRoot | ImageRoot;
