/**
 * DNS messages, as much of them as a resolver needs that knows addresses and names. RFC 1035.
 *
 * @module
 */

/** Types of records. */
export const RecordType = { A: 1, PTR: 12, AAAA: 28, ANY: 255 } as const;
/** Codes of a response. */
export const ResponseCode = {
  NO_ERROR: 0,
  FORMAT_ERROR: 1,
  SERVER_FAILURE: 2,
  NAME_ERROR: 3,
  NOT_IMPLEMENTED: 4,
  REFUSED: 5,
} as const;

const HEADER = 12, IN = 1, LONGEST_NAME = 255;

/** A question. */
export interface Query {
  readonly id: number;
  /** Whether the client wishes recursion: it is told back. */
  readonly recursion: boolean;
  /** In the client's capitals, without a dot at the end. */
  readonly name: string;
  readonly type: number;
  /** The question's bytes, to be told back. */
  readonly question: Uint8Array;
}

/** A message that is no question: the code for the answer, if it can be answered at all. */
export interface BadQuery {
  readonly id: number;
  readonly code: number;
}

/** The question in a message; `undefined` for what deserves no answer. */
export function parseQuery(bytes: Uint8Array): Query | BadQuery | undefined {
  if (bytes.length < HEADER) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const id = view.getUint16(0), flags = view.getUint16(2);
  // An answer is never answered: two resolvers could keep each other busy for ever.
  if (flags & 0x8000) return undefined;
  if ((flags & 0x7800) !== 0) return { id, code: ResponseCode.NOT_IMPLEMENTED };
  if (view.getUint16(4) !== 1 || view.getUint16(6) !== 0) {
    return { id, code: ResponseCode.FORMAT_ERROR };
  }
  const labels: string[] = [];
  let at = HEADER;
  for (;;) {
    const length = bytes[at];
    // A pointer has nothing to point to in a message with one question.
    if (length === undefined || length > 63 || at + length - HEADER > LONGEST_NAME) {
      return { id, code: ResponseCode.FORMAT_ERROR };
    }
    at++;
    if (length === 0) break;
    const label = bytes.subarray(at, at + length);
    // A dot within a label would look like two labels.
    if (label.length < length || label.includes(0x2e)) {
      return { id, code: ResponseCode.FORMAT_ERROR };
    }
    labels.push(String.fromCharCode(...label));
    at += length;
  }
  if (bytes.length < at + 4) return { id, code: ResponseCode.FORMAT_ERROR };
  if (view.getUint16(at + 2) !== IN) return { id, code: ResponseCode.REFUSED };
  return {
    id,
    recursion: (flags & 0x0100) !== 0,
    name: labels.join("."),
    type: view.getUint16(at),
    question: bytes.subarray(HEADER, at + 4),
  };
}

/** A name in the form of a message. */
export function encodeName(name: string): Uint8Array<ArrayBuffer> {
  const labels = name.split(".").filter(Boolean);
  const bytes = labels.flatMap((label) => [label.length, ...new TextEncoder().encode(label)]);
  return Uint8Array.from([...bytes, 0]);
}

/** An answer with records of the question's own type: each is the data of one. */
export function encodeResponse(
  query: Query | BadQuery,
  code: number,
  records: readonly Uint8Array[] = [],
  ttl = 60,
): Uint8Array<ArrayBuffer> {
  const question = "question" in query ? query.question : new Uint8Array();
  const size = records.reduce((sum, data) => sum + 12 + data.length, HEADER + question.length);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  const recursion = "recursion" in query && query.recursion ? 0x0100 : 0;
  view.setUint16(0, query.id);
  view.setUint16(2, 0x8080 | recursion | code); // response, recursion available
  view.setUint16(4, question.length > 0 ? 1 : 0);
  view.setUint16(6, records.length);
  bytes.set(question, HEADER);
  let at = HEADER + question.length;
  for (const data of records) {
    view.setUint16(at, 0xc000 | HEADER); // the question's name
    view.setUint16(at + 2, "type" in query ? query.type : 0);
    view.setUint16(at + 4, IN);
    view.setUint32(at + 6, ttl);
    view.setUint16(at + 10, data.length);
    bytes.set(data, at + 12);
    at += 12 + data.length;
  }
  return bytes;
}
