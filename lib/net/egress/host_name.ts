/**
 * Host names in one spelling: what is compared with the lists is what is resolved and dialled, so
 * a trailing dot, capitals, Unicode or an address in disguise make no difference.
 *
 * @module
 */

import { type Address, parseIpv4, parseIpv6 } from "./address.ts";

/** Where a request wants to go: to a name, or to an address. */
export type Host =
  | { readonly name: string; readonly address?: undefined }
  | { readonly name?: undefined; readonly address: Address };

const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/;

/** Unicode in its ASCII form (RFC 5891, UTS 46), by the URL parser. */
function toAscii(text: string): string | undefined {
  // What ends a URL's host, or is decoded in it, is in no name.
  // deno-lint-ignore no-control-regex
  if (/[\x00-\x20\x7f/\\?#@%:[\]<>^|"`{}]/.test(text)) return undefined;
  return URL.parse(`http://${text}/`)?.hostname;
}

/** A last label that is a number makes all of it an IPv4 address, or nothing. As in URLs. */
function endsInNumber(text: string): boolean {
  return /^([0-9]+|0[xX][0-9a-fA-F]*)$/.test(text.slice(text.lastIndexOf(".") + 1));
}

/**
 * A host in one spelling, or `undefined` if it is none. Brackets around IPv6 are taken off; a zone
 * (`fe80::1%eth0`) is refused.
 */
export function parseHost(text: string): Host | undefined {
  if (text.startsWith("[") || text.includes(":")) {
    const inner = /^\[(.*)\]$/.exec(text)?.[1] ?? text;
    const address = parseIpv6(inner);
    return address && { address };
  }
  // deno-lint-ignore no-control-regex
  const ascii = /^[\x00-\x7f]*$/.test(text) ? text : toAscii(text);
  // One dot at the end says that the name is complete, which it is anyway.
  const plain = ascii?.replace(/\.$/, "").toLowerCase();
  if (plain === undefined || plain === "" || plain.length > 253) return undefined;
  if (endsInNumber(plain)) {
    const address = parseIpv4(plain);
    return address && { address };
  }
  return plain.split(".").every((label) => LABEL.test(label)) ? { name: plain } : undefined;
}

/** `host:port`, `[v6]:port`; without a port, `fallback`, and without that, nothing. */
export function parseAuthority(
  text: string,
  fallback?: number,
): { host: Host; port: number } | undefined {
  const match = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(text);
  if (match === null) return undefined;
  const port = match[2] === undefined ? fallback : Number(match[2]);
  const host = parseHost(match[1]!);
  if (host === undefined || port === undefined || port < 1 || port > 65535) return undefined;
  return { host, port };
}

/** How logs and messages call it. */
export function hostText(host: Host): string {
  return host.name ?? host.address.text;
}
