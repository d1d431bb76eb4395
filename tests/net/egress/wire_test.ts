/** The parsers of what comes from inside: HTTP heads, TLS hellos, SOCKS, DNS. */
import { assert, assertEquals } from "@std/assert";
import { LARGEST_HEAD, parseRequestHead } from "../../../lib/net/egress/http_head.ts";
import { parseHello } from "../../../lib/net/egress/tls_hello.ts";
import { parseGreeting, parseSocksRequest, Reply } from "../../../lib/net/egress/socks5.ts";
import { hostText } from "../../../lib/net/egress/host_name.ts";
import { encodeResponse, parseQuery, RecordType } from "../../../lib/net/egress/dns_message.ts";
import { clientHello, dnsQuery } from "./wire.ts";

const bytes = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));
const head = (text: string) => parseRequestHead(bytes(text));

Deno.test("a plain request is read", () => {
  const text = "GET http://a.com/x?y HTTP/1.1\r\nHost: a.com\r\nX-Y: \t z \r\n\r\nrest";
  assertEquals(head(text), {
    method: "GET",
    target: "http://a.com/x?y",
    version: "1.1",
    headers: [["Host", "a.com"], ["X-Y", "z"]],
    host: "a.com",
    body: { length: 0 },
    length: text.length - 4,
  });
  for (let end = 0; end < text.length - 4; end++) assertEquals(head(text.slice(0, end)), undefined);
});

Deno.test("what two servers could read in two ways is refused", () => {
  const cases: Record<string, string> = {
    "CL.TE":
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    "TE.CL":
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
    "TE.TE":
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n",
    "TE twice": "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n",
    "TE identity": "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n",
    "TE in disguise": "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n",
    "TE with xchunked": "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n",
    "TE in 1.0": "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
    "CL twice": "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
    "CL twice the same":
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
    "CL list": "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\n",
    "CL signed": "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n",
    "CL hexadecimal": "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\n",
    "CL empty": "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \r\n\r\n",
    "obs-fold": "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n",
    "obs-fold of the first header": "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
    "a space before the colon": "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
    "no colon": "GET / HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n",
    "an empty name": "GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n",
    "bare LF": "GET / HTTP/1.1\nHost: a\n\n",
    "bare LF in a header": "GET / HTTP/1.1\r\nHost: a\r\nX: y\nHost: b\r\n\r\n",
    "bare CR in a header": "GET / HTTP/1.1\r\nHost: a\r\nX: y\rHost: b\r\n\r\n",
    "NUL in a value": "GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n",
    "two hosts": "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "no host": "GET / HTTP/1.1\r\n\r\n",
    "an empty line first": "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "two spaces": "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
    "a tab": "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "a space in the target": "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
    "no version": "GET /\r\nHost: a\r\n\r\n",
    "HTTP/2": "PRI * HTTP/2.0\r\n\r\n",
    "HTTP/1.2": "GET / HTTP/1.2\r\nHost: a\r\n\r\n",
    "http/1.1": "GET / http/1.1\r\nHost: a\r\n\r\n",
    "not ASCII": "GET /\xe9 HTTP/1.1\r\nHost: a\r\n\r\n",
    "a bad method": "G(T / HTTP/1.1\r\nHost: a\r\n\r\n",
    "too many headers": `GET / HTTP/1.1\r\nHost: a\r\n${"X: y\r\n".repeat(201)}\r\n`,
    "an endless header": `GET / HTTP/1.1\r\nHost: a\r\nX: ${"y".repeat(LARGEST_HEAD)}`,
  };
  for (const [name, text] of Object.entries(cases)) {
    const found = head(text);
    assert(found !== undefined && "status" in found, `${name}: ${JSON.stringify(found)}`);
  }
});

Deno.test("the name of a ClientHello is found, however it is cut", () => {
  const whole = clientHello("www.Example.com");
  assertEquals(parseHello(whole), { kind: "hello", name: "www.Example.com" });
  for (let end = 0; end < whole.length; end++) {
    assertEquals(parseHello(whole.subarray(0, end)).kind, "incomplete", `${end}`);
  }
  // The same message in many records.
  const message = whole.subarray(5);
  const records: number[] = [];
  for (let at = 0; at < message.length; at += 7) {
    const part = message.subarray(at, at + 7);
    records.push(22, 3, 1, 0, part.length, ...part);
  }
  assertEquals(parseHello(Uint8Array.from(records)), { kind: "hello", name: "www.Example.com" });
  assertEquals(parseHello(clientHello(undefined)), { kind: "hello", name: undefined });
});

