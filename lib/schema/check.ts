/**
 * Checks a value against the schema: the one place that knows what a description may look like,
 * whether a builder, a file or JSON made it. What goes with what is checked after it, in
 * `lib/plan/check_*.ts`.
 *
 * @module
 */

import { SpecError } from "../errors.ts";
import { nearest } from "../nearest.ts";
import { parseCpuList, parseDuration, parseMode, parseSize } from "../quantity.ts";
import { limitText, timeText } from "./time.ts";
import { describe, numberRange, orList, quote } from "./describe.ts";
import type {
  EitherNode,
  KindsNode,
  ListNode,
  Node,
  NumberNode,
  RecordNode,
  TextNode,
  WordNode,
} from "./node.ts";

/** How a value is looked at. */
export interface CheckOptions {
  /** It was read from a file: a mode must be in quotes, and a variable must be marked. */
  readonly file?: boolean;
}

/** Whether it is a mapping. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !(value instanceof Uint8Array) && !(value instanceof Date);
}

/** A key's own path. */
export function keyPath(field: string, key: string): string {
  return field === "" ? key : `${field}.${key}`;
}

function example(node: Node): string {
  if (node.example !== undefined) return `; write e.g. ${node.example}`;
  return node.is === "record" ? `; known: ${Object.keys(node.keys).join(", ")}` : "";
}

function fail(node: Node, value: unknown, field: string, remedy = example(node)): never {
  throw new SpecError(field, `${quote(value)} is not ${describe(node)}${remedy}`);
}

/** Throws a `SpecError` that names the field where a value is not what the node says. */
export function checkShape(
  node: Node,
  value: unknown,
  field: string,
  options: CheckOptions = {},
): void {
  if (value === null && options.file) {
    throw new SpecError(field, `has no value; give ${describe(node)}, or leave it out`);
  }
  switch (node.is) {
    case "text":
      return checkText(node, value, field, options);
    case "flag":
      return checkFlag(value, field);
    case "true":
      return value === true ? undefined : fail(node, value, field);
    case "number":
      return checkNumber(node, value, field);
    case "size":
      if (parseSize(value as string, field) >= (node.least ?? 0)) return;
      throw new SpecError(field, `${quote(value)} is too small; at least ${node.least} bytes`);
    case "duration":
      if (options.file) return void (node.positive ? limitText : timeText)(value, field);
      if (parseDuration(value as string, field) > 0 || !node.positive) return;
      throw new SpecError(field, "must be positive; for no limit, leave it out");
    case "bitrate":
      if (typeof value === "string" || typeof value === "number") return;
      return fail(node, value, field);
    case "mode":
      // 0755 in YAML is 755; whichever was meant, quotes make it clear.
      if (options.file && typeof value === "number") {
        throw new SpecError(
          field,
          `${value} must be octal digits in quotes, e.g. "${suggestMode(value)}"`,
        );
      }
      return void parseMode(value as string, field);
    case "cpus":
      if (typeof value !== "string") fail(node, value, field, '; write e.g. "0-3", in quotes');
      return void parseCpuList(value, field);
    case "word":
      return checkWord(node, value, field);
    case "list":
      return checkList(node, value, field, options);
    case "dictionary":
      if (!isRecord(value)) fail(node, value, field);
      for (const [key, entry] of Object.entries(value)) {
        if (node.keys !== undefined) checkShape(node.keys, key, field, options);
        checkShape(node.of, entry, keyPath(field, key), options);
      }
      return;
    case "record":
      return checkRecord(node, value, field, options);
    case "either":
      return checkEither(node, value, field, options);
    case "kinds":
      return checkKinds(node, value, field, options);
    case "opaque":
      return isRecord(value) ? undefined : fail(node, value, field);
  }
}

/** What was most likely meant by a mode without quotes: 755, or 0755 read as 493. */
function suggestMode(value: number): string {
  return /^[0-7]{3,4}$/.test(String(value))
    ? String(value).padStart(4, "0")
    : value > 0 && value <= 0o7777
    ? value.toString(8).padStart(4, "0")
    : "0755";
}

function checkText(node: TextNode, value: unknown, field: string, { file }: CheckOptions): void {
  if (node.bytes && value instanceof Uint8Array) return;
  if (typeof value !== "string") {
    const scalar = ["number", "boolean"].includes(typeof value) || value instanceof Date;
    fail(node, value, field, scalar ? `; put it in quotes` : example(node));
  }
  if (value === "" && !(node.empty ?? node.at === undefined)) {
    throw new SpecError(field, `is empty${example(node) || "; give a text, or leave it out"}`);
  }
  if (value.includes("\0")) throw new SpecError(field, "has a NUL in it, which no text may");
  if (node.at === "inside" && !value.startsWith("/")) {
    throw new SpecError(
      field,
      `"${value}" must be an absolute path inside; write "/${value.replace(/^(\.\/)+|^~\//, "")}"`,
    );
  }
  if (file && node.at !== undefined && /\$\{\w+(:-[^}]*)?\}/.test(value)) {
    throw new SpecError(
      field,
      `"${value}" is taken as it stands; to fill in a variable write !env "${value}"`,
    );
  }
  if (node.pattern !== undefined && !new RegExp(node.pattern, "u").test(value)) {
    throw new SpecError(field, `"${value}" is not ${node.called}${example(node)}`);
  }
}

