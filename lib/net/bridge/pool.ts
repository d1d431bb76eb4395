/**
 * Which network a bridge has, and which addresses in it sandboxes get.
 *
 * @module
 */

import { SandboxError, SpecError } from "../../errors.ts";
import { listAddresses } from "../address.ts";
import { addressAt, isWithin, parsePrefix, type Prefix } from "../ip_address.ts";
import type { Netlink } from "../netlink.ts";
import { listRoutes } from "../route.ts";

/** Bridges get a part each of this network: a thousand sandboxes, as many as a bridge has ports. */
const ALL = parsePrefix("10.213.0.0/16", "pool");
const PART_BITS = 22, PARTS = 1 << (PART_BITS - ALL.length);
/** The network of unique local addresses that goes with it. RFC 4193. */
const ALL6 = "fd70:6164:646f";

/** A small number from a text, the same each time. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const char of text) value = Math.imul(value ^ char.codePointAt(0)!, 0x01000193) >>> 0;
  return value;
}

function overlaps(a: Prefix, b: Prefix): boolean {
  const wide = a.length < b.length ? a : b, narrow = wide === a ? b : a;
  return isWithin(narrow.address, wide);
}

/** What is in use on this host: addresses of devices, and routes but the default ones. */
function taken(netlink: Netlink): Prefix[] {
  const routes = listRoutes(netlink).filter(({ to, table }) => to !== "default" && table !== 255);
  return [...listAddresses(netlink).map(({ address }) => address), ...routes.map(({ to }) => to)]
    .filter((text) => text !== "").map((text) => parsePrefix(text, "address"))
    .filter(({ length }) => length > 0);
}

/** Finds a network for a new bridge: the one that was asked for, or a free one. */
export function chooseSubnet(netlink: Netlink, device: string, wanted?: string): Prefix {
  const used = taken(netlink);
  if (wanted !== undefined) {
    const subnet = parsePrefix(wanted, "network.subnet");
    if (subnet.address.length !== 4 || subnet.length > 29 || subnet.length < 8) {
      throw new SpecError("network.subnet", `"${wanted}" is not an IPv4 network of /8 to /29`);
    }
    const clash = used.find((other) => overlaps(subnet, other));
    if (clash !== undefined) {
      throw new SpecError("network.subnet", `"${wanted}" is in use on this host; take another`);
    }
    return { address: addressAt(subnet, 0), length: subnet.length };
  }
  const start = hash(device) % PARTS;
  for (let index = 0; index < PARTS; index++) {
    const place = (start + index) % PARTS << (32 - PART_BITS);
    const subnet = { address: addressAt(ALL, place), length: PART_BITS };
    if (!used.some((other) => overlaps(subnet, other))) return subnet;
  }
  throw new SandboxError(
    "All networks of 10.213.0.0/16 are in use on this host; set network.subnet",
  );
}

/** The IPv6 network that goes with an IPv4 one. */
export function subnet6(subnet: Prefix): Prefix {
  const [, , third, fourth] = subnet.address;
  const own = isWithin(subnet.address, ALL);
  const id = own ? third! : 0x100 | (hash([...subnet.address].join()) & 0xfeff);
  return parsePrefix(`${ALL6}:${(own ? id : id ^ fourth!).toString(16)}::/64`, "pool");
}

/** Places in a network that sandboxes get. */
export interface PlaceRange {
  /** The router's. */
  readonly gateway: number;
  /** The first one for sandboxes. */
  readonly first: number;
  /** How many there are for sandboxes. */
  readonly count: number;
}

/** The places of a network, or of this host's part of it. The first one is the router's. */
export function placesOf(subnet: Prefix, pool?: Prefix): PlaceRange {
  const part = pool ?? subnet;
  const base = numberOf(part.address, part.length) - numberOf(subnet.address, subnet.length);
  const size = 2 ** (32 - part.length);
  const end = base + size === 2 ** (32 - subnet.length) ? base + size - 1 : base + size;
  const gateway = base === 0 ? 1 : base;
  return { gateway, first: gateway + 1, count: Math.min(end - gateway - 1, 1022) };
}

function numberOf(address: Uint8Array, length: number): number {
  const all = new DataView(address.buffer, address.byteOffset).getUint32(0);
  return Math.floor(all / 2 ** (32 - length)) * 2 ** (32 - length);
}
