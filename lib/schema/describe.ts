/**
 * What a node of the schema takes, in words for an error.
 *
 * @module
 */

import type { Node } from "./node.ts";

/** The words of a list with an "or" before the last. */
export function orList(words: readonly string[]): string {
  if (words.length < 2) return words.join("");
  return `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

/** What it takes, with an article: "a text", `"new" or "shared"`. */
export function describe(node: Node): string {
  switch (node.is) {
    case "text":
      return node.at === undefined ? "a text" : "a path";
    case "flag":
      return "true or false";
    case "true":
      return "true";
    case "number":
      return numberRange(node);
    case "size":
      return "a size";
    case "duration":
      return "a time";
    case "mode":
      return "a mode";
    case "bitrate":
      return "a rate";
    case "cpus":
      return "a list such as 0-3";
    case "word":
      return orList(node.words.map((word) => `"${word}"`));
    case "list":
      return "a list";
    case "dictionary":
      return "a mapping";
    case "opaque":
      return "a mapping";
    case "kinds":
      return `a mapping with a "${node.by}"`;
    case "record":
      return keys(node);
    case "either":
      return orList([...new Set(node.of.map(describe))]);
  }
}

/** A record by its keys, as one would write it. */
function keys(node: { keys: object; needed: readonly string[] }): string {
  const names = [...new Set([...node.needed, ...Object.keys(node.keys)])];
  return `a mapping { ${names.slice(0, 3).join(", ")}${names.length > 3 ? ", .." : ""} }`;
}

/** A number's range in words. */
export function numberRange(
  { least = -Infinity, most = Infinity, decimal }: {
    least?: number;
    most?: number;
    decimal?: boolean;
  },
): string {
  const kind = decimal ? "a number" : "a whole number";
  if (most < Number.MAX_SAFE_INTEGER) return `${kind} from ${least} to ${most}`;
  return least > -Number.MAX_SAFE_INTEGER ? `${kind} of at least ${least}` : kind;
}

/** How a value is quoted in an error. */
export function quote(value: unknown): string {
  if (value === undefined || value === null) return "nothing";
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  let text: string | undefined;
  try {
    text = typeof value === "function" ? "a function" : JSON.stringify(value);
  } catch { /* a cycle, or a bigint */ }
  text ??= String(value);
  return text.length > 60 ? `${text.slice(0, 56)} ..` : text;
}