/** What is no truth value in YAML 1.2 and was one before, or is one elsewhere. */
const TRUTH: Readonly<Record<string, boolean>> = {
  yes: true,
  on: true,
  true: true,
  1: true,
  no: false,
  off: false,
  false: false,
  0: false,
};

function checkFlag(value: unknown, field: string): void {
  if (typeof value === "boolean") return;
  const meant = TRUTH[String(value).toLowerCase()];
  throw new SpecError(
    field,
    `${quote(value)} is neither true nor false${meant === undefined ? "" : `; write ${meant}`}`,
  );
}

function checkNumber(node: NumberNode, value: unknown, field: string): void {
  const { least = -Infinity, most = Infinity, decimal } = node;
  const fits = typeof value === "number" &&
    (decimal ? Number.isFinite(value) : Number.isSafeInteger(value));
  if (fits && value >= least && value <= most) return;
  const digits = typeof value === "string" && /^-?\d+(\.\d+)?$/.test(value);
  throw new SpecError(
    field,
    `${quote(value)} is not ${numberRange(node)}${
      digits ? `; write ${value}, without quotes` : example(node)
    }`,
  );
}

function checkWord(node: WordNode, value: unknown, field: string): void {
  if (node.words.includes(value as string)) return;
  const near = typeof value === "string" ? meantWord(value, node.words) : undefined;
  const hint = near !== undefined ? `; did you mean "${near}"?` : node.hint ? `; ${node.hint}` : "";
  const known = node.words.length > 20 ? "" : ` of ${node.words.join(", ")}`;
  throw new SpecError(
    field,
    known === "" ? `there is no ${quote(value)}${hint}` : `${quote(value)} is none${known}${hint}`,
  );
}

/** The nearest word; also for what lacks the beginning that all have, such as `CAP_`. */
function meantWord(value: string, words: readonly string[]): string | undefined {
  const [prefix = ""] = /^[A-Z]+_/.exec(words[0] ?? "") ?? [];
  return nearest(value, words) ??
    (prefix === "" ? undefined : nearest(prefix + value.toUpperCase(), words));
}

