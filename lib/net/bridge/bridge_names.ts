/**
 * Names of the sandboxes on a bridge.
 *
 * @module
 */

import { addressAt, type AddressBytes } from "../ip_address.ts";
import { findLink, listLinks } from "../link.ts";
import type { Netlink } from "../netlink.ts";
import { networksOf } from "./bridge_state.ts";

/** The addresses of a name on a bridge, IPv4 and IPv6. */
export function namesOnBridge(netlink: Netlink, device: string, name: string): AddressBytes[] {
  const bridge = findLink(netlink, device);
  if (bridge === undefined) return [];
  const subnets = networksOf(netlink, bridge);
  return listLinks(netlink, "veth")
    .filter(({ master, alias }) => master === bridge.index && alias?.toLowerCase() === name)
    .flatMap((link) => {
      const place = Number(/-(\d+)$/.exec(link.name)?.[1]);
      return subnets.map((subnet) => addressAt(subnet, place));
    });
}
