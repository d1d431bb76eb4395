/**
 * What the shape of a description is put together from: each check takes a value and its field's
 * name, and throws a `SpecError` that names it. A key that is not known is an error too, so that a
 * misspelt option is not silently left out.
 *
 * @module
 */

import { SpecError } from "../../errors.ts";
import { nearest } from "../../nearest.ts";
import { parseMode, parseSize } from "../../quantity.ts";
import { limitText, timeText } from "../values.ts";

/** Throws a `SpecError` that names `field` if the value is not right. */
export type Check = (value: unknown, field: string) => void;

/** How a value is quoted in an error. */
function quote(value: unknown): string {
  return value === undefined ? "nothing" : JSON.stringify(value) ?? String(value);
}

/** Throws the error of a value. */
export function fail(field: string, value: unknown, remedy: string): never {
  throw new SpecError(field, `${quote(value)} ${remedy}`);
}

/** Whether it is a mapping. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !(value instanceof Uint8Array) && !(value instanceof Date);
}

/** A mapping with these keys; those in `needed` must be there. */
export function record(keys: Record<string, Check>, needed: readonly string[] = []): Check {
  return (value, field) => {
    if (!isRecord(value)) fail(field, value, `must be a mapping of ${Object.keys(keys)}`);
    const at = (key: string) => field === "" ? key : `${field}.${key}`;
    for (const key of Object.keys(value)) {
      if (Object.hasOwn(keys, key)) continue;
      const known = Object.keys(keys);
      const near = nearest(key, known);
      throw new SpecError(
        at(key),
        `there is no such key; ${
          near === undefined ? `known: ${known.join(", ")}` : `did you mean "${near}"?`
        }`,
      );
    }
    for (const key of needed) {
      if (value[key] === undefined) throw new SpecError(at(key), "is missing");
    }
    for (const [key, entry] of Object.entries(value)) keys[key]!(entry, at(key));
  };
}

/** A mapping with any keys. */
export function dictionary(check: Check): Check {
  return (value, field) => {
    if (!isRecord(value)) fail(field, value, "must be a mapping");
    for (const [key, entry] of Object.entries(value)) check(entry, `${field}.${key}`);
  };
}

/** A list of such, of at least so many. */
export function list(check: Check, least = 0): Check {
  return (value, field) => {
    if (!Array.isArray(value)) fail(field, value, "must be a list");
    if (value.length < least) fail(field, value, "must not be empty");
    value.forEach((entry, index) => check(entry, `${field}[${index}]`));
  };
}

/** One of several; the last one's error is what is told. */
export function either(...checks: Check[]): Check {
  return (value, field) => {
    for (const check of checks.slice(0, -1)) {
      try {
        return check(value, field);
      } catch { /* the next one may take it */ }
    }
    checks.at(-1)!(value, field);
  };
}

/** A text. */
export const text: Check = (value, field) => {
  if (typeof value === "string") return;
  const scalar = ["number", "boolean"].includes(typeof value) || value instanceof Date;
  fail(field, value, scalar ? "must be a text; put it in quotes" : "must be a text");
};
/** A text, or bytes. */
export const bytes: Check = (value, field) =>
  value instanceof Uint8Array ? undefined : text(value, field);
/** True or false. */
export const flag: Check = (value, field) => {
  if (typeof value !== "boolean") fail(field, value, "must be true or false");
};
/** A number from 0 on. */
export const whole: Check = (value, field) => {
  if (!Number.isSafeInteger(value) || value as number < 0) fail(field, value, "must be a number");
};
/** A whole number, maybe below zero. */
export const number: Check = (value, field) => {
  if (!Number.isSafeInteger(value)) fail(field, value, "must be a whole number");
};
/** A size with its unit, or bytes. */
export const size: Check = (value, field) => void parseSize(value as string, field);
/** A time with its unit. */
export const duration: Check = (value, field) => void timeText(value, field);
/** A time with its unit, of more than nothing. */
export const timeLimit: Check = (value, field) => void limitText(value, field);
/** Permission bits. */
export const mode: Check = (value, field) => {
  // 0755 in YAML is 493, and 755 is 755; whichever was meant, quotes make it clear.
  if (typeof value !== "string") fail(field, value, 'must be octal digits in quotes, e.g. "0755"');
  parseMode(value, field);
};
/** One of these words. */
export const oneOf = (...words: string[]): Check => (value, field) => {
  if (words.includes(value as string)) return;
  const near = typeof value === "string" ? nearest(value, words) : undefined;
  const hint = near === undefined ? "" : `; did you mean "${near}"?`;
  fail(field, value, `is none of ${words.join(", ")}${hint}`);
};
