/**
 * IP addresses, prefixes, hardware addresses and socket addresses, as text and as the kernel's
 * bytes. ip(7), ipv6(7).
 *
 * @module
 */

import { SpecError } from "../errors.ts";
import { AF_INET, AF_INET6 } from "../sys/abi/socket.ts";

/** The bytes of an address: 4 for IPv4, 16 for IPv6. */
export type AddressBytes = Uint8Array<ArrayBuffer>;

/** An address and how many of its bits are the network's. */
export interface Prefix {
  /** The address, with all of its bits. */
  readonly address: AddressBytes;
  /** The network's bits, counted from the front. */
  readonly length: number;
}

function parseIpv4(text: string): AddressBytes | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  // No octal, no hexadecimal, no short forms: 010.1 is another address to each program.
  if (!parts.every((part) => /^(0|[1-9][0-9]{0,2})$/.test(part) && Number(part) < 256)) return;
  return Uint8Array.from(parts, Number);
}

function parseIpv6(text: string): AddressBytes | undefined {
  let words = text;
  let tail: number[] = [];
  const dotted = /^(.*:)([0-9]+\.[0-9.]+)$/.exec(text);
  if (dotted) {
    const last = parseIpv4(dotted[2]!);
    if (last === undefined) return undefined;
    tail = [last[0]! << 8 | last[1]!, last[2]! << 8 | last[3]!];
    // The colon before it belongs to a "::", or divides.
    words = dotted[1]!.endsWith("::") ? dotted[1]! : dotted[1]!.slice(0, -1);
  }
  const halves = words.split("::");
  if (halves.length > 2) return undefined;
  const groups = halves.map((half) => half === "" ? [] : half.split(":"));
  if (!groups.flat().every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return undefined;
  const [head, rest] = groups.map((half) => half.map((group) => parseInt(group, 16)));
  const known = (head?.length ?? 0) + (rest?.length ?? 0) + tail.length;
  if (halves.length === 1 ? known !== 8 : known > 7) return undefined;
  const all = [...head!, ...new Array(8 - known).fill(0), ...(rest ?? []), ...tail];
  return Uint8Array.from(all.flatMap((word) => [word >> 8, word & 255]));
}

/** The bytes of an address, or `undefined` if the text is none. Zones (`%eth0`) are not taken. */
export function parseAddress(text: string): AddressBytes | undefined {
  return parseIpv4(text) ?? parseIpv6(text);
}

/** The bytes of an address. Errors: `SpecError` that names `field`. */
export function needAddress(text: string, field: string): AddressBytes {
  const bytes = typeof text === "string" ? parseAddress(text) : undefined;
  if (bytes === undefined) throw new SpecError(field, `"${text}" is not an IPv4 or IPv6 address`);
  return bytes;
}

/** An address as text; IPv6 as RFC 5952 writes it. */
export function formatAddress(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  if (bytes.length !== 16) throw new TypeError(`An address has 4 or 16 bytes, not ${bytes.length}`);
  const words = Array.from({ length: 8 }, (_, at) => bytes[at * 2]! << 8 | bytes[at * 2 + 1]!);
  // The longest run of two zeros at least, the first one of several.
  let best = { at: 0, length: 1 };
  for (let at = 0; at < 8; at++) {
    let length = 0;
    while (at + length < 8 && words[at + length] === 0) length++;
    if (length > best.length) best = { at, length };
    at += length;
  }
  const hex = (part: number[]) => part.map((word) => word.toString(16)).join(":");
  if (best.length < 2) return hex(words);
  return `${hex(words.slice(0, best.at))}::${hex(words.slice(best.at + best.length))}`;
}

/** The bytes and the length of `10.0.0.2/24`; without a length, all bits. */
export function parsePrefix(text: string, field: string): Prefix {
  const [host, bits, ...more] = String(text).split("/");
  const address = parseAddress(host!);
  const most = (address?.length ?? 0) * 8;
  const length = bits === undefined ? most : /^(0|[1-9][0-9]{0,2})$/.test(bits) ? Number(bits) : -1;
  if (address === undefined || more.length > 0 || length < 0 || length > most) {
    throw new SpecError(field, `"${text}" is not an address with a prefix, e.g. 10.0.0.2/24`);
  }
  return { address, length };
}

/** A prefix as text. */
export function formatPrefix({ address, length }: Prefix): string {
  return `${formatAddress(address)}/${length}`;
}

/** `AF_INET` or `AF_INET6`. */
export function familyOf(address: Uint8Array): number {
  return address.length === 4 ? AF_INET : AF_INET6;
}

/** Whether an address is in a prefix. */
export function isWithin(address: Uint8Array, prefix: Prefix): boolean {
  if (address.length !== prefix.address.length) return false;
  return address.every((byte, index) => {
    const bits = Math.min(8, Math.max(0, prefix.length - index * 8));
    return ((byte ^ prefix.address[index]!) & (0xff00 >> bits)) === 0;
  });
}

/** The address that many places behind the prefix's first one, e.g. 1 for the first host. */
export function addressAt(prefix: Prefix, place: number): AddressBytes {
  const bytes = prefix.address.slice();
  for (let index = 0; index < bytes.length; index++) {
    const bits = Math.min(8, Math.max(0, prefix.length - index * 8));
    bytes[index]! &= 0xff00 >> bits;
  }
  let rest = place;
  for (let index = bytes.length - 1; index >= 0 && rest > 0; index--) {
    rest += bytes[index]!;
    bytes[index] = rest & 255;
    rest = Math.floor(rest / 256);
  }
  return bytes;
}

/** The six bytes of a hardware address such as `02:00:0a:00:00:02`. */
export function parseHardwareAddress(text: string, field: string): Uint8Array<ArrayBuffer> {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text)) {
    throw new SpecError(field, `"${text}" is not a hardware address, e.g. 02:00:00:00:00:01`);
  }
  return Uint8Array.from(text.split(":"), (byte) => parseInt(byte, 16));
}

/** A hardware address as text. */
export function formatHardwareAddress(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(":");
}

/** `struct sockaddr_in` or `sockaddr_in6`, for bind, connect and sendto. */
export function socketAddress(address: Uint8Array, port: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(address.length === 4 ? 16 : 28);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, familyOf(address), true);
  view.setUint16(2, port, false);
  bytes.set(address, address.length === 4 ? 4 : 8);
  return bytes;
}

/** The address and port in a `struct sockaddr_in` or `sockaddr_in6`; `undefined` for another. */
export function decodeSocketAddress(
  bytes: Uint8Array<ArrayBuffer>,
): { address: AddressBytes; port: number } | undefined {
  if (bytes.length < 16) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const family = view.getUint16(0, true);
  const port = view.getUint16(2, false);
  if (family === AF_INET) return { address: bytes.slice(4, 8), port };
  if (family === AF_INET6 && bytes.length >= 28) return { address: bytes.slice(8, 24), port };
}
