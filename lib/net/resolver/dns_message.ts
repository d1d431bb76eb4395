/**
 * As much of DNS messages as a resolver of local names needs: the question, and an answer to it.
 * RFC 1035.
 *
 * @module
 */

import type { AddressBytes } from "../ip_address.ts";

/** A question. */
export interface DnsQuestion {
  /** The name in lower case, without a dot at its end. */
  readonly name: string;
  /** The type: 1 is A, 28 is AAAA. */
  readonly type: number;
  /** Where the question ends in the message. */
  readonly end: number;
}

/** The type of IPv4 addresses. */
export const TYPE_A = 1;
/** The type of IPv6 addresses. */
export const TYPE_AAAA = 28;

/** Answer codes. */
export const NO_ERROR = 0, SERVER_FAILURE = 2, NAME_ERROR = 3;

const HEADER = 12;
const CLASS_IN = 1;
const TTL_SECONDS = 5;

/** The one question of a query, or `undefined` for anything else. */
export function decodeQuestion(bytes: Uint8Array<ArrayBuffer>): DnsQuestion | undefined {
  if (bytes.length < HEADER) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // A query, of the standard kind, with one question.
  if ((view.getUint16(2) & 0xf800) !== 0 || view.getUint16(4) !== 1) return undefined;
  const labels: string[] = [];
  let at = HEADER;
  for (;;) {
    const length = bytes[at];
    if (length === undefined || length > 63) return undefined;
    at += 1 + length;
    if (length === 0) break;
    if (at > bytes.length || at - HEADER > 255) return undefined;
    labels.push(String.fromCharCode(...bytes.subarray(at - length, at)));
  }
  if (at + 4 > bytes.length || view.getUint16(at + 2) !== CLASS_IN) return undefined;
  return { name: labels.join(".").toLowerCase(), type: view.getUint16(at), end: at + 4 };
}

/** An answer with addresses of the question's type, or with a code that says why there is none. */
export function encodeAnswer(
  query: Uint8Array<ArrayBuffer>,
  question: DnsQuestion,
  addresses: readonly AddressBytes[],
  code: number = NO_ERROR,
): Uint8Array<ArrayBuffer> {
  const size = question.type === TYPE_A ? 4 : question.type === TYPE_AAAA ? 16 : -1;
  const fitting = addresses.filter(({ length }) => length === size).slice(0, 16);
  const answer = new Uint8Array(question.end + fitting.length * (12 + Math.max(0, size)));
  answer.set(query.subarray(0, question.end));
  const view = new DataView(answer.buffer);
  // An answer, with the query's own wish for recursion, which is to be had.
  view.setUint16(2, 0x8080 | (view.getUint16(2) & 0x0100) | code);
  view.setUint16(6, fitting.length);
  view.setUint32(8, 0);
  let at = question.end;
  for (const address of fitting) {
    view.setUint16(at, 0xc000 | HEADER); // the question's name
    view.setUint16(at + 2, question.type);
    view.setUint16(at + 4, CLASS_IN);
    view.setUint32(at + 6, TTL_SECONDS);
    view.setUint16(at + 10, address.length);
    answer.set(address, at + 12);
    at += 12 + address.length;
  }
  return answer;
}
