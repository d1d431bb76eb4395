/**
 * Puts one description on top of another: mappings are merged key by key, texts and numbers are
 * replaced, and of lists the schema says whether they are replaced or appended to. A mount takes
 * the place of an earlier one with the same target. `!reset` forgets what was said before.
 *
 * @module
 */

import { isRecord } from "../../schema/check.ts";
import type { KindsNode, ListNode, Node, RecordNode } from "../../schema/node.ts";
import { type Origin, Reset, type YamlDocument } from "./yaml.ts";

/** A path as it is compared: without slashes at its end. */
export function samePlace(target: string): string {
  return target.replace(/(?<=.)\/+$/, "");
}

function child(origin: Origin, key: string | number): Origin {
  return origin.children.get(String(key)) ?? origin;
}

function inside(document: YamlDocument, key: string | number): YamlDocument {
  const value = (document.value as Record<string | number, unknown>)[key];
  return { value, origin: child(document.origin, key) };
}

/** A document made of parts, each with its own place. */
function compose(
  parts: Iterable<[string, YamlDocument]>,
  at: Origin,
  isList: boolean,
): YamlDocument {
  const entries = [...parts];
  return {
    value: isList
      ? entries.map(([, { value }]) => value)
      : Object.fromEntries(entries.map(([key, { value }]) => [key, value])),
    origin: {
      ...at,
      children: new Map(entries.map(([key, { origin }]) => [key, origin])),
    },
  };
}

function items(document: YamlDocument): YamlDocument[] {
  return (document.value as unknown[]).map((_, index) => inside(document, index));
}

function mergeLists(node: ListNode, below: YamlDocument, above: YamlDocument): YamlDocument {
  if (node.merge === undefined) return above;
  const later = items(above);
  const same = node.merge === "by-target"
    ? (a: unknown, b: unknown) =>
      samePlace((a as { target: string }).target) === samePlace((b as { target: string }).target)
    : (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
  const earlier = items(below).filter(({ value }) =>
    !later.some((entry) => same(entry.value, value))
  );
  const all = [...earlier, ...later].map((entry, index): [string, YamlDocument] => [
    String(index),
    entry,
  ]);
  return compose(all, above.origin, true);
}

function mergeRecords(
  nodeOf: (key: string) => Node,
  below: YamlDocument,
  above: YamlDocument,
): YamlDocument {
  const keys = new Set([
    ...Object.keys(below.value as object),
    ...Object.keys(above.value as object),
  ]);
  const parts: [string, YamlDocument][] = [];
  for (const key of keys) {
    const [earlier, later] = [inside(below, key), inside(above, key)];
    if (later.value instanceof Reset) continue;
    const merged = later.value === undefined
      ? earlier
      : earlier.value === undefined
      ? later
      : merge(nodeOf(key), earlier, later);
    parts.push([key, merged]);
  }
  return compose(parts, above.origin, false);
}

/** The alternative that both values are of, if there is one. */
function common(of: readonly Node[], below: unknown, above: unknown): Node | undefined {
  return of.find((node) =>
    node.is === "list"
      ? Array.isArray(below) && Array.isArray(above)
      : node.is === "record" && isRecord(below) && isRecord(above) &&
        [below, above].every((value) => node.needed.every((key) => value[key] !== undefined))
  );
}

/** Two checked values of a node as one. */
export function merge(node: Node, below: YamlDocument, above: YamlDocument): YamlDocument {
  switch (node.is) {
    case "list":
      return mergeLists(node, below, above);
    case "dictionary":
      return mergeRecords(() => node.of, below, above);
    case "record":
      return mergeRecords((key) => node.keys[key]!, below, above);
    case "kinds":
      return mergeKinds(node, below, above);
    case "either": {
      const found = common(node.of, below.value, above.value);
      return found === undefined ? above : merge(found, below, above);
    }
    default:
      return above;
  }
}

/** Settings of another mode say nothing of this one. */
function mergeKinds(node: KindsNode, below: YamlDocument, above: YamlDocument): YamlDocument {
  const kind = (document: YamlDocument) => (document.value as Record<string, unknown>)[node.by];
  if (kind(below) !== kind(above)) return above;
  const record = node.kinds[kind(above) as string] as RecordNode;
  const by: Node = { is: "word", words: [] };
  return mergeRecords((key) => key === node.by ? by : record.keys[key]!, below, above);
}

/** A document without what is to be forgotten, where there is nothing below it. */
export function settled(document: YamlDocument): YamlDocument {
  if (!isRecord(document.value)) return document;
  const parts = Object.keys(document.value)
    .map((key): [string, YamlDocument] => [key, inside(document, key)])
    .filter(([, { value }]) => !(value instanceof Reset))
    .map(([key, part]): [string, YamlDocument] => [key, settled(part)]);
  return compose(parts, document.origin, false);
}
