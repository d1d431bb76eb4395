/**
 * Loads files: each is read, its variables are filled in, it is checked, its paths are made
 * absolute, and it is put on top of what it extends and of the files before it.
 *
 * @module
 */

import { dirname, join, resolve } from "@std/path";
import { SpecError } from "../../errors.ts";
import { checkShape, isRecord } from "../../schema/check.ts";
import { FILE } from "../../schema/spec.ts";
import { withEnvironment } from "./environment.ts";
import { located } from "./locate.ts";
import { merge, settled } from "./merge.ts";
import { type Origin, originAt, parseYaml, Reset, type YamlDocument, YamlError } from "./yaml.ts";

/** An error about a field, with the file and the line that the field stands in. */
export function placed(error: SpecError, origin: Origin): SpecError {
  const { file, line, column } = originAt(origin, error.field);
  const message = error.message.slice(error.field.length + 2);
  const field = error.field === "" ? "" : `: ${error.field}`;
  return new SpecError(`${file}:${line}:${column}${field}`, message);
}

/** How standard input is called. */
const INPUT = "standard input";

/** All of standard input; the command then finds its end. */
function readInput(): string {
  const decoder = new TextDecoder();
  const chunk = new Uint8Array(65536);
  let text = "";
  for (let count; (count = Deno.stdin.readSync(chunk)) !== null;) {
    text += decoder.decode(chunk.subarray(0, count), { stream: true });
  }
  return text + decoder.decode();
}

function read(path: string, shown: string): string {
  try {
    return path === INPUT ? readInput() : Deno.readTextFileSync(path);
  } catch (error) {
    const why = error instanceof Deno.errors.NotFound
      ? "there is no such file; name one, starting at where this one is"
      : error instanceof Deno.errors.IsADirectory
      ? "it is a directory; name the file in it"
      : error instanceof Deno.errors.PermissionDenied
      ? "EACCES; it is not yours to read"
      : String(error);
    throw new SpecError("--file", `"${shown}" cannot be read: ${why}`);
  }
}

/** What is to be checked: what is to be forgotten is nothing yet. */
function withoutResets(value: unknown): unknown {
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).filter(([_, entry]) => !(entry instanceof Reset))
      .map(([key, entry]) => [key, withoutResets(entry)]),
  );
}

/** A checked value with absolute paths, on top of what it extends. */
function checked(
  document: YamlDocument,
  folder: string,
  shown: string,
  chain: readonly string[],
): YamlDocument {
  try {
    const filled = withEnvironment(document.value, "", Deno.env.get);
    const plain = withoutResets(filled);
    checkShape(FILE, plain, "", { file: true });
    const { extends: bases = [], ...own } = filled as Record<string, unknown>;
    const above = { ...document, value: located(FILE, own, "", folder) };
    return [bases].flat().map((base, index) => {
      const name = String(base);
      const field = Array.isArray(bases) ? `extends[${index}]` : "extends";
      return layer(resolve(folder, name), sibling(shown, name), chain, field);
    }).concat(above).reduce((below, next) => merge(FILE, below, next));
  } catch (error) {
    // What has a line already is about another file.
    if (!(error instanceof SpecError) || /:\d+:\d+(: |$)/.test(error.field)) throw error;
    throw placed(error, document.origin);
  }
}

/** How a file is called that another one names. */
function sibling(shown: string, name: string): string {
  return name.startsWith("/") ? name : join(dirname(shown), name);
}

function layer(path: string, shown: string, chain: readonly string[], field: string): YamlDocument {
  if (chain.includes(path)) {
    const way = [...chain.slice(chain.indexOf(path)), path].map((each) => each.split("/").at(-1));
    throw new SpecError(field, `"${shown}" extends itself: ${way.join(" -> ")}; take one out`);
  }
  let text: string;
  try {
    text = read(path, shown);
  } catch (error) {
    if (field === "--file" || !(error instanceof SpecError)) throw error;
    throw new SpecError(field, error.message.slice(error.field.length + 2));
  }
  let document: YamlDocument;
  try {
    document = parseYaml(text, shown);
  } catch (error) {
    if (!(error instanceof YamlError)) throw error;
    throw new SpecError(`${shown}:${error.line}:${error.column}`, error.message);
  }
  return checked(document, path === INPUT ? resolve(".") : dirname(path), shown, [...chain, path]);
}

/** Several files as one, each on top of those before it. */
export function loadFiles(paths: readonly string[]): YamlDocument {
  const layers = paths.map((path) =>
    path === "-" ? layer(INPUT, INPUT, [], "--file") : layer(resolve(path), path, [], "--file")
  );
  return settled(layers.reduce((below, above) => merge(FILE, below, above)));
}

/** A value that no file holds, as if one in this folder did. */
export function loadValue(value: unknown, folder: string): YamlDocument {
  const origin = { file: "", line: 0, column: 0, children: new Map<string, Origin>() };
  checkShape(FILE, value, "", { file: true });
  return { value: located(FILE, value, "", folder), origin };
}
