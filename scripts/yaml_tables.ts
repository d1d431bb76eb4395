/**
 * The schema of files as tables of Markdown, for the documentation.
 *
 * @module
 */

import { numberRange } from "../lib/schema/describe.ts";
import type { KindsNode, Node, RecordNode } from "../lib/schema/node.ts";
import { FILE } from "../lib/schema/spec.ts";

/** What a value may be, in the cell of a table. */
function type(node: Node): string {
  switch (node.is) {
    case "text":
      return node.at === "host"
        ? "path of the host"
        : node.at === "inside"
        ? "absolute path inside"
        : node.at === "module"
        ? "module"
        : "text";
    case "flag":
      return "true or false";
    case "true":
      return "true";
    case "number":
      return numberRange(node).replace(/^a /, "");
    case "size":
      return "size";
    case "duration":
      return "time";
    case "mode":
      return "mode";
    case "bitrate":
      return "rate";
    case "cpus":
      return "list such as `0-3,8`";
    case "word":
      return node.words.length > 20 ? "name" : node.words.map((word) => `\`${word}\``).join(", ");
    case "list":
      return `list: ${type(node.of)}`;
    case "dictionary":
      return `mapping: ${type(node.of)}`;
    case "opaque":
      return "mapping";
    case "record":
    case "kinds":
      return "mapping, see below";
    case "either":
      return [...new Set(node.of.map(type))].join("; ");
  }
}

/** How a list goes with one of an earlier file. */
function merging(node: Node): string {
  const merge = node.is === "list"
    ? node.merge
    : node.is === "either"
    ? node.of.map((each) => each.is === "list" ? each.merge : undefined).find((it) => it)
    : undefined;
  if (merge === "append") return " Lists of several files are joined.";
  return merge === "by-target"
    ? " A later file's take the place of those with the same target."
    : "";
}

function rows(node: RecordNode): string[] {
  return Object.entries(node.keys).map(([key, value]) => {
    const needed = node.needed.includes(key) ? " (needed)" : "";
    const cells = [
      `\`${key}\`${needed}`,
      type(value),
      value.default ?? "",
      `${value.about ?? ""}${merging(value)}`,
    ];
    return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  });
}

function table(node: RecordNode): string {
  if (Object.keys(node.keys).length === 0) return "";
  return [
    "| field | what it may be | default | what it is for |",
    "| --- | --- | --- | --- |",
    ...rows(node),
    "",
  ].join("\n");
}

/** The records in a node that have a table of their own, with the path to each. */
function* records(node: Node, path: string): Generator<[path: string, node: RecordNode]> {
  switch (node.is) {
    case "record":
      yield [path, node];
      for (const [key, value] of Object.entries(node.keys)) yield* records(value, `${path}.${key}`);
      return;
    case "list":
      return yield* records(node.of, `${path}[]`);
    case "dictionary":
      return yield* records(node.of, `${path}.*`);
    case "either":
      for (const each of node.of) yield* records(each, path);
      return;
    case "kinds":
      for (const [kind, value] of Object.entries((node as KindsNode).kinds)) {
        yield* records(value, `${path} of ${node.by} ${kind}`);
      }
  }
}

/** All tables, with a heading each. What looks the same in several places has one. */
export function reference(): string {
  const told = new Map<string, { places: string[]; about: string }>();
  for (const [key, value] of Object.entries(FILE.keys)) {
    for (const [path, node] of records(value as Node, key)) {
      const content = table(node);
      if (content === "") continue;
      // An id map, say, is in three places, and is told of once.
      const before = told.get(content);
      if (before !== undefined) before.places.push(path);
      else told.set(content, { places: [path], about: node.about ?? "" });
    }
  }
  const parts = [...told].map(([content, { places, about }]) =>
    `### ${places.map((place) => `\`${place}\``).join(", ")}\n\n${about}\n\n${content}`
  );
  return ["### All of it", "", table(FILE), ...parts].join("\n");
}
