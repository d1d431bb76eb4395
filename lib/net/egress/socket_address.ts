/**
 * `struct sockaddr_in` and `struct sockaddr_in6`. ip(7), ipv6(7).
 *
 * @module
 */

import { AF_INET, AF_INET6 } from "../../sys/abi/socket.ts";
import { type Address, addressFromBytes } from "./address.ts";

/** The room that any of them needs. */
export const SOCKET_ADDRESS_SIZE = 28;

/** An address and a port, as bind(2) and connect(2) take them. */
export function encodeSocketAddress(
  { family, bytes }: Address,
  port: number,
): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(family === 4 ? 16 : 28);
  const view = new DataView(out.buffer);
  // The family is in the machine's byte order; the port never is.
  view.setUint16(0, family === 4 ? AF_INET : AF_INET6, true);
  view.setUint16(2, port);
  out.set(bytes, family === 4 ? 4 : 8);
  return out;
}

/** What accept(2), recvfrom(2) and getsockname(2) fill in. */
export function decodeSocketAddress(
  bytes: Uint8Array<ArrayBuffer>,
): { address: Address; port: number } | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const family = view.getUint16(0, true), port = view.getUint16(2);
  if (family === AF_INET) return { address: addressFromBytes(bytes.subarray(4, 8)), port };
  if (family === AF_INET6) return { address: addressFromBytes(bytes.subarray(8, 24)), port };
  return undefined;
}
