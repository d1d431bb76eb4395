/**
 * Makes the paths of the host in a file absolute: they start at where the file is. The schema says
 * which texts are such paths.
 *
 * @module
 */

import { resolve } from "@std/path";
import { alternative, isRecord } from "../../schema/check.ts";
import type { Node, RecordNode, TextNode } from "../../schema/node.ts";
import { Reset } from "./yaml.ts";

/** What is a word in some places where a path of the host is expected. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  root: ["host", "empty"],
  upper: ["ephemeral"],
  seccomp: ["default", "none"],
  profile: ["default", "none"],
};

function locatedText(node: TextNode, text: string, key: string, folder: string): string {
  if (node.at === "module") return /^[a-z]+:/.test(text) ? text : resolve(folder, text);
  if (node.at !== "host" || WORDS[key]?.includes(text)) return text;
  return resolve(folder, text);
}

/** A checked value with its paths made absolute; `key` is what it is the value of. */
export function located(node: Node, value: unknown, key: string, folder: string): unknown {
  if (value instanceof Reset) return value;
  switch (node.is) {
    case "text":
      return typeof value === "string" ? locatedText(node, value, key, folder) : value;
    case "list":
      return (value as unknown[]).map((entry) => located(node.of, entry, key, folder));
    case "record":
      return Object.fromEntries(
        Object.entries(value as object).map(([name, entry]) => [
          name,
          located(node.keys[name]!, entry, name, folder),
        ]),
      );
    case "kinds": {
      const { [node.by]: kind = node.otherwise, ...rest } = value as Record<string, unknown>;
      const record = node.kinds[kind as string] as RecordNode;
      return { [node.by]: kind, ...located(record, rest, key, folder) as object };
    }
    case "either":
      return located(alternative(node.of, value, key), value, key, folder);
    default:
      return isRecord(value) && node.is !== "opaque" ? { ...value } : value;
  }
}
