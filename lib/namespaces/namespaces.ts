/**
 * All namespaces of the machine, with what they are within and who is inside.
 *
 * @module
 */

import { SyscallError } from "../errors.ts";
import { NAMESPACE_FLAG } from "../plan/namespace_steps.ts";
import { NAMESPACE_KINDS, type NamespaceKind } from "../spec.ts";
import { close } from "../sys/file.ts";
import {
  namespaceOwner,
  namespaceOwnerUid,
  namespaceParent,
  namespaceType,
  openNamespace,
} from "../sys/namespace.ts";
import { fileStatus } from "../sys/stat.ts";
import { heldByMounts, heldByProcess } from "./holders.ts";
import { type Found, type Kin, lookInto, numbersIn, type SeenProcess } from "./processes.ts";
import type {
  NamespaceHolder,
  NamespaceInfo,
  NamespaceProcess,
  NamespaceSandbox,
  NamespaceSnapshot,
} from "./snapshot.ts";

type Changing<T> = { -readonly [key in keyof T]: T[key] };
type Entry = Changing<NamespaceInfo> & {
  processes: NamespaceProcess[];
  holders: NamespaceHolder[];
};

/** The kernel's answer, or nothing: out of view, or gone. */
function answer<T>(ask: () => T): T | undefined {
  try {
    return ask();
  } catch (error) {
    if (error instanceof SyscallError) return undefined;
    throw error;
  }
}

/** What has been found so far. */
class Scan {
  readonly entries = new Map<number, Entry>();

  /** The entry of a namespace, which is asked for its relations when it is first met. */
  entry({ type, id, path }: Found): Entry {
    const known = this.entries.get(id);
    if (known !== undefined) return known;
    const made = this.#add(type, id);
    const fd = answer(() => openNamespace(path));
    if (fd === undefined) return made;
    try {
      // Whoever was there may be elsewhere by now.
      if (Number(fileStatus(fd).inode) === id) this.#relate(made, fd);
    } finally {
      close(fd);
    }
    return made;
  }

  #add(type: NamespaceKind, id: number): Entry {
    const made: Entry = {
      id,
      type,
      owner: null,
      parent: null,
      ownerUid: null,
      processes: [],
      holders: [],
      sandbox: null,
    };
    this.entries.set(id, made);
    return made;
  }

  #relate(entry: Entry, fd: number): void {
    entry.owner = this.#relative(() => namespaceOwner(fd));
    if (entry.type === "user") {
      entry.parent = entry.owner;
      entry.ownerUid = answer(() => namespaceOwnerUid(fd)) ?? null;
    } else if (entry.type === "pid") {
      entry.parent = this.#relative(() => namespaceParent(fd));
    }
  }

  /** The id of a relative, which may be in nobody's view but its relatives'. */
  #relative(ask: () => number): number | null {
    const fd = answer(ask);
    if (fd === undefined) return null;
    try {
      const id = Number(fileStatus(fd).inode);
      if (this.entries.has(id)) return id;
      const flag = namespaceType(fd);
      const kind = NAMESPACE_KINDS.find((kind) => NAMESPACE_FLAG[kind] === flag);
      if (kind !== undefined) this.#relate(this.#add(kind, id), fd);
      return id;
    } finally {
      close(fd);
    }
  }
}

/**
 * Sandboxes by their first process, whom the agent made, and the namespaces that are theirs and not
 * the host's. Where the caller may not look into those two, their kin tells as much: the command,
 * and the program that started the agent, or where that has ended, the caller.
 */
function sandboxes(
  kin: ReadonlyMap<number, SeenProcess | Kin>,
): { pid: number; ids: readonly number[] }[] {
  const namespacesOf = (process: SeenProcess | Kin | undefined) =>
    process !== undefined && "namespaces" in process ? process.namespaces : undefined;
  return [...kin.values()].flatMap((first) => {
    const agent = kin.get(first.parent);
    if (!first.isAgent || !agent?.isAgent) return [];
    const own = namespacesOf(first) ??
      namespacesOf([...kin.values()].find((it) => it.parent === first.pid && "namespaces" in it));
    const host = namespacesOf(agent) ?? namespacesOf(kin.get(agent.parent)) ??
      namespacesOf(kin.get(Deno.pid));
    if (own === undefined || host === undefined) return [];
    const shared = new Set(host.map(({ id }) => id));
    return [{ pid: first.pid, ids: own.map(({ id }) => id).filter((id) => !shared.has(id)) }];
  });
}

/** How {@linkcode namespaces} looks. */
export interface NamespacesOptions {
  /** Names sandboxes by the pid of their first process. */
  nameOf?: (pid: number) => string | undefined;
}

/**
 * Every namespace of the machine that the caller can see: of processes and threads, bound on files,
 * held by open descriptors, and those that only others lie within. What an ordinary user cannot see
 * is counted in `hiddenProcesses`. Sockets keep their network namespace, too; those are not looked
 * at. While processes start and end, the picture is of no single moment.
 *
 * Permissions: `--allow-read`, `--allow-ffi`; in practice `--allow-all`, for Deno wants that of
 * `/proc`. Source: namespaces(7), ioctl_ns(2).
 *
 * ```ts
 * import { namespaces } from "@paddock/paddock";
 *
 * const { namespaces: found } = namespaces();
 * const own = found.find(({ type, processes }) =>
 *   type === "net" && processes.some(({ pid }) => pid === Deno.pid)
 * );
 * console.log(Deno.readLinkSync("/proc/self/ns/net") === `net:[${own?.id}]`); // true
 * ```
 */
export function namespaces(options: NamespacesOptions = {}): NamespaceSnapshot {
  const scan = new Scan();
  const kin = new Map<number, SeenProcess | Kin>();
  for (const pid of numbersIn("/proc")) {
    const process = lookInto(pid);
    if (process !== undefined) kin.set(pid, process);
  }
  const seen = [...kin.values()].filter((process) => "namespaces" in process);
  const ownMounts = seen.find(({ pid }) => pid === Deno.pid)?.namespaces.find(({ type }) =>
    type === "mount"
  )?.id;
  const mountsRead = new Set<number>();
  for (const process of seen) {
    const { pid, uid, command } = process;
    for (const found of process.namespaces) {
      scan.entry(found).processes.push({ pid, uid, command });
    }
  }
  for (const process of seen) {
    const mounts = process.namespaces.find(({ type }) => type === "mount")?.id;
    const held = heldByProcess(process);
    if (mounts !== undefined && !mountsRead.has(mounts)) {
      mountsRead.add(mounts);
      held.unshift(...heldByMounts(process, mounts === ownMounts));
    }
    for (const { found, holder } of held) scan.entry(found).holders.push(holder);
  }
  for (const { pid, ids } of sandboxes(kin)) {
    const name = options.nameOf?.(pid);
    const sandbox: NamespaceSandbox = { pid, ...(name === undefined ? {} : { name }) };
    for (const id of ids) {
      const entry = scan.entries.get(id);
      if (entry !== undefined) entry.sandbox ??= sandbox;
    }
  }
  const order = (type: NamespaceKind) => NAMESPACE_KINDS.indexOf(type);
  const sorted = [...scan.entries.values()].sort((a, b) =>
    order(a.type) - order(b.type) || a.id - b.id
  );
  return { version: 1, namespaces: sorted, hiddenProcesses: kin.size - seen.length };
}
