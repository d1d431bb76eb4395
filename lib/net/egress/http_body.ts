/**
 * Carries a request's body to its end and not a byte further, so that nothing behind it is taken
 * for a part of it. RFC 9112, sections 6 and 7.
 *
 * @module
 */

import { type Connection, ConnectionError } from "./connection.ts";
import type { Framing } from "./http_head.ts";
import { carry, pass, type Way } from "./relay.ts";

const LONGEST_LINE = 4096;
const LONGEST_TRAILER = 16 * 1024;
const LF = 10, CR = 13;

/** A line without its end. */
async function takeLine(from: Connection): Promise<string> {
  for (;;) {
    const { waiting } = from;
    const at = waiting.indexOf(LF);
    if (at >= LONGEST_LINE || (at < 0 && waiting.length >= LONGEST_LINE)) {
      throw new ConnectionError("a line of the body is too long");
    }
    if (at >= 0) {
      if (waiting[at - 1] !== CR) throw new ConnectionError("a line of the body ends without CR");
      return String.fromCharCode(...from.take(at + 1).subarray(0, at - 1));
    }
    if (!await from.more()) throw new ConnectionError("the request ended within its body");
  }
}

const bytesOf = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));

async function carryChunks(way: Way): Promise<void> {
  for (;;) {
    const line = await takeLine(way.from);
    // Extensions are of no use to anybody, and read differently by everybody.
    const size = /^([0-9a-fA-F]{1,8})(?:[ \t]*;[\t\x20-\x7e]*)?$/.exec(line)?.[1];
    if (size === undefined) throw new ConnectionError(`"${line}" is not the size of a chunk`);
    const length = Number.parseInt(size, 16);
    if (length === 0) break;
    await pass(way, bytesOf(`${length.toString(16)}\r\n`));
    if (!await carry(way, length)) throw new ConnectionError("the request ended within its body");
    if (await takeLine(way.from) !== "") {
      throw new ConnectionError("a chunk is longer than it says");
    }
    await pass(way, bytesOf("\r\n"));
  }
  // Trailers are dropped: a server could take them for headers.
  for (let length = 0;;) {
    const line = await takeLine(way.from);
    if (line === "") break;
    length += line.length;
    if (length > LONGEST_TRAILER) throw new ConnectionError("the trailer is too long");
  }
  await pass(way, bytesOf("0\r\n\r\n"));
}

/** Carries the body. Errors: `ConnectionError` for one that is not as it was announced. */
export async function carryBody(way: Way, body: Framing): Promise<void> {
  if (body === "chunked") return await carryChunks(way);
  if (!await carry(way, body.length)) {
    throw new ConnectionError("the request ended within its body");
  }
}
