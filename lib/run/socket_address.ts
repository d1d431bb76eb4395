/**
 * `struct sockaddr` of the families that a sandbox has. ip(7), ipv6(7), unix(7), netlink(7).
 *
 * @module
 */

import { AF_INET, AF_INET6, AF_UNIX } from "../sys/abi/socket.ts";

/** Where a socket is to be connected or bound to. */
export type SocketAddress =
  | { readonly family: "inet" | "inet6"; readonly address: string; readonly port: number }
  | { readonly family: "unix"; readonly path: string; readonly abstract: boolean }
  | { readonly family: number; readonly bytes: Uint8Array };

function inet6(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const groups = Array.from({ length: 8 }, (_, index) => view.getUint16(index * 2).toString(16));
  // The URL parser writes addresses as RFC 5952 wants them.
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}

/** Takes the bytes apart; what is cut short or of another family stays bytes. */
export function decodeSocketAddress(bytes: Uint8Array): SocketAddress {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const family = bytes.length >= 2 ? view.getUint16(0, true) : 0;
  if (family === AF_INET && bytes.length >= 8) {
    return { family: "inet", address: bytes.subarray(4, 8).join("."), port: view.getUint16(2) };
  }
  if (family === AF_INET6 && bytes.length >= 24) {
    return { family: "inet6", address: inet6(bytes.subarray(8, 24)), port: view.getUint16(2) };
  }
  if (family === AF_UNIX) {
    const name = bytes.subarray(2);
    const abstract = name[0] === 0;
    const end = abstract ? -1 : name.indexOf(0);
    const text = name.subarray(abstract ? 1 : 0, end < 0 ? undefined : end);
    return { family: "unix", path: new TextDecoder().decode(text), abstract };
  }
  return { family, bytes };
}
