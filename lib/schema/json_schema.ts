/**
 * The schema of files as JSON Schema, for editors. It says of a value alone what it may be; what
 * goes with what is checked by Paddock only.
 *
 * @module
 */

import type { KindsNode, Node, RecordNode } from "./node.ts";
import { FILE } from "./spec.ts";

/** A schema, or a part of one. https://json-schema.org/draft/2020-12 */
export type JsonSchema = { readonly [keyword: string]: unknown };

const SIZE = { type: ["string", "integer"], pattern: "^\\d+(\\.\\d+)?[KMGTkmgt]?(i?[bB])?$" };
const PATTERNS: { readonly [quantity: string]: JsonSchema } = {
  size: { ...SIZE, minimum: 0 },
  duration: { type: "string", pattern: "^-?\\d+(\\.\\d+)?(ms|s|m|h|d)$" },
  mode: { type: "string", pattern: "^0?[0-7]{1,4}$" },
  bitrate: { type: ["string", "number"], pattern: "^\\d+(\\.\\d+)?[kmgtKMGT]?[bB][iI][tT]$" },
};

/** Markdown is shown as it stands by most editors. */
function described(node: Node): JsonSchema {
  const { about, default: otherwise, example } = node;
  const text = [about, otherwise === undefined ? undefined : `Default: ${otherwise}.`]
    .filter((part) => part !== undefined).join(" ");
  return {
    ...(text === "" ? {} : { description: text }),
    ...(node.is === "flag" && /^(true|false)$/.test(otherwise ?? "")
      ? { default: otherwise === "true" }
      : {}),
    ...(example === undefined || node.is !== "text" ? {} : { examples: [example] }),
  };
}

function ofRecord(node: RecordNode): JsonSchema {
  return {
    type: "object",
    properties: Object.fromEntries(
      Object.entries(node.keys).map(([key, value]) => [key, jsonSchemaOf(value)]),
    ),
    ...(node.needed.length === 0 ? {} : { required: [...node.needed].sort() }),
    additionalProperties: false,
  };
}

function ofKinds(node: KindsNode): JsonSchema {
  return {
    type: "object",
    oneOf: Object.entries(node.kinds).map(([kind, value]) => {
      const { properties, required, ...rest } = ofRecord(value as RecordNode) as {
        properties: JsonSchema;
        required?: string[];
      };
      const needed = [...kind === node.otherwise ? [] : [node.by], ...required ?? []];
      return {
        title: kind,
        ...described(value),
        ...rest,
        properties: { [node.by]: { const: kind }, ...properties },
        ...(needed.length === 0 ? {} : { required: needed }),
      };
    }),
  };
}

function shape(node: Node): JsonSchema {
  switch (node.is) {
    case "text":
      return {
        type: "string",
        ...(node.at === "inside"
          ? { pattern: "^/" }
          : node.pattern === undefined
          ? {}
          : { pattern: node.pattern }),
        ...(node.empty ?? node.at === undefined ? {} : { minLength: 1 }),
      };
    case "flag":
      return { type: "boolean" };
    case "true":
      return { const: true };
    case "number": {
      const { least, most = Infinity, decimal } = node;
      return {
        type: decimal ? "number" : "integer",
        ...(least === undefined ? {} : { minimum: least }),
        ...(most < Number.MAX_SAFE_INTEGER ? { maximum: most } : {}),
      };
    }
    case "size":
    case "duration":
    case "mode":
    case "bitrate":
      return PATTERNS[node.is]!;
    case "cpus":
      return { type: "string", pattern: "^\\s*\\d+(-\\d+)?\\s*(,\\s*\\d+(-\\d+)?\\s*)*$" };
    case "word":
      return { enum: [...node.words] };
    case "list":
      return {
        type: "array",
        items: jsonSchemaOf(node.of),
        ...(node.least === undefined ? {} : { minItems: node.least }),
      };
    case "dictionary":
      return {
        type: "object",
        additionalProperties: jsonSchemaOf(node.of),
        ...(node.keys === undefined ? {} : { propertyNames: { pattern: SIZE.pattern } }),
      };
    case "opaque":
      return { type: "object" };
    case "record":
      return ofRecord(node);
    case "either":
      return { anyOf: node.of.map(jsonSchemaOf) };
    case "kinds":
      return ofKinds(node);
  }
}

/** A node as JSON Schema. */
export function jsonSchemaOf(node: Node): JsonSchema {
  return { ...described(node), ...shape(node) };
}

/** The whole of it: what a file with a description may hold. */
export function jsonSchema(): JsonSchema {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    $id: "https://jsr.io/@paddock/paddock/docs/paddock.schema.json",
    title: "A sandbox of Paddock",
    ...jsonSchemaOf(FILE),
  };
}
