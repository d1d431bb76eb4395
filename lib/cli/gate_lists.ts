/**
 * What a gate lets through, in words.
 *
 * @module
 */

import type { BridgeNetwork, NoneNetwork } from "../spec.ts";

/** What can be reached through it, and what never. */
export function gateLists(
  network: NoneNetwork | BridgeNetwork,
): { allowed: string[]; denied: string[] } {
  const { allowDomains = [], denyDomains = [], allowAddresses = [], denyAddresses = [] } = network;
  const names = (list: typeof allowDomains) =>
    list.map((rule) => typeof rule === "string" ? rule : JSON.stringify(rule));
  return {
    allowed: [...names(allowDomains), ...allowAddresses],
    denied: [...names(denyDomains), ...denyAddresses],
  };
}
