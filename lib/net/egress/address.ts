/**
 * Addresses and ranges of them, in every notation that a client or a resolver could use to smuggle
 * one past a list: the forms of inet_aton(3), IPv4 inside of IPv6, ranges with bits too many.
 *
 * @module
 */

import { SpecError } from "../../errors.ts";

/** An address, with the IPv4 ones that hide in IPv6 (`::ffff:10.0.0.1`) taken out. */
export interface Address {
  /** The version of the protocol. */
  readonly family: 4 | 6;
  /** 4 or 16 bytes in network order. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** In the usual notation: `10.0.0.1`, `2001:db8::1`. */
  readonly text: string;
}

/** The addresses whose first `prefix` bits are those of `bytes`. */
export interface AddressRange {
  /** The version of the protocol. */
  readonly family: 4 | 6;
  /** The range's first address. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** How many bits are common to all of them. */
  readonly prefix: number;
  /** As it was written. */
  readonly text: string;
}

/** The address of 4 or 16 bytes; one that is IPv4 in IPv6's clothes becomes IPv4. */
export function addressFromBytes(bytes: Uint8Array): Address {
  const own = new Uint8Array(bytes);
  if (own.length === 4) return { family: 4, bytes: own, text: own.join(".") };
  const mapped = own.subarray(0, 10).every((byte) => byte === 0) && own[10] === 0xff &&
    own[11] === 0xff;
  if (mapped) return addressFromBytes(own.subarray(12));
  return { family: 6, bytes: own, text: formatIpv6(own) };
}

/** RFC 5952: lower case, the longest run of zeros (of two groups at least) shortened. */
function formatIpv6(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, at) => (bytes[at * 2]! << 8) | bytes[at * 2 + 1]!);
  let best = 0, length = 0;
  for (let start = 0; start < 8; start++) {
    let end = start;
    while (end < 8 && groups[end] === 0) end++;
    if (end - start > length) [best, length] = [start, end - start];
  }
  const hex = (from: number, to?: number) =>
    groups.slice(from, to).map((group) => group.toString(16)).join(":");
  return length < 2 ? hex(0) : `${hex(0, best)}::${hex(best + length)}`;
}

/** One number of an IPv4 address as inet_aton(3) takes it: decimal, `0`octal, `0x`hexadecimal. */
function ipv4Number(text: string): number | undefined {
  if (/^0[xX][0-9a-fA-F]*$/.test(text)) return Number.parseInt(text.slice(2) || "0", 16);
  if (/^0[0-7]*$/.test(text)) return Number.parseInt(text, 8);
  if (/^[1-9][0-9]*$/.test(text)) return Number(text);
  return undefined;
}

/**
 * IPv4 in any form that C programs take: `127.0.0.1`, `2130706433`, `0x7f.1`, `0177.0.0.1`. Not an
 * address at all: `undefined`.
 */
export function parseIpv4(text: string): Address | undefined {
  const parts = text.split(".");
  if (parts.length > 4) return undefined;
  const numbers = parts.map(ipv4Number);
  const last = numbers.pop();
  if (last === undefined || numbers.some((number) => number === undefined || number > 255)) {
    return undefined;
  }
  // The last number fills all bytes that are left.
  if (last >= 256 ** (4 - numbers.length)) return undefined;
  const bytes = new Uint8Array(4);
  bytes.set(numbers as number[]);
  for (let at = 3, rest = last; at >= numbers.length; at--, rest = Math.floor(rest / 256)) {
    bytes[at] = rest % 256;
  }
  return addressFromBytes(bytes);
}

/** IPv6 without brackets and without a zone. */
export function parseIpv6(text: string): Address | undefined {
  const halves = text.split("::");
  if (halves.length > 2 || !/^[0-9a-fA-F:.]+$/.test(text)) return undefined;
  const read = (half: string, isLast: boolean): number[] | undefined => {
    if (half === "") return [];
    const groups: number[] = [];
    const words = half.split(":");
    for (const [index, word] of words.entries()) {
      if (word.includes(".")) {
        // Here only the plain notation, and only at the end.
        const strict = /^(\d{1,3}\.){3}\d{1,3}$/.test(word) && !/(^|\.)0\d/.test(word);
        const inner = strict ? parseIpv4(word)?.bytes : undefined;
        if (inner === undefined || !isLast || index !== words.length - 1) return undefined;
        groups.push((inner[0]! << 8) | inner[1]!, (inner[2]! << 8) | inner[3]!);
      } else if (/^[0-9a-fA-F]{1,4}$/.test(word)) groups.push(Number.parseInt(word, 16));
      else return undefined;
    }
    return groups;
  };
  const head = read(halves[0]!, halves.length === 1);
  const tail = halves.length === 1 ? [] : read(halves[1]!, true);
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...new Array<number>(missing).fill(0), ...tail];
  return addressFromBytes(Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 255])));
}

/** An address as people and resolvers write it. */
export function parseAddress(text: string): Address | undefined {
  if (text.includes(":")) return parseIpv6(text);
  // What a number at the start of a name could be is decided by `parseHost`.
  return /^\d{1,3}(\.\d{1,3}){3}$/.test(text) && !/(^|\.)0\d/.test(text)
    ? parseIpv4(text)
    : undefined;
}

function isZeroAfter(bytes: Uint8Array, prefix: number): boolean {
  return bytes.every((byte, at) =>
    (byte & (0xff >> Math.max(0, Math.min(8, prefix - at * 8)))) === 0
  );
}

/** `10.0.0.0/8`, `fd00::/8`, or one address. Throws a `SpecError` that says how to write it. */
export function parseRange(text: string, field: string): AddressRange {
  if (typeof text !== "string") throw new SpecError(field, 'is a range, e.g. "10.0.0.0/8"');
  const [, base = "", length] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const address = parseAddress(base);
  const bits = address?.family === 4 ? 32 : 128;
  const prefix = length === undefined ? bits : Number(length);
  if (address === undefined || prefix > bits) {
    throw new SpecError(field, `"${text}" is not a range of addresses; write e.g. "10.0.0.0/8"`);
  }
  if (!isZeroAfter(address.bytes, prefix)) {
    const first = address.bytes.map((byte, at) =>
      byte & ~(0xff >> Math.max(0, Math.min(8, prefix - at * 8)))
    );
    throw new SpecError(
      field,
      `"${text}" has bits beyond its prefix; write "${
        addressFromBytes(first).text
      }/${prefix}" or "${base}"`,
    );
  }
  return { family: address.family, bytes: address.bytes, prefix, text };
}

/** Whether the first `prefix` bits are the same. */
function samePrefix(a: Uint8Array, b: Uint8Array, prefix: number): boolean {
  const whole = prefix >> 3, rest = prefix & 7;
  for (let at = 0; at < whole; at++) if (a[at] !== b[at]) return false;
  return rest === 0 || ((a[whole]! ^ b[whole]!) >> (8 - rest)) === 0;
}

/** Whether an address is in a range. */
export function isInRange(address: Address, range: AddressRange): boolean {
  return address.family === range.family && samePrefix(address.bytes, range.bytes, range.prefix);
}

/** Whether all of one range is in another. */
export function isWithin(inner: AddressRange, outer: AddressRange): boolean {
  return inner.family === outer.family && inner.prefix >= outer.prefix &&
    samePrefix(inner.bytes, outer.bytes, outer.prefix);
}
