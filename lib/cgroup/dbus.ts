/**
 * As much of D-Bus as one call to systemd takes: a connection over a Unix socket, a method call, and
 * its answer. Values are little-endian and aligned to their size. D-Bus Specification, "Message
 * Protocol" and "Authentication Protocol".
 *
 * @module
 */

import { SandboxError } from "../errors.ts";

const METHOD_CALL = 1, METHOD_RETURN = 2, ERROR = 3;
const PATH = 1,
  INTERFACE = 2,
  MEMBER = 3,
  ERROR_NAME = 4,
  REPLY_SERIAL = 5,
  DESTINATION = 6,
  SIGNATURE = 8;
const LARGEST_MESSAGE = 1 << 20;

/** A value with its D-Bus type. */
export type DbusValue =
  | { type: "s" | "o" | "g"; value: string }
  | { type: "u"; value: number }
  | { type: "b"; value: boolean }
  | { type: "v"; value: DbusValue }
  | { type: "a"; of: string; value: DbusValue[] }
  | { type: "("; value: DbusValue[] };

/** The signature of a value. */
export function signatureOf(value: DbusValue): string {
  if (value.type === "a") return `a${value.of}`;
  if (value.type === "(") return `(${value.value.map(signatureOf).join("")})`;
  return value.type;
}

const ALIGNMENT: Readonly<Record<string, number>> = {
  s: 4,
  o: 4,
  g: 1,
  u: 4,
  b: 4,
  v: 1,
  a: 4,
  "(": 8,
};

/** Puts values behind each other. */
export class DbusWriter {
  readonly #bytes: number[] = [];

  get length(): number {
    return this.#bytes.length;
  }

