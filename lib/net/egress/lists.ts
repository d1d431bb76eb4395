/**
 * The lists of a policy, checked and in one spelling. Nothing here asks the machine anything.
 *
 * @module
 */

import { SpecError } from "../../errors.ts";
import type { EgressSettings } from "../../spec/egress.ts";
import { type AddressRange, parseRange } from "./address.ts";
import { type CompiledRule, compileRule } from "./rule.ts";

/** What may be reached. */
export type EgressLists = Omit<EgressSettings, "transparent">;

/** The lists, ready to be asked. */
export interface CompiledLists {
  readonly allow: readonly CompiledRule[];
  readonly deny: readonly CompiledRule[];
  readonly allowRanges: readonly AddressRange[];
  readonly denyRanges: readonly AddressRange[];
}

/** Checks lists. Throws a `SpecError` for an entry that is no name or no range; `prefix` is where. */
export function compileLists(lists: EgressLists, prefix = ""): CompiledLists {
  const each = <T, U>(name: keyof EgressLists, compile: (entry: T, field: string) => U): U[] => {
    const list = lists[name] ?? [];
    if (!Array.isArray(list)) throw new SpecError(prefix + name, "is a list");
    return list.map((entry: T, index) => compile(entry, `${prefix}${name}[${index}]`));
  };
  return {
    allow: each("allowDomains", compileRule),
    deny: each("denyDomains", compileRule),
    allowRanges: each("allowAddresses", parseRange),
    denyRanges: each("denyAddresses", parseRange),
  };
}
