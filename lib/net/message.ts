/**
 * Netlink messages as bytes: a builder, and a decoder that trusts nothing it reads. netlink(7).
 *
 * Everything is in the machine's byte order, which is little-endian on both architectures; what
 * the protocols want in network order has methods of its own.
 *
 * @module
 */

import { SandboxError } from "../errors.ts";
import { NLA_F_NESTED, NLM_F_REQUEST } from "../sys/abi/netlink.ts";

/** The size of `struct nlmsghdr`. */
export const HEADER_SIZE = 16;
const ATTRIBUTE_HEADER = 4;
const TYPE_BITS = 0x3fff;

function aligned(length: number): number {
  return (length + 3) & ~3;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * Builds one message: the fixed part by `u8` to `u32` and `bytes`, then attributes.
 *
 * ```ts
 * import { MessageBuilder } from "@paddock/paddock/net";
 *
 * const message = new MessageBuilder(18, 0).u8(0).pad(15).text(3, "eth0"); // RTM_GETLINK by name
 * console.log(message.finish(1).length); // 16 + 16 + 4 + 8
 * ```
 */
export class MessageBuilder {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #length = HEADER_SIZE;
  /** The message's type, e.g. `RTM_NEWLINK`. */
  readonly type: number;
  /** `NLM_F_*`, or'ed; `NLM_F_REQUEST` is always among them. */
  flags: number;

  /** Begins a message of this type. */
  constructor(type: number, flags = 0) {
    this.type = type;
    this.flags = flags | NLM_F_REQUEST;
  }

  #room(more: number): number {
    const at = this.#length;
    if (at + more > this.#bytes.length) {
      const bytes = new Uint8Array(Math.max(this.#bytes.length * 2, at + more));
      bytes.set(this.#bytes.subarray(0, at));
      this.#bytes = bytes;
      this.#view = new DataView(bytes.buffer);
    }
    this.#length = at + more;
    return at;
  }

  /** Adds a byte. */
  u8(value: number): this {
    const at = this.#room(1);
    this.#view.setUint8(at, value);
    return this;
  }

  /** Adds 16 bits. */
  u16(value: number): this {
    const at = this.#room(2);
    this.#view.setUint16(at, value, true);
    return this;
  }

  /** Adds 32 bits; negative numbers are taken as two's complement. */
  u32(value: number): this {
    const at = this.#room(4);
    this.#view.setUint32(at, value, true);
    return this;
  }

  /** Adds bytes as they are. */
  bytes(value: Uint8Array): this {
    // Not in one expression: making room may replace the buffer.
    const at = this.#room(value.length);
    this.#bytes.set(value, at);
    return this;
  }

  /** Adds so many zeros. */
  pad(count: number): this {
    this.#room(count);
    return this;
  }

  #attribute(type: number, length: number): number {
    this.#room(aligned(this.#length) - this.#length);
    const at = this.#room(ATTRIBUTE_HEADER + length);
    this.#view.setUint16(at, ATTRIBUTE_HEADER + length, true);
    this.#view.setUint16(at + 2, type, true);
    return at + ATTRIBUTE_HEADER;
  }

  /** Adds an attribute of these bytes. */
  attribute(type: number, value: Uint8Array): this {
    if (value.length + ATTRIBUTE_HEADER > 0xffff) {
      throw new SandboxError(`A netlink attribute holds 65531 bytes at most, not ${value.length}`);
    }
    const at = this.#attribute(type, value.length);
    this.#bytes.set(value, at);
    return this;
  }

  /** Adds an attribute without a value. */
  flag(type: number): this {
    this.#attribute(type, 0);
    return this;
  }

  /** Adds an attribute of 8 bits. */
  attribute8(type: number, value: number): this {
    const at = this.#attribute(type, 1);
    this.#view.setUint8(at, value);
    return this;
  }

  /** Adds an attribute of 16 bits. */
  attribute16(type: number, value: number): this {
    const at = this.#attribute(type, 2);
    this.#view.setUint16(at, value, true);
    return this;
  }

  /** Adds an attribute of 16 bits in network order, as ports are. */
  attributeBe16(type: number, value: number): this {
    const at = this.#attribute(type, 2);
    this.#view.setUint16(at, value, false);
    return this;
  }

  /** Adds an attribute of 32 bits. */
  attribute32(type: number, value: number): this {
    const at = this.#attribute(type, 4);
    this.#view.setUint32(at, value, true);
    return this;
  }

  /** Adds an attribute of 32 bits in network order, as nfnetlink wants numbers. */
  attributeBe32(type: number, value: number): this {
    const at = this.#attribute(type, 4);
    this.#view.setUint32(at, value, false);
    return this;
  }

  /** Adds an attribute of 64 bits. */
  attribute64(type: number, value: number | bigint): this {
    const at = this.#attribute(type, 8);
    this.#view.setBigUint64(at, BigInt(value), true);
    return this;
  }

  /** Adds an attribute of text, with the NUL that the kernel wants behind it. */
  text(type: number, value: string): this {
    if (value.includes("\0")) throw new SandboxError(`Text for the kernel holds a NUL: "${value}"`);
    return this.attribute(type, encoder.encode(`${value}\0`));
  }

  /** Adds an attribute that holds what `fill` adds: attributes, or a structure before them. */
  nest(type: number, fill: (message: this) => void): this {
    const start = this.#attribute(type | NLA_F_NESTED, 0);
    fill(this);
    const length = this.#length - start + ATTRIBUTE_HEADER;
    if (length > 0xffff) throw new SandboxError("A nested netlink attribute is over 65535 bytes");
    this.#view.setUint16(start - ATTRIBUTE_HEADER, length, true);
    return this;
  }

  /** The message with its header; `sequence` is how the answer is known. */
  finish(sequence: number): Uint8Array<ArrayBuffer> {
    this.#room(aligned(this.#length) - this.#length);
    this.#view.setUint32(0, this.#length, true);
    this.#view.setUint16(4, this.type, true);
    this.#view.setUint16(6, this.flags, true);
    this.#view.setUint32(8, sequence, true);
    return this.#bytes.slice(0, this.#length);
  }
}

/** One message, as it was received. */
export interface NetlinkMessage {
  /** Its type, e.g. `RTM_NEWLINK` or `NLMSG_ERROR`. */
  readonly type: number;
  /** `NLM_F_*`, or'ed. */
  readonly flags: number;
  /** The number of the request that it answers. */
  readonly sequence: number;
  /** What is behind the header. */
  readonly payload: Uint8Array<ArrayBuffer>;
}

/** Bytes that are no netlink message. */
export class MalformedMessageError extends SandboxError {
  /** The class's name. */
  override name = "MalformedMessageError";
}

function viewOf(bytes: Uint8Array<ArrayBuffer>): DataView<ArrayBuffer> {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * The messages in what one receive gave. Errors: {@linkcode MalformedMessageError} for a length
 * that is too small or leads out of the bytes. The payloads are views, not copies.
 */
export function decodeMessages(bytes: Uint8Array<ArrayBuffer>): NetlinkMessage[] {
  const messages: NetlinkMessage[] = [];
  const view = viewOf(bytes);
  for (let at = 0; at < bytes.length;) {
    const left = bytes.length - at;
    const length = left < HEADER_SIZE ? 0 : view.getUint32(at, true);
    if (length < HEADER_SIZE || length > left) {
      throw new MalformedMessageError(
        `A netlink message of ${length} bytes with ${left} left of what was received`,
      );
    }
    messages.push({
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      sequence: view.getUint32(at + 8, true),
      payload: bytes.subarray(at + HEADER_SIZE, at + length),
    });
    at += aligned(length);
  }
  return messages;
}

/**
 * The attributes of a message, by their numbers. What is missing, or shorter than it is asked as,
 * is `undefined`: newer kernels make attributes longer, and no kernel is trusted to send them.
 */
export class Attributes {
  readonly #found = new Map<number, Uint8Array<ArrayBuffer>>();

  /** Reads the attributes that start `from` bytes into a payload. */
  constructor(bytes: Uint8Array<ArrayBuffer>, from = 0) {
    if (from > bytes.length) {
      throw new MalformedMessageError(`A netlink message of ${bytes.length} bytes, not ${from}`);
    }
    for (const { type, value } of eachAttribute(bytes, from)) this.#found.set(type, value);
  }

  /** The bytes of an attribute. */
  bytes(type: number): Uint8Array<ArrayBuffer> | undefined {
    return this.#found.get(type);
  }

  /** Whether it is there. */
  has(type: number): boolean {
    return this.#found.has(type);
  }

  #view(type: number, length: number): DataView<ArrayBuffer> | undefined {
    const value = this.#found.get(type);
    return value === undefined || value.length < length ? undefined : viewOf(value);
  }

  /** An attribute of 8 bits. */
  u8(type: number): number | undefined {
    return this.#view(type, 1)?.getUint8(0);
  }

  /** An attribute of 16 bits. */
  u16(type: number): number | undefined {
    return this.#view(type, 2)?.getUint16(0, true);
  }

  /** An attribute of 16 bits in network order. */
  be16(type: number): number | undefined {
    return this.#view(type, 2)?.getUint16(0, false);
  }

  /** An attribute of 32 bits. */
  u32(type: number): number | undefined {
    return this.#view(type, 4)?.getUint32(0, true);
  }

  /** An attribute of 32 bits, signed. */
  i32(type: number): number | undefined {
    return this.#view(type, 4)?.getInt32(0, true);
  }

  /** An attribute of 32 bits in network order. */
  be32(type: number): number | undefined {
    return this.#view(type, 4)?.getUint32(0, false);
  }

  /** An attribute of 64 bits. */
  u64(type: number): bigint | undefined {
    return this.#view(type, 8)?.getBigUint64(0, true);
  }

  /** An attribute of text, up to its NUL. */
  text(type: number): string | undefined {
    const value = this.#found.get(type);
    if (value === undefined) return undefined;
    const end = value.indexOf(0);
    return decoder.decode(end < 0 ? value : value.subarray(0, end));
  }

  /** The attributes inside of one; none where it is missing. */
  nested(type: number): Attributes {
    return new Attributes(this.#found.get(type) ?? new Uint8Array());
  }
}

/** Attributes one by one, for lists in which a number comes more than once. */
export function* eachAttribute(
  bytes: Uint8Array<ArrayBuffer>,
  from = 0,
): Generator<{ type: number; value: Uint8Array<ArrayBuffer> }> {
  const view = viewOf(bytes);
  // Padding of less than a header may follow the last one.
  for (let at = from; at + ATTRIBUTE_HEADER <= bytes.length;) {
    const length = view.getUint16(at, true);
    if (length < ATTRIBUTE_HEADER || at + length > bytes.length) {
      throw new MalformedMessageError(
        `A netlink attribute of ${length} bytes with ${bytes.length - at} left of its message`,
      );
    }
    yield {
      type: view.getUint16(at + 2, true) & TYPE_BITS,
      value: bytes.subarray(at + ATTRIBUTE_HEADER, at + length),
    };
    at += aligned(length);
  }
}
