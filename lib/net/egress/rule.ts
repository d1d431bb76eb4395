/**
 * The entries of the lists: `example.com`, `*.example.com:443`, `{ name, ports, methods }`.
 *
 * @module
 */

import { SpecError } from "../../errors.ts";
import { checkKeys } from "../../known_keys.ts";
import type { DomainRule } from "../../spec/egress.ts";
import { parseHost } from "./host_name.ts";

/** An entry, checked and in one spelling. */
export interface CompiledRule {
  /** The name, without `*.`; empty for every name. */
  readonly name: string;
  /** Whether it is about the names below. */
  readonly below: boolean;
  readonly ports: ReadonlySet<number> | undefined;
  readonly methods: ReadonlySet<string> | undefined;
  /** For messages. */
  readonly text: string;
}

function checkPort(port: number, field: string): number {
  if (Number.isInteger(port) && port >= 1 && port <= 65535) return port;
  throw new SpecError(field, `${port} is not a port; it is a number from 1 to 65535`);
}

function nameError(text: string, field: string): SpecError {
  const remedy = /^[a-z]+:\/\//i.test(text)
    ? "write the name alone, without https://"
    : text.startsWith(".")
    ? `write "*${text}" for all names below it`
    : text.includes("/")
    ? "a path cannot be listed, only a name"
    : "write e.g. example.com, *.example.com or example.com:443";
  return new SpecError(field, `"${text}" is not a name; ${remedy}`);
}

/** Checks an entry. Throws a `SpecError` that says how to write it. */
export function compileRule(entry: string | DomainRule, field: string): CompiledRule {
  if (typeof entry !== "string" && typeof entry?.name !== "string") {
    throw new SpecError(field, "is a name, or { name, ports, methods }");
  }
  const given = typeof entry === "string" ? entry : entry.name;
  const [, pattern = "", port] = /^([^:]*)(?::(\d+))?$/.exec(given) ?? [];
  const below = pattern === "*" || pattern.startsWith("*.");
  const rest = below ? pattern.slice(2) : pattern;
  const host = pattern === "*" ? { name: "" } : parseHost(rest);
  if (host?.name === undefined) {
    if (host?.address === undefined && parseHost(given)?.address === undefined) {
      throw nameError(given, field);
    }
    throw new SpecError(field, `"${given}" is an address; list it with allowAddresses`);
  }
  const options = typeof entry === "string" ? undefined : entry;
  checkKeys(options ?? {}, field, ["name", "ports", "methods"]);
  const { ports, methods } = options ?? {};
  if (port !== undefined && ports !== undefined) {
    throw new SpecError(field, `"${given}" has a port already; give it in ports, or in the name`);
  }
  for (const method of methods ?? []) {
    if (!/^[A-Z][A-Z-]*$/.test(method)) {
      throw new SpecError(`${field}.methods`, `"${method}" is not an HTTP method, e.g. "GET"`);
    }
  }
  const allowed = port === undefined ? ports : [Number(port)];
  return {
    name: host.name,
    below,
    ports: allowed && new Set(allowed.map((number) => checkPort(number, field))),
    methods: methods && new Set(methods),
    text: given,
  };
}

/** Whether an entry is about a name in its one spelling. */
export function matchesName(rule: CompiledRule, name: string): boolean {
  if (!rule.below) return rule.name === name;
  return rule.name === "" || name.endsWith(`.${rule.name}`);
}
