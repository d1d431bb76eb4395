/**
 * Addresses of devices. ip-address(8), rtnetlink(7).
 *
 * @module
 */

import { SpecError } from "../errors.ts";
import { NLM_F_CREATE, NLM_F_EXCL } from "../sys/abi/netlink.ts";
import * as abi from "../sys/abi/rtnetlink.ts";
import { familyOf, formatPrefix, needAddress, parsePrefix } from "./ip_address.ts";
import { linkIndex } from "./link.ts";
import type { LinkRef } from "./link_types.ts";
import { Attributes, MessageBuilder, type NetlinkMessage } from "./message.ts";
import type { Netlink } from "./netlink.ts";

/** An address of a device. */
export interface AddressInit {
  /** The device. */
  link: LinkRef;
  /** The address and its network, e.g. `10.0.0.2/24` or `fd00::2/64`. */
  address: string;
  /** The address at the other end of a link with two ends. */
  peer?: string;
  /** The broadcast address of an IPv4 network. */
  broadcast?: string;
  /** Uses an IPv6 address at once, without asking whether another device has it. */
  noDad?: boolean;
  /** Makes no route to its network. */
  noPrefixRoute?: boolean;
}

/** An address, as the kernel tells of it. */
export interface AddressInfo {
  /** The index of its device. */
  readonly index: number;
  /** The address and its network. */
  readonly address: string;
  /** The address at the other end, where it is another one. */
  readonly peer?: string;
  /** Where it is valid: 0 everywhere, 253 on this link, 254 on this host. */
  readonly scope: number;
  /** It cannot be used yet, or must not be: another device may have it, or has it. */
  readonly tentative: boolean;
}

const HINTS = {
  EPERM: "it needs CAP_NET_ADMIN over that network namespace",
  EEXIST: "the device has that address already",
  EADDRNOTAVAIL: "the device does not have that address",
  EACCES: "IPv6 is switched off on that device (sysctl disable_ipv6)",
};
const IFADDRMSG_SIZE = 8;

function message(netlink: Netlink, init: AddressInit, type: number, flags: number): MessageBuilder {
  const { address, length } = parsePrefix(init.address, "address.address");
  const text = formatPrefix({ address, length });
  const built = new MessageBuilder(type, flags);
  built.u8(familyOf(address)).u8(length).u8(0).u8(abi.RT_SCOPE_UNIVERSE)
    .u32(linkIndex(netlink, init.link));
  const peer = init.peer === undefined ? address : needAddress(init.peer, "address.peer");
  if (peer.length !== address.length) {
    throw new SpecError("address.peer", `"${init.peer}" is of another family than ${text}`);
  }
  built.attribute(abi.IFA_LOCAL, address).attribute(abi.IFA_ADDRESS, peer);
  if (init.broadcast !== undefined) {
    built.attribute(abi.IFA_BROADCAST, needAddress(init.broadcast, "address.broadcast"));
  }
  const bits = (init.noDad ? abi.IFA_F_NODAD : 0) |
    (init.noPrefixRoute ? abi.IFA_F_NOPREFIXROUTE : 0);
  if (bits !== 0) built.attribute32(abi.IFA_FLAGS, bits);
  return built;
}

/** Gives a device an address. */
export function addAddress(netlink: Netlink, init: AddressInit): void {
  netlink.request(message(netlink, init, abi.RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL), {
    request: "RTM_NEWADDR",
    subject: init.address,
    hints: HINTS,
  });
}

/** Takes an address from a device. */
export function deleteAddress(netlink: Netlink, init: AddressInit): void {
  netlink.request(message(netlink, init, abi.RTM_DELADDR, 0), {
    request: "RTM_DELADDR",
    subject: init.address,
    hints: HINTS,
  });
}

/** An address from the kernel's message about it. */
export function decodeAddress({ payload }: NetlinkMessage): AddressInfo {
  const found = new Attributes(payload, IFADDRMSG_SIZE);
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const length = view.getUint8(1);
  const local = found.bytes(abi.IFA_LOCAL) ?? found.bytes(abi.IFA_ADDRESS);
  const other = found.bytes(abi.IFA_ADDRESS);
  const text = (bytes: Uint8Array<ArrayBuffer> | undefined) =>
    bytes?.length === 4 || bytes?.length === 16 ? formatPrefix({ address: bytes, length }) : "";
  const flags = found.u32(abi.IFA_FLAGS) ?? view.getUint8(2);
  const address = text(local), peer = text(other);
  return {
    index: view.getUint32(4, true),
    address,
    peer: peer === address || peer === "" ? undefined : peer,
    scope: view.getUint8(3),
    tentative: (flags & (abi.IFA_F_TENTATIVE)) !== 0,
  };
}

/** All addresses of the namespace, or those of a device. */
export function listAddresses(netlink: Netlink, link?: LinkRef): AddressInfo[] {
  const index = link === undefined ? 0 : linkIndex(netlink, link);
  const built = new MessageBuilder(abi.RTM_GETADDR).pad(4).u32(index);
  return netlink.dump(built, { request: "RTM_GETADDR" }).map(decodeAddress)
    .filter((found) => index === 0 || found.index === index);
}
