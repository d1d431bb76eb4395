/**
 * What a plan needs to know of the machine and the caller. Gathering is somebody else's business
 * (`run/host_facts.ts`), so that planning stays a pure function of its arguments.
 *
 * @module
 */

import type { IdRange, RlimitName } from "../spec.ts";

/** An entry of the minimal view of the host, in the order in which it is made. */
export type HostEntry =
  | { readonly kind: "bind-dir" | "bind-file"; readonly path: string }
  | { readonly kind: "symlink"; readonly path: string; readonly to: string }
  | { readonly kind: "copy"; readonly path: string; readonly contents: Uint8Array };

/** A part of a tree of the host, in the order in which they are put together. */
export type HostPiece =
  | { readonly kind: "file"; readonly path: string; readonly target: string }
  | {
    readonly kind: "layer";
    readonly path: string;
    readonly target: string;
    /** It lies within another layer, which keeps changes of its own. */
    readonly within?: boolean;
  }
  | { readonly kind: "dir"; readonly target: string; readonly mode: number }
  | { readonly kind: "symlink"; readonly target: string; readonly to: string };

/** The facts. */
export interface HostFacts {
  /** The caller's effective user id. */
  readonly uid: number;
  /** The caller's effective group id. */
  readonly gid: number;
  /** The program's working directory. */
  readonly cwd: () => string;
  /** The program's file mode creation mask. */
  readonly umask: number;
  /** The parts of a tree of the host between which something is mounted; if nothing is, it is one. */
  readonly hostTree: (path: string) => readonly HostPiece[];
  /** Where ephemeral changes go on a kernel that cannot keep them in memory; of one launch. */
  readonly changesDirectory?: string;
  /** The path of an open descriptor of the program's, if it has one. */
  readonly descriptorPath: (fd: number) => string | undefined;
  /** A variable of the program's environment. */
  readonly env: (name: string) => string | undefined;
  /** The names of all variables. */
  readonly envNames: () => string[];
  /** The `/usr`, `/bin` ... and the part of `/etc` that programs need. */
  readonly hostView: readonly HostEntry[];
  /** Ids that `/etc/subuid` and `/etc/subgid` give the caller. */
  readonly subordinate: () => {
    readonly uids: readonly IdRange[];
    readonly gids: readonly IdRange[];
  };
  /** The soft limit of open files that the caller's shell had; Deno raises its own. */
  readonly softNofile?: number;
  /** The version of Landlock that the kernel has; 0: none. Asked for when it matters. */
  readonly landlockVersion: () => number;
  /** The caller's hard limit of a resource. */
  readonly hardLimit: (name: RlimitName) => number | "unlimited";
}