Deno.test("a hello with two names, or none that is one, is refused", () => {
  assertEquals(parseHello(clientHello("a.com", "b.com")).kind, "bad");
  assertEquals(parseHello(clientHello("a\0.com")).kind, "bad");
  assertEquals(parseHello(bytes("\x16\x03\x01\x00\x05\x02\x00\x00\x01\x00")).kind, "bad");
  assertEquals(parseHello(bytes("\x16\x02\x01\x00\x05")).kind, "bad");
  assertEquals(parseHello(bytes("\x16\x03\x01\x00\x00")).kind, "bad");
  const crumbs = Uint8Array.from(Array.from({ length: 200 }, () => [22, 3, 1, 0, 1, 1]).flat());
  assertEquals(parseHello(crumbs).kind, "bad");
});

Deno.test("mutated hellos: no parser throws, hangs, or reads a name that is not there", () => {
  const whole = clientHello("www.example.com");
  let seed = 7;
  const next = (most: number) => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % most;
  for (let round = 0; round < 20_000; round++) {
    const copy = whole.slice(0, 1 + next(whole.length));
    for (let change = 0; change < 3; change++) copy[next(copy.length)] = next(256);
    const hello = parseHello(copy);
    if (hello.kind === "hello" && hello.name !== undefined) {
      assert(String.fromCharCode(...copy).includes(hello.name));
    }
    parseRequestHead(copy);
    parseQuery(copy);
    parseSocksRequest(copy);
  }
});

Deno.test("SOCKS 5", () => {
  assertEquals(parseGreeting(Uint8Array.of(5)), undefined);
  assertEquals(parseGreeting(Uint8Array.of(5, 2, 2)), undefined);
  assertEquals(parseGreeting(Uint8Array.of(5, 2, 2, 0)), { withoutPassword: true, length: 4 });
  assertEquals(parseGreeting(Uint8Array.of(5, 1, 2)), { withoutPassword: false, length: 3 });
  const read = (...data: number[]) => {
    const found = parseSocksRequest(Uint8Array.from(data));
    return typeof found === "object"
      ? `${found.host && hostText(found.host)} ${found.port}`
      : found;
  };
  assertEquals(read(5, 1, 0, 1, 1, 2, 3, 4, 1, 187), "1.2.3.4 443");
  assertEquals(read(5, 1, 0, 3, 3, 65, 46, 98, 0, 80), "a.b 80");
  assertEquals(read(5, 1, 0, 3, 9, ...bytes("127.0.0.1"), 0, 80), "127.0.0.1 80");
  assertEquals(
    read(5, 1, 0, 4, ...bytes("\0".repeat(10)), 255, 255, 127, 0, 0, 1, 0, 80),
    "127.0.0.1 80",
  );
  assertEquals(read(5, 1, 0, 3, 3, 65, 0, 98, 0, 80), "undefined 80");
  assertEquals(read(5, 1, 0, 2, 0), Reply.ADDRESS_TYPE_NOT_SUPPORTED);
  assertEquals(read(4, 1, 0, 80, 1), Reply.GENERAL_FAILURE);
  assertEquals(read(5, 1, 0, 3, 3, 65), undefined);
});

Deno.test("a DNS question is read, and answered with its own words", () => {
  const query = parseQuery(dnsQuery("wWw.Example.com", RecordType.A));
  assert(query !== undefined && "name" in query);
  assertEquals([query.name, query.type, query.recursion], ["wWw.Example.com", 1, true]);
  const answer = encodeResponse(query, 0, [Uint8Array.of(1, 2, 3, 4)]);
  assertEquals(
    answer.subarray(0, 12),
    Uint8Array.of(0x12, 0x34, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0),
  );
  assertEquals(answer.subarray(-4), Uint8Array.of(1, 2, 3, 4));
  // An answer is not answered; two questions, a pointer, a name without end are refused.
  assertEquals(parseQuery(answer), undefined);
  assertEquals(parseQuery(new Uint8Array(11)), undefined);
  const broken = (change: (bytes: Uint8Array) => void) => {
    const copy = dnsQuery("a.com", RecordType.A);
    change(copy);
    const found = parseQuery(copy);
    return found && "code" in found ? found.code : found;
  };
  assertEquals(broken((it) => it[5] = 2), 1);
  assertEquals(broken((it) => it[12] = 0xc0), 1);
  assertEquals(broken((it) => it[12] = 63), 1);
  assertEquals(broken((it) => it[2] = 0x29), 4);
  assertEquals(broken((it) => it[13] = 0x2e), 1);
});
