/**
 * A file with a description that says of each field what it is for, and which others there are.
 *
 * @module
 */

import { stringify } from "@std/yaml";
import type { Node } from "../../schema/node.ts";
import { FILE } from "../../schema/spec.ts";

/** A text in lines of a comment. */
function lines(text: string): string {
  const words = text.replaceAll("`", "").split(" ");
  const rows: string[] = [];
  for (const word of words) {
    const last = rows.at(-1);
    if (last === undefined || last.length + word.length > 95) rows.push(word);
    else rows[rows.length - 1] = `${last} ${word}`;
  }
  return rows.map((row) => `# ${row}\n`).join("");
}

function about(node: Node): string {
  const otherwise = node.default === undefined ? "" : ` Default: ${node.default}.`;
  return `${node.about ?? ""}${otherwise}`;
}

/** The fields with a comment each; `more` adds those that are not given, as comments. */
export function commented(file: Record<string, unknown>, title: string, more: boolean): string {
  const given = Object.entries(file).map(([key, value]) =>
    lines(about(FILE.keys[key as keyof typeof FILE.keys])) +
    stringify({ [key]: value }, { useAnchors: false })
  );
  const others = Object.entries(FILE.keys as Record<string, Node>)
    .filter(([key, node]) => !Object.hasOwn(file, key) && node.example !== undefined)
    .map(([key, node]) => `${lines(about(node))}# ${key}: ${node.example}\n`);
  return [
    `# yaml-language-server: $schema=https://jsr.io/@paddock/paddock/docs/paddock.schema.json\n${
      lines(title)
    }`,
    ...given,
    ...(more ? ["# What else can be said, among others:\n", ...others] : []),
  ].join("\n");
}
