/**
 * Reads the head of an HTTP/1 request, and refuses every spelling that two servers could read in
 * two ways: that is what request smuggling is made of. RFC 9112, sections 2.2, 3, 5, 6.3 and 11.2.
 *
 * @module
 */

/** A header as it came. */
export type Header = readonly [name: string, value: string];

/** How the body ends. */
export type Framing = { readonly length: number } | "chunked";

/** A request's head. */
export interface RequestHead {
  readonly method: string;
  /** The request target, as it came. */
  readonly target: string;
  readonly version: "1.0" | "1.1";
  readonly headers: readonly Header[];
  /** The one Host header. */
  readonly host: string | undefined;
  readonly body: Framing;
  /** How many bytes the head took. */
  readonly length: number;
}

/** A request that is refused: the status for it, and what is wrong. */
export interface BadRequest {
  readonly status: 400 | 417 | 431 | 501 | 505;
  readonly reason: string;
}

/** The most bytes that a head may have. */
export const LARGEST_HEAD = 64 * 1024;
const MOST_HEADERS = 200;

const LF = 10, CR = 13;
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
// Visible ASCII: what else there could be in a target, servers read differently.
const TARGET = /^[\x21-\x7e]+$/;
// deno-lint-ignore no-control-regex
const BAD_VALUE = /[\x00-\x08\x0a-\x1f\x7f]/;

const bad = (reason: string, status: BadRequest["status"] = 400): BadRequest => ({
  status,
  reason,
});

/** Where the head ends: the offset after the empty line. No line ends otherwise than by CR LF. */
function endOfHead(bytes: Uint8Array): number | BadRequest | undefined {
  for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, at + 1)) {
    if (bytes[at - 1] !== CR) return bad("a line ends without CR");
    if (bytes[at - 2] === LF && bytes[at - 3] === CR) return at + 1;
    if (at === 1) return bad("there is an empty line before the request");
  }
  return bytes.length >= LARGEST_HEAD ? bad("the head is too long", 431) : undefined;
}

function framing(headers: readonly Header[], version: string): Framing | BadRequest {
  const values = (name: string) =>
    headers.filter(([key]) => key.toLowerCase() === name).map(([_, value]) => value);
  const lengths = values("content-length"), codings = values("transfer-encoding");
  if (codings.length > 0) {
    if (lengths.length > 0) return bad("Transfer-Encoding and Content-Length together");
    if (version !== "1.1") return bad("Transfer-Encoding in HTTP/1.0");
    if (codings.length > 1 || codings[0]!.toLowerCase() !== "chunked") {
      return bad(`the Transfer-Encoding is "${codings.join(", ")}", not "chunked"`, 501);
    }
    return "chunked";
  }
  if (lengths.length === 0) return { length: 0 };
  if (lengths.length > 1 || !/^[0-9]{1,15}$/.test(lengths[0]!)) {
    return bad(`the Content-Length is "${lengths.join(", ")}"`);
  }
  return { length: Number(lengths[0]) };
}

/** The head at the start of `bytes`, or what is wrong with it; `undefined` if more has to come. */
export function parseRequestHead(bytes: Uint8Array): RequestHead | BadRequest | undefined {
  const end = endOfHead(bytes.length > LARGEST_HEAD ? bytes.subarray(0, LARGEST_HEAD) : bytes);
  if (typeof end !== "number") return end;
  let text = "";
  // Latin-1: every byte is one character, and none is lost.
  for (let at = 0; at < end - 4; at += 8192) {
    text += String.fromCharCode(...bytes.subarray(at, Math.min(at + 8192, end - 4)));
  }
  const [start, ...lines] = text.split("\r\n");
  if (text.replaceAll("\r\n", "").includes("\r")) return bad("a CR without LF");
  const [method, target, protocol, ...more] = start!.split(" ");
  if (method === undefined || !TOKEN.test(method)) return bad("the method is no token");
  if (target === undefined || !TARGET.test(target)) return bad("the target is empty or has spaces");
  if (more.length > 0) return bad("the request line has more than three words");
  const version = /^HTTP\/(\d\.\d)$/.exec(protocol ?? "")?.[1];
  if (version === undefined) return bad("the request line has no HTTP version");
  if (version !== "1.0" && version !== "1.1") return bad(`HTTP/${version} is not spoken here`, 505);
  if (lines.length > MOST_HEADERS) return bad("there are too many headers", 431);
  const headers: Header[] = [];
  for (const line of lines) {
    if (/^[ \t]/.test(line)) return bad("a header is folded over two lines");
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(0, colon));
    if (!TOKEN.test(name)) return bad("a header's name is no token");
    const value = line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, "");
    if (BAD_VALUE.test(value)) return bad(`the value of ${name} has control characters`);
    headers.push([name, value]);
  }
  const hosts = headers.filter(([name]) => name.toLowerCase() === "host");
  if (hosts.length > 1) return bad("there are several Host headers");
  if (hosts.length === 0 && version === "1.1") return bad("there is no Host header");
  const body = framing(headers, version);
  if (body !== "chunked" && "status" in body) return body;
  return { method, target, version, headers, host: hosts[0]?.[1], body, length: end };
}
