/**
 * The messages of SOCKS version 5. RFC 1928.
 *
 * @module
 */

import { addressFromBytes } from "./address.ts";
import { type Host, parseHost } from "./host_name.ts";

/** The first byte. */
export const SOCKS5 = 5;
/** The command that opens a TCP connection; the others, which need UDP or listen, are refused. */
export const CONNECT = 1;

/** The codes of a reply. */
export const Reply = {
  SUCCEEDED: 0,
  GENERAL_FAILURE: 1,
  NOT_ALLOWED: 2,
  NETWORK_UNREACHABLE: 3,
  HOST_UNREACHABLE: 4,
  CONNECTION_REFUSED: 5,
  COMMAND_NOT_SUPPORTED: 7,
  ADDRESS_TYPE_NOT_SUPPORTED: 8,
} as const;

/** The greeting at the start: whether a client can do without a password; its length. */
export function parseGreeting(
  bytes: Uint8Array,
): { withoutPassword: boolean; length: number } | undefined {
  if (bytes.length < 2 || bytes.length < 2 + bytes[1]!) return undefined;
  const length = 2 + bytes[1]!;
  return { withoutPassword: bytes.subarray(2, length).includes(0), length };
}

/** What the client wants. */
export interface SocksRequest {
  readonly command: number;
  /** Nothing if it is no host at all. */
  readonly host: Host | undefined;
  readonly port: number;
  readonly length: number;
}

/** The request at the start; a number is the reply to one that makes no sense. */
export function parseSocksRequest(bytes: Uint8Array): SocksRequest | number | undefined {
  if (bytes.length < 5) return undefined;
  const [version, command, reserved, type, first] = bytes;
  if (version !== SOCKS5 || reserved !== 0) return Reply.GENERAL_FAILURE;
  const [start, size] = type === 1
    ? [4, 4]
    : type === 4
    ? [4, 16]
    : type === 3
    ? [5, first!]
    : [0, 0];
  if (start === 0) return Reply.ADDRESS_TYPE_NOT_SUPPORTED;
  const length = start + size + 2;
  if (bytes.length < length) return undefined;
  const field = bytes.subarray(start, start + size);
  return {
    command: command!,
    host: type === 3
      ? parseHost(String.fromCharCode(...field))
      : { address: addressFromBytes(field) },
    port: (bytes[length - 2]! << 8) | bytes[length - 1]!,
    length,
  };
}

/** A reply; the address in it is of no use to anybody, and is zero. */
export function socksReply(code: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(SOCKS5, code, 0, 1, 0, 0, 0, 0, 0, 0);
}
