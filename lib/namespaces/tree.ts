/**
 * Namespaces as a tree of text.
 *
 * @module
 */

import { details, inOrder, placeOf, processText } from "./relations.ts";
import type { NamespaceInfo, NamespaceSnapshot } from "./snapshot.ts";

/** What the tree shows. */
export interface TreeOptions {
  /** Every process on a line of its own, instead of the first. */
  processes?: boolean;
}

/** How many processes could not be looked into, as a sentence, or nothing. */
export function hiddenText({ hiddenProcesses: count }: NamespaceSnapshot): string | undefined {
  if (count === 0) return undefined;
  const what = `${count} process${count === 1 ? "" : "es"}`;
  return `${what} could not be looked into, which takes CAP_SYS_PTRACE over them`;
}

/** The tree: below a user namespace, those that it owns. */
export function namespaceTree(snapshot: NamespaceSnapshot, options: TreeOptions = {}): string {
  const byId = new Map(snapshot.namespaces.map((namespace) => [namespace.id, namespace]));
  const below = Map.groupBy(snapshot.namespaces, (namespace) => placeOf(namespace, byId));
  // What a user namespace owns comes before the user namespaces in it, whose trees may be long.
  const of = (place: number | null) =>
    [...below.get(place) ?? []].sort((a, b) =>
      Number(a.type === "user") - Number(b.type === "user")
    );
  const lines: string[] = [];
  const add = (namespace: NamespaceInfo, head: string, indent: string): void => {
    const { type, id, processes } = namespace;
    const inside = of(id);
    lines.push(`${head}${type.padEnd(6)} ${id}  ${details(namespace, byId).join("; ")}`);
    if (options.processes && processes.length > 1) {
      const bar = inside.length > 0 ? "│ " : "  ";
      for (const process of inOrder(namespace).slice(1)) {
        lines.push(`${indent}${bar}        ${processText(process)}`);
      }
    }
    for (const [index, next] of inside.entries()) {
      const isLast = index === inside.length - 1;
      add(next, `${indent}${isLast ? "└─" : "├─"} `, `${indent}${isLast ? "   " : "│  "}`);
    }
  };
  for (const top of of(null)) add(top, "", "");
  return lines.join("\n");
}
