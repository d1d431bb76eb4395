/**
 * The part of `@std/yaml` that this project uses, over `js-yaml`, which `@std/yaml` descends from.
 *
 * @example
 * ```ts
 * import { parse, stringify } from "@std/yaml";
 *
 * parse("a: [1, true]"); // { a: [1, true] }
 * stringify({ a: [1, true] }); // "a:\n  - 1\n  - true\n"
 * ```
 *
 * @module
 */

import {
  binaryTag,
  CORE_SCHEMA,
  defineScalarTag,
  dump,
  FAILSAFE_SCHEMA,
  floatCoreTag,
  intYaml11Tag,
  loadAll,
  mergeTag,
  NOT_RESOLVED,
  omapTag,
  pairsTag,
  timestampTag,
  YAMLException,
} from "npm:js-yaml@^5.5.0";

/**
 * What the text of a value can mean.
 *
 * - `failsafe`: strings, arrays and objects.
 * - `core`: also null, booleans and numbers.
 * - `default`: also timestamps, merge keys (`<<`), and the tags `!!binary`, `!!omap`, `!!pairs`.
 */
export type SchemaType = "failsafe" | "core" | "default";

/** Options for {@linkcode parse}. */
export interface ParseOptions {
  /**
   * What the text of a value can mean.
   *
   * @default {"default"}
   */
  schema?: SchemaType;

  /**
   * Let the last of several equal keys win, as `JSON.parse` does, rather than fail.
   *
   * @default {false}
   */
  allowDuplicateKeys?: boolean;
}

/** Options for {@linkcode stringify}. */
export interface StringifyOptions {
  /**
   * The number of spaces of a level.
   *
   * @default {2}
   */
  indent?: number;

  /**
   * Whether the items of an array in an object are indented.
   *
   * @default {true}
   */
  arrayIndent?: boolean;

  /**
   * Leave out what YAML cannot say, such as functions, rather than fail.
   *
   * @default {false}
   */
  skipInvalid?: boolean;

  /**
   * The level from which on arrays and objects are written in one line; -1 for none.
   *
   * @default {-1}
   */
  flowLevel?: number;

  /**
   * Sort the keys, in the order of their characters or by a function.
   *
   * @default {false}
   */
  sortKeys?: boolean | ((a: string, b: string) => number);

  /**
   * Write an object that comes more than once as a reference to the first.
   *
   * @default {true}
   */
  useAnchors?: boolean;
}

// @std/yaml reads integers as YAML 1.1 does (1_000, 0x1f, 012), booleans as 1.2 (`no` is a string),
// and of floating point numbers those that do not start with a zero too many.
const FLOAT =
  /^(?:(?:[-+]?(?:0|[1-9][\d_]*)(?:\.[\d_]*)?|\.[\d_]+)(?:e[-+]?\d+)?(?<!_)|[-+]?\.inf|\.nan)$/i;
const float = defineScalarTag(floatCoreTag.tagName, {
  ...floatCoreTag,
  resolve: (source, isExplicit, tagName) =>
    FLOAT.test(source)
      ? floatCoreTag.resolve(source.replaceAll("_", ""), isExplicit, tagName)
      : NOT_RESOLVED,
});
const CORE = CORE_SCHEMA.withTags(intYaml11Tag, float);
const SCHEMAS = {
  failsafe: FAILSAFE_SCHEMA,
  core: CORE,
  default: CORE.withTags(timestampTag, mergeTag, binaryTag, omapTag, pairsTag),
};

/**
 * Read a YAML document.
 *
 * @param content The text.
 * @param options How to read it.
 * @returns The value; `null` if the text has none.
 * @throws {SyntaxError} If the text is not one YAML document.
 */
export function parse(content: string, options: ParseOptions = {}): unknown {
  let documents: unknown[];
  try {
    documents = loadAll(content, {
      schema: SCHEMAS[options.schema ?? "default"],
      json: options.allowDuplicateKeys ?? false,
    });
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    throw new SyntaxError(error.message, { cause: error });
  }
  if (documents.length > 1) {
    throw new SyntaxError("Found more than 1 document in the stream: expected a single document");
  }
  return documents[0] ?? null;
}

/** Fail on what js-yaml would take, or leave out silently, and `@std/yaml` does not take. */
function check(data: unknown, seen: Set<object>): void {
  if (data === undefined) throw new TypeError("Cannot stringify undefined");
  if (typeof data !== "object" || data === null || seen.has(data)) return;
  if (data instanceof Set) throw new TypeError("Cannot stringify object");
  if (ArrayBuffer.isView(data)) return;
  seen.add(data);
  for (const value of Object.values(data)) check(value, seen);
}

/**
 * Write a value as a YAML document.
 *
 * @param data The value.
 * @param options How to write it.
 * @returns The text, with a line break at its end.
 * @throws {TypeError} If the value has something that YAML cannot say.
 */
export function stringify(data: unknown, options: StringifyOptions = {}): string {
  if (!options.skipInvalid) check(data, new Set());
  try {
    return dump(data, {
      indent: options.indent ?? 2,
      seqNoIndent: !(options.arrayIndent ?? true),
      skipInvalid: options.skipInvalid ?? false,
      flowLevel: options.flowLevel ?? -1,
      sortKeys: options.sortKeys ?? false,
      noRefs: !(options.useAnchors ?? true),
    });
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    throw new TypeError(error.message, { cause: error });
  }
}
