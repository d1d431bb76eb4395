/**
 * What a conversion is: a text, and what it could not say.
 *
 * @module
 */

import type { SandboxSpec } from "../../spec.ts";

/** Something that the other format cannot say. */
export interface Left {
  /** The field of the description. */
  readonly field: string;
  /** Why not, and what can be done instead, if anything. */
  readonly why: string;
}

/** What is converted. */
export interface Source {
  /** The description, whole. */
  readonly spec: SandboxSpec;
  /** Modules with hooks. */
  readonly hooks: readonly string[];
}

/** What came of it. */
export interface Converted {
  /** The text, with what was left in a comment. */
  readonly text: string;
  /** What could not be said. */
  readonly left: readonly Left[];
}

/** Collects what cannot be said. */
export class Leftovers {
  /** So far. */
  readonly list: Left[] = [];

  /** Notes a field. */
  add(field: string, why: string): void {
    this.list.push({ field, why });
  }

  /** Notes those of the fields that are given. */
  given(spec: Readonly<Record<string, unknown>>, reasons: Readonly<Record<string, string>>): void {
    for (const [field, why] of Object.entries(reasons)) {
      if (spec[field] !== undefined) this.add(field, why);
    }
  }
}

/** What was left, as lines of a comment that begin with this. */
export function comment(left: readonly Left[], prefix: string, format: string): string {
  if (left.length === 0) return "";
  const lines = left.map(({ field, why }) => `${prefix}   ${field}: ${why}`);
  return `${prefix} What ${format} cannot say:\n${lines.join("\n")}\n`;
}

/** Whether two plain values are the same. */
export function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}

function sorted(value: unknown): unknown {
  if (value instanceof Uint8Array) return { bytes: [...value] };
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).filter(([_, entry]) => entry !== undefined)
      .sort(([a], [b]) => a < b ? -1 : 1).map(([key, entry]) => [key, sorted(entry)]),
  );
}
