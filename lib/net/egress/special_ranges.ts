/**
 * The addresses that no name may lead to, unless they are listed themselves: this machine, its
 * neighbours, the cloud's metadata services, and what is not one machine on the internet.
 *
 * @module
 */

import {
  type Address,
  addressFromBytes,
  type AddressRange,
  isInRange,
  parseRange,
} from "./address.ts";

/** A range that is refused, and what is there. */
export interface SpecialRange {
  /** What errors and the log call it. */
  readonly name: string;
  /** Where it is. */
  readonly range: AddressRange;
}

// The first that holds names the reason, so the narrow ones come first.
// IANA's special-purpose registries (RFC 6890), and the metadata services of the large clouds.
const TABLE: readonly (readonly [name: string, ...ranges: string[]])[] = [
  [
    "a metadata service",
    "169.254.169.254",
    "169.254.170.2",
    "169.254.170.23",
    "169.254.169.253",
    "168.63.129.16",
    "100.100.100.200",
    "192.0.0.192",
    "fd00:ec2::254",
    "fd00:ec2::23",
    "fd20:ce::254",
  ],
  ["loopback", "127.0.0.0/8", "::1"],
  ["unspecified", "0.0.0.0/8", "::"],
  ["link-local", "169.254.0.0/16", "fe80::/10"],
  ["private", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fec0::/10"],
  ["shared by a provider", "100.64.0.0/10"],
  ["multicast", "224.0.0.0/4", "ff00::/8"],
  [
    "for documentation",
    "192.0.2.0/24",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "2001:db8::/32",
    "3fff::/20",
  ],
  ["for benchmarks", "198.18.0.0/15", "2001:2::/48"],
  // They carry an IPv4 address that the way out would take out again.
  ["a tunnel", "2002::/16", "2001::/32", "64:ff9b:1::/48", "192.88.99.0/24"],
  ["reserved", "192.0.0.0/24", "240.0.0.0/4", "2001::/23", "100::/64", "5f00::/16"],
];

let table: readonly SpecialRange[] | undefined;

/** All of them. */
export function specialRanges(): readonly SpecialRange[] {
  return table ??= TABLE.flatMap(([name, ...ranges]) =>
    ranges.map((text) => ({ name, range: parseRange(text, "special") }))
  );
}

const NAT64 = [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0];

/** IPv4 behind a translator (RFC 6052) is what is reached in the end. */
export function translated(address: Address): Address {
  const isTranslated = address.family === 6 &&
    NAT64.every((byte, at) => address.bytes[at] === byte);
  return isTranslated ? addressFromBytes(address.bytes.subarray(12)) : address;
}

/** The special range that an address is in. */
export function specialRange(address: Address): SpecialRange | undefined {
  const found = specialRanges().find(({ range }) => isInRange(address, range));
  if (found !== undefined || address.family === 4) return found;
  // Of IPv6, only 2000::/3 is given out to machines on the internet.
  if (address.bytes[0]! >> 5 === 1) return undefined;
  return { name: "reserved", range: parseRange(address.text, "special") };
}
