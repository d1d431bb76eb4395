/**
 * Builds netlink messages. netlink(7).
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
/** The size of `struct nlattr`. */
export const ATTRIBUTE_HEADER = 4;

/** A length rounded up to where the next header may be. */
export function aligned(length: number): number {
  return (length + 3) & ~3;
}

const encoder = new TextEncoder();

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
