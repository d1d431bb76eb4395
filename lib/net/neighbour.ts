/**
 * Neighbours: which hardware address an address has, and by which port of a bridge, or by which
 * host of a VXLAN, a hardware address is reached. ip-neighbour(8), bridge(8).
 *
 * @module
 */

import { NLM_F_APPEND, NLM_F_CREATE, NLM_F_REPLACE } from "../sys/abi/netlink.ts";
import * as abi from "../sys/abi/rtnetlink.ts";
import {
  familyOf,
  formatAddress,
  formatHardwareAddress,
  needAddress,
  parseHardwareAddress,
} from "./ip_address.ts";
import { linkIndex } from "./link.ts";
import type { LinkRef } from "./link_types.ts";
import { Attributes, MessageBuilder, type NetlinkMessage } from "./message.ts";
import type { Netlink } from "./netlink.ts";

/** A neighbour. */
export interface NeighbourInit {
  /** The device by which it is reached. */
  link: LinkRef;
  /** Its address. Of a device of a bridge or VXLAN: the host behind which it is. */
  address?: string;
  /** Its hardware address. */
  hardwareAddress: string;
  /** An entry of the forwarding table of a bridge or VXLAN, not of the table of addresses. */
  forwarding?: boolean;
  /** Adds one more host for the same hardware address, as `00:00:00:00:00:00` has them. */
  append?: boolean;
}

/** A neighbour, as the kernel tells of it. */
export interface NeighbourInfo {
  /** The index of the device. */
  readonly index: number;
  /** Its address. */
  readonly address?: string;
  /** Its hardware address; `undefined` while it is asked for. */
  readonly hardwareAddress?: string;
  /** `NUD_*`, or'ed: 2 is reachable, 128 permanent. */
  readonly state: number;
}

const AF_BRIDGE = 7;
const NDMSG_SIZE = 12;
const HINTS = {
  EPERM: "it needs CAP_NET_ADMIN over that network namespace",
  ENOENT: "there is no such neighbour",
};

function message(netlink: Netlink, init: NeighbourInit, type: number, flags: number) {
  const address = init.address === undefined
    ? undefined
    : needAddress(init.address, "neighbour.address");
  const family = init.forwarding || address === undefined ? AF_BRIDGE : familyOf(address);
  const built = new MessageBuilder(type, flags);
  built.u8(family).u8(0).u16(0).u32(linkIndex(netlink, init.link))
    .u16(abi.NUD_PERMANENT).u8(family === AF_BRIDGE ? abi.NTF_SELF : 0).u8(0);
  if (address !== undefined) built.attribute(abi.NDA_DST, address);
  return built.attribute(
    abi.NDA_LLADDR,
    parseHardwareAddress(init.hardwareAddress, "neighbour.hardwareAddress"),
  );
}

/** Adds a neighbour, or changes it. It stays until it is removed. */
export function addNeighbour(netlink: Netlink, init: NeighbourInit): void {
  const flags = NLM_F_CREATE | (init.append ? NLM_F_APPEND : NLM_F_REPLACE);
  netlink.request(message(netlink, init, abi.RTM_NEWNEIGH, flags), {
    request: "RTM_NEWNEIGH",
    subject: init.address ?? init.hardwareAddress,
    hints: HINTS,
  });
}

/** Removes a neighbour. */
export function deleteNeighbour(netlink: Netlink, init: NeighbourInit): void {
  netlink.request(message(netlink, init, abi.RTM_DELNEIGH, 0), {
    request: "RTM_DELNEIGH",
    subject: init.address ?? init.hardwareAddress,
    hints: HINTS,
  });
}

/** A neighbour from the kernel's message about it. */
export function decodeNeighbour({ payload }: NetlinkMessage): NeighbourInfo {
  const found = new Attributes(payload, NDMSG_SIZE);
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const address = found.bytes(abi.NDA_DST), hardware = found.bytes(abi.NDA_LLADDR);
  return {
    index: view.getInt32(4, true),
    address: address?.length === 4 || address?.length === 16 ? formatAddress(address) : undefined,
    hardwareAddress: hardware?.length === 6 ? formatHardwareAddress(hardware) : undefined,
    state: view.getUint16(8, true),
  };
}

/** All neighbours by their addresses, or those of a device. */
export function listNeighbours(netlink: Netlink, link?: LinkRef): NeighbourInfo[] {
  const index = link === undefined ? 0 : linkIndex(netlink, link);
  const built = new MessageBuilder(abi.RTM_GETNEIGH).pad(NDMSG_SIZE);
  return netlink.dump(built, { request: "RTM_GETNEIGH" }).map(decodeNeighbour)
    .filter((found) => index === 0 || found.index === index);
}
