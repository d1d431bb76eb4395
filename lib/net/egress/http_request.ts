/**
 * Where a request wants to go, which may be said in three places and must be the same in all of
 * them, and what of it is sent on.
 *
 * @module
 */

import { type Host, hostText, parseAuthority } from "./host_name.ts";
import type { BadRequest, Header, RequestHead } from "./http_head.ts";

/** Where a request came in. */
export interface Entrance {
  /**
   * To whom the connection leads, if that is known: a request for somebody else is refused. An
   * address that may be reached itself says nothing about names.
   */
  readonly host?: Host;
  /** The port that the connection leads to. Without it, the request came to the proxy. */
  readonly port?: number;
}

/** Where a request goes. */
export interface Destination {
  readonly host: Host;
  readonly port: number;
  /** In origin form, as the server gets it. */
  readonly path: string;
  /** The Host header that the server gets. */
  readonly authority: string;
}

const bad = (reason: string): BadRequest => ({ status: 400, reason });

/** Whether two hosts are the same. */
export function sameHost(a: Host, b: Host): boolean {
  return hostText(a) === hostText(b);
}

function hostHeader(head: RequestHead, port: number): { host: Host; port: number } | undefined {
  return head.host === undefined ? undefined : parseAuthority(head.host, port);
}

/** Where a request that is no CONNECT goes, or why it is refused. */
export function destination(head: RequestHead, entrance: Entrance): Destination | BadRequest {
  const isProxy = entrance.port === undefined;
  const absolute = /^http:\/\/([^/?#]*)([^#]*)$/i.exec(head.target);
  const fallback = entrance.port ?? 80;
  const said = hostHeader(head, fallback);
  if (head.host !== undefined && said === undefined) {
    return bad(`the Host header is "${head.host}"`);
  }
  if (absolute === null) {
    if (isProxy) return bad("a proxy wants http://host/path, or CONNECT host:port");
    if (!head.target.startsWith("/") && head.target !== "*") return bad("the target is no path");
  }
  const named = absolute === null ? said : parseAuthority(absolute[1]!, 80);
  if (named === undefined) return bad("the request does not say for whom it is");
  if (said !== undefined && !(sameHost(said.host, named.host) && said.port === named.port)) {
    return bad(`the Host header is "${head.host}", the target is for "${absolute![1]}"`);
  }
  const { host } = entrance;
  // A connection leads where it leads; a Host header cannot make it lead elsewhere.
  if (host?.name !== undefined && !sameHost(host, named.host)) {
    return bad(`the Host header is "${head.host}", the connection is for "${host.name}"`);
  }
  if (!isProxy && named.port !== entrance.port) {
    return bad(`the Host header is "${head.host}", the connection is for port ${entrance.port}`);
  }
  const rest = absolute?.[2] ?? head.target;
  const port = entrance.port ?? named.port;
  const text = hostText(named.host);
  const bracketed = text.includes(":") ? `[${text}]` : text;
  return {
    host: host?.address === undefined ? named.host : host,
    port,
    path: rest === "*" || rest.startsWith("/") ? rest : `/${rest}`,
    authority: port === 80 ? bracketed : `${bracketed}:${port}`,
  };
}

/** Where a CONNECT goes, or why it is refused. */
export function connectDestination(head: RequestHead): { host: Host; port: number } | BadRequest {
  const target = parseAuthority(head.target);
  if (target === undefined) return bad("CONNECT wants host:port");
  if (head.body === "chunked" || head.body.length > 0) return bad("CONNECT has no body");
  if (head.host === undefined) return target;
  const said = hostHeader(head, target.port);
  if (said === undefined || !sameHost(said.host, target.host) || said.port !== target.port) {
    return bad(`the Host header is "${head.host}", the target is "${head.target}"`);
  }
  return target;
}

/** Whether the client wants to go on with WebSocket. */
export function isUpgrade({ headers, version }: RequestHead): boolean {
  const has = (name: string, word: string) =>
    headers.some(([key, value]) =>
      key.toLowerCase() === name &&
      value.toLowerCase().split(",").some((it) => it.trim() === word)
    );
  return version === "1.1" && has("connection", "upgrade") && has("upgrade", "websocket");
}

// They are between two neighbours, RFC 9110 section 7.6.1; the rest of the way has its own.
const HOP_BY_HOP = new Set([
  "connection",
  "proxy-connection",
  "proxy-authorization",
  "proxy-authenticate",
  "keep-alive",
  "te",
  "trailer",
  "upgrade",
]);
// Connection: Host must not make the Host go away.
const NEEDED = new Set(["host", "content-length", "transfer-encoding", "content-type", "expect"]);

/**
 * The head that the server gets. It is told to close the connection after its answer: nothing that
 * follows the request can become a second one, which nobody has checked.
 */
export function encodeHead(
  head: RequestHead,
  { path, authority }: Destination,
): Uint8Array<ArrayBuffer> {
  const named = head.headers
    .filter(([name]) => name.toLowerCase() === "connection")
    .flatMap(([_, value]) => value.toLowerCase().split(",").map((word) => word.trim()));
  const drop = (name: string) =>
    name === "host" || HOP_BY_HOP.has(name) || (named.includes(name) && !NEEDED.has(name));
  const kept: Header[] = head.headers.filter(([name]) => !drop(name.toLowerCase()));
  const closing: Header[] = isUpgrade(head)
    ? [["Connection", "Upgrade"], ["Upgrade", "websocket"]]
    : [["Connection", "close"]];
  const lines = ([["Host", authority], ...kept, ...closing] as Header[])
    .map(([name, value]) => `${name}: ${value}\r\n`);
  const text = `${head.method} ${path} HTTP/${head.version}\r\n${lines.join("")}\r\n`;
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}