function checkList(node: ListNode, value: unknown, field: string, options: CheckOptions): void {
  if (!Array.isArray(value)) {
    const scalar = ["string", "number", "boolean"].includes(typeof value);
    const text = typeof value === "string" && /[,:[\]{}"'#&*!|>%@` ]/.test(value)
      ? JSON.stringify(value)
      : String(value);
    fail(node, value, field, example(node) || (scalar ? `; write [${text}]` : ""));
  }
  if (value.length < (node.least ?? 0)) {
    throw new SpecError(field, `is empty${example(node) || "; leave it out, or give an entry"}`);
  }
  value.forEach((entry, index) => checkShape(node.of, entry, `${field}[${index}]`, options));
}

/** Throws the error of a key that is not known, with what was meant. */
function unknownKey(
  node: RecordNode,
  key: string,
  field: string,
  others: readonly string[] = [],
): never {
  const known = Object.keys(node.keys);
  const other = Object.hasOwn(node.meant ?? {}, key) ? node.meant![key]! : undefined;
  const near = other === undefined
    ? nearest(key, known) ?? nearest(key, others)
    : known.includes(other)
    ? other
    : undefined;
  const meant = near !== undefined
    ? `, did you mean "${near}"?`
    : other !== undefined
    ? `; ${other}`
    : node.hint !== undefined
    ? `; ${node.hint}`
    : "";
  // Nobody reads thirty names to find the one that was just said.
  const all = meant !== "" && known.length > 12
    ? ""
    : `${near === undefined ? ";" : ""} known: ${known.join(", ") || "none"}`;
  throw new SpecError(keyPath(field, key), `there is no such field${meant}${all}`);
}

function checkRecord(
  node: RecordNode,
  value: unknown,
  field: string,
  options: CheckOptions,
  others?: readonly string[],
): void {
  if (!isRecord(value)) fail(node, value, field);
  for (const [key, entry] of Object.entries(value)) {
    if (entry !== undefined && !Object.hasOwn(node.keys, key)) {
      unknownKey(node, key, field, others);
    }
  }
  for (const key of node.needed) {
    if (value[key] !== undefined) continue;
    const child = node.keys[key]!;
    throw new SpecError(
      keyPath(field, key),
      `is missing; ${
        child.example === undefined
          ? `give ${describe(child)}`
          : `write e.g. ${key}: ${child.example}`
      }`,
    );
  }
  for (const [key, entry] of Object.entries(value)) {
    if (entry !== undefined) checkShape(node.keys[key]!, entry, keyPath(field, key), options);
  }
}

function checkKinds(node: KindsNode, value: unknown, field: string, options: CheckOptions): void {
  if (!isRecord(value)) {
    const known = typeof value === "string" && Object.hasOwn(node.kinds, value);
    fail(node, value, field, known ? `; write { ${node.by}: ${value} }` : example(node));
  }
  const { [node.by]: given = node.otherwise, ...rest } = value;
  const at = keyPath(field, node.by);
  const kinds = Object.keys(node.kinds);
  if (given === undefined) {
    throw new SpecError(at, `is missing; give one of ${kinds.join(", ")}`);
  }
  checkWord({ is: "word", words: kinds, hint: node.hint }, given, at);
  const kind = node.kinds[given as string] as RecordNode;
  for (const key of Object.keys(rest)) {
    if (rest[key] === undefined || Object.hasOwn(kind.keys, key)) continue;
    const others = kinds.filter((name) =>
      Object.hasOwn((node.kinds[name] as RecordNode).keys, key)
    );
    const known = Object.keys(kind.keys);
    const near = nearest(key, known);
    if (others.length === 0 || near !== undefined || kind.meant?.[key] !== undefined) {
      unknownKey(kind, key, field);
    }
    throw new SpecError(
      keyPath(field, key),
      `is not for "${given}"${known.length > 0 ? `, which has ${known.join(", ")}` : ""}; ${
        orList(others.map((name) => `"${name}"`))
      } has it`,
    );
  }
  checkRecord(kind, rest, field, options);
}

function checkEither(
  node: EitherNode,
  value: unknown,
  field: string,
  options: CheckOptions,
): void {
  const chosen = alternative(node.of, value, field);
  const others = node.of.filter((other) => other !== chosen);
  const meant = chosen.is === "word" && typeof value === "string" && others.length > 0 &&
    !chosen.words.includes(value);
  // What is no known word may have been meant as something else altogether.
  if (meant && meantWord(value, chosen.words) === undefined && chosen.hint === undefined) {
    fail(node, value, field);
  }
  if (chosen.is !== "record") return checkShape(chosen, value, field, options);
  const keys = others.flatMap((other) => other.is === "record" ? Object.keys(other.keys) : []);
  checkRecord(chosen, value, field, options, keys);
}

/** The alternative that a value is most likely meant as. */
export function alternative(of: readonly Node[], value: unknown, field: string): Node {
  const fitting = of.filter((node) => takesType(node, value));
  if (fitting.length === 0) {
    const near = of.find((node) => seemsMeant(node, value));
    if (near !== undefined) return near;
    const all: Node = { is: "either", of };
    throw new SpecError(field, `${quote(value)} is not ${describe(all)}`);
  }
  if (fitting.length === 1 || !isRecord(value)) {
    // Of words and texts, whichever takes it; the last one's error is what is told.
    return fitting.find((node) => node.is === "word" && node.words.includes(value as string)) ??
      fitting.at(-1)!;
  }
  const records = fitting as RecordNode[];
  const has = (key: string | undefined) => key !== undefined && value[key] !== undefined;
  const chosen = records.filter((node) => has(node.needed[0]));
  if (chosen.length > 1) {
    const keys = chosen.map((node) => `"${node.needed[0]}"`);
    throw new SpecError(field, `has ${keys.join(" and ")}, of which only one can be; take one out`);
  }
  const known = (node: RecordNode) =>
    Object.keys(value).filter((key) =>
      Object.hasOwn(node.keys, key) || nearest(key, Object.keys(node.keys)) !== undefined
    ).length;
  return chosen[0] ?? records.reduce((best, node) => known(node) > known(best) ? node : best);
}

/** Whether a text stands for what it would be without quotes, or in other words. */
function seemsMeant(node: Node, value: unknown): boolean {
  if (typeof value !== "string" && typeof value !== "number") return false;
  if (node.is === "flag") return TRUTH[String(value).toLowerCase()] !== undefined;
  return node.is === "number" && /^-?\d+(\.\d+)?$/.test(String(value));
}

/** Whether a node takes values of this type at all. */
function takesType(node: Node, value: unknown): boolean {
  switch (node.is) {
    case "text":
      return typeof value === "string" || (node.bytes === true && value instanceof Uint8Array);
    case "word":
    case "cpus":
      return typeof value === "string";
    case "mode":
    case "size":
    case "duration":
    case "bitrate":
      return typeof value === "string" || typeof value === "number";
    case "number":
      return typeof value === "number";
    case "flag":
      return typeof value === "boolean";
    case "true":
      return value === true;
    case "list":
      return Array.isArray(value);
    case "either":
      return node.of.some((each) => takesType(each, value));
    default:
      return isRecord(value);
  }
}
