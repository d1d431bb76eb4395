/**
 * Routes. ip-route(8), rtnetlink(7).
 *
 * @module
 */

import { SpecError } from "../errors.ts";
import { NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE } from "../sys/abi/netlink.ts";
import * as abi from "../sys/abi/rtnetlink.ts";
import { AF_INET, AF_INET6 } from "../sys/abi/socket.ts";
import { familyOf, formatAddress, formatPrefix, needAddress, parsePrefix } from "./ip_address.ts";
import { linkIndex } from "./link.ts";
import type { LinkRef } from "./link_types.ts";
import { Attributes, MessageBuilder, type NetlinkMessage } from "./message.ts";
import type { Netlink } from "./netlink.ts";

const TYPES = {
  unicast: abi.RTN_UNICAST,
  local: abi.RTN_LOCAL,
  broadcast: abi.RTN_BROADCAST,
  blackhole: abi.RTN_BLACKHOLE,
  unreachable: abi.RTN_UNREACHABLE,
  prohibit: abi.RTN_PROHIBIT,
  throw: abi.RTN_THROW,
} as const;

const SCOPES = {
  global: abi.RT_SCOPE_UNIVERSE,
  link: abi.RT_SCOPE_LINK,
  host: abi.RT_SCOPE_HOST,
} as const;

/** A route. */
export interface RouteInit {
  /** Where it leads: a prefix such as `10.0.0.0/8`, or `default`. */
  to: string;
  /** The next router. For `default` it also tells whether this is IPv4 or IPv6. */
  via?: string;
  /** The device. */
  link?: LinkRef;
  /** The address that packets by this route are from. */
  source?: string;
  /** The table's number. Default: 254, the main one. */
  table?: number;
  /** Of several routes, the one with the lowest is taken. */
  metric?: number;
  /** What becomes of the packets. Default: `unicast`. */
  type?: "unicast" | "local" | "broadcast" | "blackhole" | "unreachable" | "prohibit" | "throw";
  /** How far the destination is. Default: from the type, and from whether there is a router. */
  scope?: "global" | "link" | "host";
  /** The most bytes in a packet by this route. */
  mtu?: number;
  /** Takes the router to be on the device's link although no route says so. */
  onLink?: boolean;
  /** For `default` without a router: `inet` or `inet6`. Default: `inet`. */
  family?: "inet" | "inet6";
}

/** A route, as the kernel tells of it. */
export interface RouteInfo {
  /** Where it leads: a prefix or `default`. */
  readonly to: string;
  /** The next router. */
  readonly via?: string;
  /** The index of the device. */
  readonly index?: number;
  /** The address that packets are from. */
  readonly source?: string;
  /** The table's number. */
  readonly table: number;
  /** Its place among several. */
  readonly metric?: number;
  /** `unicast`, `local`, ...; a number for one that has no name here. */
  readonly type: string;
  /** `inet` or `inet6`. */
  readonly family: "inet" | "inet6";
}

const HINTS = {
  EPERM: "it needs CAP_NET_ADMIN over that network namespace",
  EEXIST: "there is such a route; give it another metric, or replace it",
  ENETUNREACH: "the router is not in a network of any device that is up",
  ENETDOWN: "the device is down",
  ESRCH: "there is no such route",
};
const RTMSG_SIZE = 12;

