/**
 * Namespaces as a graph in the language of Graphviz. https://graphviz.org/doc/info/lang.html
 *
 * @module
 */

import { atMost, details, harmless, inOrder, processText } from "./relations.ts";
import type { NamespaceInfo, NamespaceSnapshot } from "./snapshot.ts";

const COLOURS: Readonly<Record<NamespaceInfo["type"], string>> = {
  cgroup: "#ececec",
  ipc: "#f3e3c8",
  mount: "#d6e4c4",
  net: "#c8dff0",
  pid: "#f2d0cd",
  time: "#e6d9ef",
  user: "#ffffff",
  uts: "#f5efb9",
};

const LISTED_PROCESSES = 3, LABEL_LENGTH = 64;

/** A string of the language: a quote ends it, a backslash begins what means something in a label. */
function quoted(lines: readonly string[]): string {
  return `"${lines.map((line) => line.replace(/["\\]/g, "\\$&")).join("\\n")}"`;
}

function labelOf(namespace: NamespaceInfo, byId: ReadonlyMap<number, NamespaceInfo>): string {
  const { type, id, processes } = namespace;
  const [first, ...others] = inOrder(namespace).slice(0, LISTED_PROCESSES).map(processText);
  const parts = details(namespace, byId).filter((part) =>
    first === undefined || !part.endsWith(first)
  );
  const more = processes.length - LISTED_PROCESSES;
  return quoted([
    `${type} ${id}`,
    ...parts,
    ...(first === undefined ? [] : [first, ...others]),
    ...(more > 0 ? [`and ${more} more processes`] : []),
  ].map((line) => atMost(harmless(line), LABEL_LENGTH)));
}

/**
 * The graph: an arrow from the user namespace that owns it to each namespace, and a dashed one from
 * a pid namespace to those in it.
 */
export function namespaceDot({ namespaces }: NamespaceSnapshot): string {
  const byId = new Map(namespaces.map((namespace) => [namespace.id, namespace]));
  const lines = [
    "digraph namespaces {",
    "  rankdir=LR;",
    '  node [shape=box, style="filled,rounded", fontname="sans-serif", fontsize=10];',
    '  edge [color="#808080"];',
  ];
  for (const namespace of namespaces) {
    const { type, id, owner, parent } = namespace;
    const look = type === "user" ? ", penwidth=2" : "";
    lines.push(
      `  ns${id} [label=${labelOf(namespace, byId)}, fillcolor="${COLOURS[type]}"${look}];`,
    );
    if (owner !== null && byId.has(owner)) lines.push(`  ns${owner} -> ns${id};`);
    if (type === "pid" && parent !== null && byId.has(parent)) {
      lines.push(`  ns${parent} -> ns${id} [style=dashed];`);
    }
  }
  return [...lines, "}"].join("\n");
}
