/**
 * Tells from a connection's first bytes what it speaks: TLS, HTTP, or something else.
 *
 * @module
 */

import type { Connection } from "./connection.ts";
import { parseHello, TLS_HANDSHAKE } from "./tls_hello.ts";

/** What a client said first. */
export type First =
  /** Nothing, or it went away. */
  | { readonly kind: "nothing" }
  | { readonly kind: "tls"; readonly name: string | undefined }
  | { readonly kind: "http" }
  | { readonly kind: "other" }
  /** Something that no honest client says. */
  | { readonly kind: "bad"; readonly reason: string };

const METHOD =
  /^(get|head|post|put|delete|connect|options|trace|patch|pri|propfind|proppatch|mkcol|copy|move|lock|unlock|search|report|purge|query)$/i;
const LONGEST_LINE = 16 * 1024;

/**
 * Whether bytes begin a request of HTTP, in whatever spelling a lenient server takes: anything that
 * could be one is held to be one, and then has to be a strict one. `undefined`: it shows later.
 */
export function looksLikeHttp(bytes: Uint8Array): boolean | undefined {
  let start = 0;
  // Servers skip empty lines before a request.
  while (start < bytes.length && [9, 10, 13, 32].includes(bytes[start]!)) start++;
  const end = bytes.indexOf(10, start);
  const line = bytes.subarray(start, Math.min(end < 0 ? bytes.length : end, start + LONGEST_LINE));
  const text = Array.from(line, (byte) => String.fromCharCode(byte)).join("");
  const word = /^[^\s]*(?=\s)/.exec(end < 0 ? text : `${text}\n`)?.[0];
  if (word !== undefined && METHOD.test(word)) return true;
  if (/HTTP\//i.test(text)) return true;
  // deno-lint-ignore no-control-regex
  if (end >= 0 || /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/.test(text)) return false;
  // Nobody's first line is as long as this.
  return start >= LONGEST_LINE || line.length >= LONGEST_LINE ? true : undefined;
}

/**
 * Reads until it is clear what a client speaks; what was read stays waiting. A client that stops
 * within what could become a request is cut in the end: it is never taken for something harmless.
 */
export async function firstBytes(client: Connection, patience: number): Promise<First> {
  while (client.waiting.length === 0) if (!await client.more()) return { kind: "nothing" };
  client.expire(patience);
  try {
    for (;;) {
      const bytes = client.waiting;
      if (bytes[0] === TLS_HANDSHAKE) {
        const hello = parseHello(bytes);
        if (hello.kind === "hello") return { kind: "tls", name: hello.name };
        if (hello.kind === "bad") return hello;
      } else {
        const http = looksLikeHttp(bytes);
        if (http !== undefined) return { kind: http ? "http" : "other" };
      }
      if (!await client.more()) return { kind: "bad", reason: "it ended within its first message" };
    }
  } finally {
    client.expire();
  }
}
