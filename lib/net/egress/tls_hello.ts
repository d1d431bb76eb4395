/**
 * Reads the name that a TLS client asks for (SNI) out of its first message. RFC 8446 section 4.1.2,
 * RFC 6066 section 3.
 *
 * @module
 */

/** What the first bytes of a connection are. */
export type Hello =
  /** More bytes are needed. */
  | { readonly kind: "incomplete" }
  /** Not a well-formed ClientHello. */
  | { readonly kind: "bad"; readonly reason: string }
  /** A ClientHello; `name` as it came, if it has one. */
  | { readonly kind: "hello"; readonly name: string | undefined };

/** The first byte of a handshake record. */
export const TLS_HANDSHAKE = 22;
const CLIENT_HELLO = 1, SERVER_NAME = 0, HOST_NAME = 0;
/** With post-quantum keys a hello has 2 KiB; no client's has more than this. */
const LARGEST_HELLO = 64 * 1024;
/** A hello may come in several records, but not in crumbs without end. */
const MOST_RECORDS = 128;

const bad = (reason: string): Hello => ({ kind: "bad", reason });

/** Reads numbers and vectors; a read past the end throws a `RangeError`. */
class Reader {
  #at = 0;
  constructor(readonly bytes: Uint8Array) {}

  get left(): number {
    return this.bytes.length - this.#at;
  }

  number(width: number): number {
    let value = 0;
    for (const byte of this.take(width)) value = value * 256 + byte;
    return value;
  }

  take(length: number): Uint8Array {
    if (length > this.left) throw new RangeError("past the end");
    return this.bytes.subarray(this.#at, this.#at += length);
  }

  /** A vector whose length comes first, in so many bytes. */
  vector(width: number): Reader {
    return new Reader(this.take(this.number(width)));
  }
}

/** The handshake message at the start, put together from its records. */
function handshake(bytes: Uint8Array): Uint8Array | Hello {
  const parts: Uint8Array[] = [];
  let have = 0, at = 0;
  for (let records = 0; records < MOST_RECORDS; records++) {
    if (bytes.length > at && bytes[at] !== TLS_HANDSHAKE) return bad("a record is no handshake");
    if (bytes.length > at + 1 && bytes[at + 1] !== 3) return bad("the version is not TLS");
    if (bytes.length < at + 5) return { kind: "incomplete" };
    const length = (bytes[at + 3]! << 8) | bytes[at + 4]!;
    if (length === 0 || length > 16384 + 256) return bad("a record has an impossible length");
    const part = bytes.subarray(at + 5, at + 5 + length);
    parts.push(part);
    have += part.length;
    at += 5 + length;
    const start = have < 4 ? undefined : joined(parts, 4);
    if (start !== undefined) {
      if (start[0] !== CLIENT_HELLO) return bad("the first message is no ClientHello");
      const size = 4 + ((start[1]! << 16) | (start[2]! << 8) | start[3]!);
      if (size > LARGEST_HELLO) return bad("the ClientHello is too long");
      if (have >= size) return joined(parts, size).subarray(4);
    }
    if (part.length < length) return { kind: "incomplete" };
  }
  return bad("the ClientHello is in too many records");
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    const piece = part.subarray(0, length - at);
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

function serverName(extension: Reader): string | Hello {
  const list = extension.vector(2);
  if (extension.left > 0) return bad("bytes follow the server's name");
  const type = list.number(1);
  const name = list.vector(2).bytes;
  if (type !== HOST_NAME || list.left > 0) return bad("there are several server names");
  if (name.length === 0 || name.some((byte) => byte <= 0x20 || byte >= 0x7f)) {
    return bad("the server's name is not ASCII");
  }
  return String.fromCharCode(...name);
}

/** Reads a ClientHello. */
export function parseHello(bytes: Uint8Array): Hello {
  const body = handshake(bytes);
  if (!(body instanceof Uint8Array)) return body;
  try {
    const reader = new Reader(body);
    reader.take(2 + 32); // legacy_version, random
    reader.vector(1); // legacy_session_id
    reader.vector(2); // cipher_suites
    reader.vector(1); // legacy_compression_methods
    if (reader.left === 0) return { kind: "hello", name: undefined };
    const extensions = reader.vector(2);
    if (reader.left > 0) return bad("bytes follow the extensions");
    let name: string | undefined;
    while (extensions.left > 0) {
      const type = extensions.number(2);
      const extension = extensions.vector(2);
      if (type !== SERVER_NAME) continue;
      if (name !== undefined) return bad("there are several server names");
      const found = serverName(extension);
      if (typeof found !== "string") return found;
      name = found;
    }
    return { kind: "hello", name };
  } catch (error) {
    if (error instanceof RangeError) return bad("a length points past the end");
    throw error;
  }
}
