/**
 * The machine's namespaces as plain data.
 *
 * @module
 */

import type { NamespaceKind } from "../spec.ts";

/** A process in a namespace. */
export interface NamespaceProcess {
  /** Its pid, in the pid namespace of the `/proc` that was read. */
  readonly pid: number;
  /** Its effective uid, as the caller's user namespace counts. */
  readonly uid: number;
  /** Its command line, or of a kernel thread its name in brackets. It is the process's own claim. */
  readonly command: string;
}

/**
 * What keeps a namespace besides the processes in it: a file that it is bound on (of process `pid`'s
 * mount namespace, if that is not the caller's), an open descriptor, a thread that is not where its
 * process is, or a process whose next child will be in it.
 */
export type NamespaceHolder =
  | { readonly by: "mount"; readonly path: string; readonly pid?: number }
  | { readonly by: "descriptor"; readonly pid: number; readonly fd: number }
  | { readonly by: "thread"; readonly pid: number; readonly tid: number }
  | { readonly by: "children"; readonly pid: number };

/** A sandbox of Paddock's. */
export interface NamespaceSandbox {
  /** The pid of its first process. */
  readonly pid: number;
  /** Its name, where it has one. */
  readonly name?: string;
}

/** A namespace. */
export interface NamespaceInfo {
  /** Its inode number, by which it is known everywhere: `net:[4026531840]`. */
  readonly id: number;
  /** Its kind. */
  readonly type: NamespaceKind;
  /** The user namespace that owns it, or `null`: it is beyond the caller's view, or there is none. */
  readonly owner: number | null;
  /** Of a user or pid namespace: its parent, or `null` in the same cases; of others always `null`. */
  readonly parent: number | null;
  /** Of a user namespace: the uid that made it, as the caller's user namespace counts. */
  readonly ownerUid: number | null;
  /** Who is inside, by pid. */
  readonly processes: readonly NamespaceProcess[];
  /** What else keeps it. Neither these nor processes: the namespaces within it do. */
  readonly holders: readonly NamespaceHolder[];
  /** The sandbox that it was made for, or that was the first to join it. */
  readonly sandbox: NamespaceSandbox | null;
}

/** All namespaces that the caller can see. */
export interface NamespaceSnapshot {
  /** The version of this form; a change that breaks readers makes it another. */
  readonly version: 1;
  /** The namespaces, by kind and id. */
  readonly namespaces: readonly NamespaceInfo[];
  /** How many processes could not be looked into: their namespaces may be missing here. */
  readonly hiddenProcesses: number;
}