  /** Fills up to a multiple. */
  align(to: number): void {
    while (this.#bytes.length % to !== 0) this.#bytes.push(0);
  }

  /** A byte. */
  byte(value: number): void {
    this.#bytes.push(value & 0xff);
  }

  /** A 32-bit number. */
  u32(value: number): void {
    this.align(4);
    for (const shift of [0, 8, 16, 24]) this.byte(value >>> shift);
  }

  /** Any value. */
  put(value: DbusValue): void {
    this.align(ALIGNMENT[value.type]!);
    if (value.type === "u") this.u32(value.value);
    else if (value.type === "b") this.u32(value.value ? 1 : 0);
    else if (value.type === "s" || value.type === "o") {
      const text = new TextEncoder().encode(value.value);
      this.u32(text.length);
      this.#bytes.push(...text, 0);
    } else if (value.type === "g") {
      const text = new TextEncoder().encode(value.value);
      this.byte(text.length);
      this.#bytes.push(...text, 0);
    } else if (value.type === "v") {
      this.put({ type: "g", value: signatureOf(value.value) });
      this.put(value.value);
    } else if (value.type === "(") {
      for (const part of value.value) this.put(part);
    } else if (value.type === "a") {
      this.u32(0);
      const lengthAt = this.#bytes.length - 4;
      this.align(ALIGNMENT[value.of[0]!]!);
      const start = this.#bytes.length;
      for (const part of value.value) this.put(part);
      const length = this.#bytes.length - start;
      [0, 8, 16, 24].forEach((shift, index) => {
        this.#bytes[lengthAt + index] = (length >>> shift) & 0xff;
      });
    }
  }

  /** All of it. */
  take(): Uint8Array<ArrayBuffer> {
    return Uint8Array.from(this.#bytes);
  }
}

/** A method to call. */
export interface DbusCall {
  destination?: string;
  path: string;
  interface: string;
  member: string;
  arguments: DbusValue[];
}

/** A method call as bytes. */
export function encodeCall(call: DbusCall, serial: number): Uint8Array<ArrayBuffer> {
  const body = new DbusWriter();
  for (const value of call.arguments) body.put(value);
  const field = (code: number, value: DbusValue): DbusValue => ({
    type: "(",
    value: [{ type: "u", value: code }, { type: "v", value }],
  });
  const fields = [
    field(PATH, { type: "o", value: call.path }),
    field(INTERFACE, { type: "s", value: call.interface }),
    field(MEMBER, { type: "s", value: call.member }),
    ...(call.destination === undefined
      ? []
      : [field(DESTINATION, { type: "s", value: call.destination })]),
    ...(call.arguments.length === 0 ? [] : [field(SIGNATURE, {
      type: "g",
      value: call.arguments.map(signatureOf).join(""),
    })]),
  ];
  const head = new DbusWriter();
  for (const byte of ["l".charCodeAt(0), METHOD_CALL, 0, 1]) head.byte(byte);
  head.u32(body.length);
  head.u32(serial);
  // The fields are an array of (yv): a byte, which is not aligned, and a variant.
  const list = new DbusWriter();
  for (const entry of fields) {
    list.align(8);
    const [code, variant] = (entry as { value: DbusValue[] }).value;
    list.byte((code as { value: number }).value);
    list.put(variant!);
  }
  head.u32(list.length);
  const bytes = new Uint8Array(((head.length + list.length + 7) & ~7) + body.length);
  bytes.set(head.take());
  bytes.set(list.take(), head.length);
  bytes.set(body.take(), bytes.length - body.length);
  return bytes;
}

/** What matters of a message that has come. */
export interface DbusMessage {
  type: number;
  replySerial?: number;
  errorName?: string;
  /** The first text of the body. */
  text?: string;
}

/** How long the message at the beginning of these bytes is, or undefined if too few have come. */
export function messageLength(bytes: Uint8Array): number | undefined {
  if (bytes.length < 16) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const little = bytes[0] === "l".charCodeAt(0);
  const body = view.getUint32(4, little), fields = view.getUint32(12, little);
  const length = ((16 + fields + 7) & ~7) + body;
  if (length > LARGEST_MESSAGE) throw new SandboxError("The D-Bus message is too large");
  return length;
}

/** Reads the header fields that an answer has, and a text at the beginning of its body. */
export function decodeMessage(bytes: Uint8Array): DbusMessage {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const little = bytes[0] === "l".charCodeAt(0);
  const text = (at: number) =>
    new TextDecoder().decode(bytes.subarray(at + 4, at + 4 + view.getUint32(at, little)));
  const message: DbusMessage = { type: bytes[1]! };
  const end = 16 + view.getUint32(12, little);
  let signature = "";
  for (let at = 16; at < end;) {
    at = (at + 7) & ~7;
    if (at >= end) break;
    const code = bytes[at]!, kind = String.fromCharCode(bytes[at + 2]!);
    at += 4;
    if (kind === "g") {
      if (code === SIGNATURE) {
        signature = new TextDecoder().decode(bytes.subarray(at + 1, at + 1 + bytes[at]!));
      }
      at += bytes[at]! + 2;
      continue;
    }
    at = (at + 3) & ~3;
    if (kind === "u") {
      if (code === REPLY_SERIAL) message.replySerial = view.getUint32(at, little);
      at += 4;
    } else if (kind === "s" || kind === "o") {
      if (code === ERROR_NAME) message.errorName = text(at);
      at += 4 + view.getUint32(at, little) + 1;
    } else break;
  }
  if (/^[so]/.test(signature)) message.text = text((end + 7) & ~7);
  return message;
}

/** A connection. */
export class Dbus implements Disposable {
  readonly #connection: Deno.UnixConn;
  #buffered = new Uint8Array();
  #serial = 0;

  private constructor(connection: Deno.UnixConn) {
    this.#connection = connection;
  }

  /** Connects to the socket, as this user; a bus, unlike systemd's own socket, wants a greeting. */
  static async connect(path: string, bus: boolean): Promise<Dbus> {
    const dbus = new Dbus(await Deno.connect({ transport: "unix", path }));
    try {
      const id = Array.from(new TextEncoder().encode(String(Deno.uid() ?? 0)))
        .map((byte) => byte.toString(16)).join("");
      await dbus.#write(new TextEncoder().encode(`\0AUTH EXTERNAL ${id}\r\n`));
      const answer = await dbus.#line();
      if (!answer.startsWith("OK ")) {
        throw new SandboxError(`The D-Bus socket "${path}" refused this user: ${answer}`);
      }
      await dbus.#write(new TextEncoder().encode("BEGIN\r\n"));
      if (bus) {
        await dbus.call({
          destination: "org.freedesktop.DBus",
          path: "/org/freedesktop/DBus",
          interface: "org.freedesktop.DBus",
          member: "Hello",
          arguments: [],
        });
      }
      return dbus;
    } catch (error) {
      dbus[Symbol.dispose]();
      throw error;
    }
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) at += await this.#connection.write(bytes.subarray(at));
  }

  async #more(): Promise<void> {
    const chunk = new Uint8Array(4096);
    const count = await this.#connection.read(chunk);
    if (count === null) throw new SandboxError("The D-Bus connection was closed");
    const all = new Uint8Array(this.#buffered.length + count);
    all.set(this.#buffered);
    all.set(chunk.subarray(0, count), this.#buffered.length);
    this.#buffered = all;
  }

  async #line(): Promise<string> {
    for (;;) {
      const at = this.#buffered.indexOf("\n".charCodeAt(0));
      if (at !== -1) {
        const line = new TextDecoder().decode(this.#buffered.subarray(0, at)).trim();
        this.#buffered = this.#buffered.slice(at + 1);
        return line;
      }
      await this.#more();
    }
  }

  async #message(): Promise<DbusMessage> {
    for (;;) {
      const length = messageLength(this.#buffered);
      if (length !== undefined && this.#buffered.length >= length) {
        const message = decodeMessage(this.#buffered.subarray(0, length));
        this.#buffered = this.#buffered.slice(length);
        return message;
      }
      await this.#more();
    }
  }

  /** Calls a method and waits for its answer; the first text of that, if it begins with one. */
  async call(call: DbusCall): Promise<string | undefined> {
    const serial = ++this.#serial;
    await this.#write(encodeCall(call, serial));
    for (;;) {
      const message = await this.#message();
      if (message.replySerial !== serial) continue;
      if (message.type === METHOD_RETURN) return message.text;
      if (message.type === ERROR) {
        throw new SandboxError(
          `${call.interface}.${call.member} failed: ${message.text ?? message.errorName}`,
        );
      }
    }
  }

  [Symbol.dispose](): void {
    this.#connection.close();
  }
}
