/**
 * Decodes netlink messages, and trusts nothing that it reads. netlink(7).
 *
 * @module
 */

import { SandboxError } from "../errors.ts";
import { aligned, ATTRIBUTE_HEADER, HEADER_SIZE } from "./message_builder.ts";

export { HEADER_SIZE, MessageBuilder } from "./message_builder.ts";

const TYPE_BITS = 0x3fff;
const decoder = new TextDecoder();

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
