/**
 * How namespaces lie within each other, and the words for one of them, for those who draw them.
 *
 * @module
 */

import type { NamespaceHolder, NamespaceInfo } from "./snapshot.ts";

/**
 * Text that cannot move a terminal's cursor, or look like other text: a command line is whatever
 * its process wants it to be.
 */
export function harmless(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => {
    return `\\u{${character.codePointAt(0)!.toString(16)}}`;
  });
}

/** Cut to a length. */
export function atMost(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 3)}...`;
}

/**
 * What a namespace is shown below: a user namespace below its parent, a pid namespace below its
 * parent where that has the same owner, all others below the user namespace that owns them.
 */
export function placeOf(
  namespace: NamespaceInfo,
  byId: ReadonlyMap<number, NamespaceInfo>,
): number | null {
  const { type, parent, owner } = namespace;
  const within = parent === null ? undefined : byId.get(parent);
  const place = type === "user" || within?.owner === owner ? parent ?? owner : owner;
  return place !== null && byId.has(place) ? place : null;
}

function holderText(holder: NamespaceHolder): string {
  switch (holder.by) {
    case "mount":
      return `bound on ${harmless(holder.path)}` +
        (holder.pid === undefined ? "" : ` of process ${holder.pid}`);
    case "descriptor":
      return `descriptor ${holder.fd} of process ${holder.pid}`;
    case "thread":
      return `thread ${holder.tid} of process ${holder.pid}`;
    case "children":
      return `for the children of process ${holder.pid}`;
  }
}

const LISTED_HOLDERS = 2, COMMAND_LENGTH = 60;

/** A process as text. */
export function processText({ pid, command }: NamespaceInfo["processes"][number]): string {
  return `${pid} ${atMost(harmless(command), COMMAND_LENGTH)}`;
}

/** By pid, but a sandbox's first process last: it is Paddock's own, and what it is for says more. */
export function inOrder({ processes, sandbox }: NamespaceInfo): NamespaceInfo["processes"] {
  const isOwn = ({ pid }: NamespaceInfo["processes"][number]) => pid === sandbox?.pid;
  return [...processes].sort((a, b) => Number(isOwn(a)) - Number(isOwn(b)) || a.pid - b.pid);
}

/** Everything worth saying about a namespace beside its kind and id, in parts. */
export function details(
  namespace: NamespaceInfo,
  byId: ReadonlyMap<number, NamespaceInfo>,
): string[] {
  const { type, parent, ownerUid, processes, holders, sandbox } = namespace;
  const parts: string[] = [];
  if (type === "user" && ownerUid !== null) parts.push(`of uid ${ownerUid}`);
  if (parent !== null && placeOf(namespace, byId) !== parent) parts.push(`within ${parent}`);
  if (sandbox !== null) parts.push(`sandbox ${sandbox.name ?? sandbox.pid}`);
  const count = processes.length;
  if (count > 0) {
    const [first] = inOrder(namespace);
    parts.push(`${count} process${count === 1 ? "" : "es"}: ${processText(first!)}`);
  } else if (holders.length === 0) parts.push("only held by what is within");
  // Where processes are, what keeps it besides is of interest where it outlives them.
  const telling = count > 0 ? holders.filter(({ by }) => by === "mount") : holders;
  parts.push(...telling.slice(0, LISTED_HOLDERS).map(holderText));
  const more = telling.length - LISTED_HOLDERS;
  if (more > 0) parts.push(`and ${more} more`);
  return parts;
}
