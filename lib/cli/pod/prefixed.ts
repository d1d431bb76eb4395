/**
 * What members write, line by line, each with its member's name in front.
 *
 * @module
 */

import { writeAll } from "../failure.ts";

/** A line that is longer comes in parts. */
const LONGEST_LINE = 64 * 1024;

const NEWLINE = 0x0a;

/** Copies a stream to one of paddock's own, until it ends; whole lines at a time. */
export async function copyLines(
  from: ReadableStream<Uint8Array>,
  to: { writeSync(bytes: Uint8Array): number },
  prefix: string,
): Promise<void> {
  const head = new TextEncoder().encode(prefix);
  let rest: Uint8Array = new Uint8Array();
  const put = (line: Uint8Array) => {
    const bytes = new Uint8Array(head.length + line.length + 1);
    bytes.set(head);
    bytes.set(line, head.length);
    bytes[bytes.length - 1] = NEWLINE;
    writeAll(to, bytes);
  };
  for await (const chunk of from) {
    let bytes = new Uint8Array(rest.length + chunk.length);
    bytes.set(rest);
    bytes.set(chunk, rest.length);
    for (let end; (end = bytes.indexOf(NEWLINE)) >= 0;) {
      put(bytes.subarray(0, end));
      bytes = bytes.subarray(end + 1);
    }
    for (; bytes.length > LONGEST_LINE; bytes = bytes.subarray(LONGEST_LINE)) {
      put(bytes.subarray(0, LONGEST_LINE));
    }
    rest = bytes;
  }
  if (rest.length > 0) put(rest);
}