function message(netlink: Netlink, init: RouteInit, type: number, flags: number): MessageBuilder {
  const via = init.via === undefined ? undefined : needAddress(init.via, "route.via");
  const family = init.to !== "default"
    ? familyOf(parsePrefix(init.to, "route.to").address)
    : via !== undefined
    ? familyOf(via)
    : init.family === "inet6"
    ? AF_INET6
    : AF_INET;
  const to = init.to === "default" ? undefined : parsePrefix(init.to, "route.to");
  const kind = TYPES[init.type ?? "unicast"];
  if (kind === undefined) throw new SpecError("route.type", `"${init.type}" is not known`);
  const deletes = type === abi.RTM_DELROUTE;
  // Of a route that is to go, what is not said is not compared.
  const scope = init.scope !== undefined
    ? SCOPES[init.scope]
    : deletes
    ? abi.RT_SCOPE_NOWHERE
    : kind === abi.RTN_LOCAL
    ? abi.RT_SCOPE_HOST
    : via === undefined && kind === abi.RTN_UNICAST && family === AF_INET
    ? abi.RT_SCOPE_LINK
    : abi.RT_SCOPE_UNIVERSE;
  const table = init.table ?? (kind === abi.RTN_LOCAL ? abi.RT_TABLE_LOCAL : abi.RT_TABLE_MAIN);
  const built = new MessageBuilder(type, flags);
  built.u8(family).u8(to?.length ?? 0).u8(0).u8(0)
    .u8(table < 256 ? table : abi.RT_TABLE_UNSPEC).u8(
      deletes ? abi.RTPROT_UNSPEC : abi.RTPROT_STATIC,
    )
    .u8(scope).u8(deletes && init.type === undefined ? abi.RTN_UNSPEC : kind)
    .u32(init.onLink ? abi.RTNH_F_ONLINK : 0);
  if (to !== undefined) built.attribute(abi.RTA_DST, to.address);
  built.attribute32(abi.RTA_TABLE, table);
  if (via !== undefined) {
    if (familyOf(via) === family) built.attribute(abi.RTA_GATEWAY, via);
    else {
      // An IPv4 route by an IPv6 router. RFC 5549.
      const both = new Uint8Array(2 + via.length);
      new DataView(both.buffer).setUint16(0, familyOf(via), true);
      both.set(via, 2);
      built.attribute(abi.RTA_VIA, both);
    }
  }
  if (init.link !== undefined) built.attribute32(abi.RTA_OIF, linkIndex(netlink, init.link));
  if (init.source !== undefined) {
    built.attribute(abi.RTA_PREFSRC, needAddress(init.source, "route.source"));
  }
  if (init.metric !== undefined) built.attribute32(abi.RTA_PRIORITY, init.metric);
  const { mtu } = init;
  if (mtu !== undefined) {
    built.nest(abi.RTA_METRICS, () => built.attribute32(abi.RTAX_MTU, mtu));
  }
  return built;
}

function about(request: string, init: RouteInit) {
  const subject = init.via === undefined ? init.to : `${init.to} via ${init.via}`;
  return { request, subject, hints: HINTS };
}

/** Adds a route. */
export function addRoute(netlink: Netlink, init: RouteInit): void {
  const built = message(netlink, init, abi.RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);
  netlink.request(built, about("RTM_NEWROUTE", init));
}

/** Adds a route, or puts it in the place of one with the same destination and metric. */
export function replaceRoute(netlink: Netlink, init: RouteInit): void {
  const built = message(netlink, init, abi.RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE);
  netlink.request(built, about("RTM_NEWROUTE", init));
}

/** Removes a route. */
export function deleteRoute(netlink: Netlink, init: RouteInit): void {
  netlink.request(message(netlink, init, abi.RTM_DELROUTE, 0), about("RTM_DELROUTE", init));
}

/** A route from the kernel's message about it. */
export function decodeRoute({ payload }: NetlinkMessage): RouteInfo {
  const found = new Attributes(payload, RTMSG_SIZE);
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const bytes = view.getUint8(0) === AF_INET ? 4 : 16;
  const address = (value: Uint8Array<ArrayBuffer> | undefined) =>
    value?.length === 4 || value?.length === 16 ? value : undefined;
  const text = (value: Uint8Array<ArrayBuffer> | undefined) =>
    value === undefined ? undefined : formatAddress(value);
  const to = address(found.bytes(abi.RTA_DST));
  const length = view.getUint8(1);
  const number = view.getUint8(7);
  const named = Object.entries(TYPES).find(([_, type]) => type === number)?.[0];
  return {
    to: to === undefined || to.length !== bytes ? "default" : formatPrefix({ address: to, length }),
    via: text(
      address(found.bytes(abi.RTA_GATEWAY)) ?? address(found.bytes(abi.RTA_VIA)?.subarray(2)),
    ),
    index: found.u32(abi.RTA_OIF),
    source: text(address(found.bytes(abi.RTA_PREFSRC))),
    table: found.u32(abi.RTA_TABLE) ?? view.getUint8(4),
    metric: found.u32(abi.RTA_PRIORITY),
    type: named ?? String(number),
    family: bytes === 4 ? "inet" : "inet6",
  };
}

/** All routes of the namespace, or those of a table. */
export function listRoutes(netlink: Netlink, table?: number): RouteInfo[] {
  const built = new MessageBuilder(abi.RTM_GETROUTE).pad(RTMSG_SIZE);
  return netlink.dump(built, { request: "RTM_GETROUTE" }).map(decodeRoute)
    .filter((found) => table === undefined || found.table === table);
}
