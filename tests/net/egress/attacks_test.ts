/**
 * Attacks on the policy, each from inside of a real sandbox. For the names here this machine's
 * loopback is the internet, so nothing leaves the machine, whatever a hole would let through.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { createSocket } from "node:dgram";
import { egressReport } from "../../../hooks/egress.ts";
import { sandbox } from "../../../mod.ts";
import { text } from "../../integration/support.ts";
import { boxed, bytes, CUT, httpRequest, latin, recorder, talk, throughProxy } from "./outside.ts";
import { clientHello, dnsQuery } from "./wire.ts";

const OK = { allowDomains: ["ok.test", "*.wild.test"], allowAddresses: ["127.0.0.1/32"] };
const NAMED = { allowDomains: ["ok.test"] };

Deno.test("a direct connection by address reaches nothing, IPv6 and mapped addresses neither", async () => {
  await using server = recorder();
  for (
    const host of [
      "127.0.0.2",
      "10.0.0.1",
      "192.0.2.1",
      "::ffff:10.0.0.1",
      "fd00::1",
      "2001:db8::1",
    ]
  ) {
    for (
      const request of ["", httpRequest("/", host.includes(":") ? `[${host}]` : host), "\x16junk"]
    ) {
      if (host === "127.0.0.2") continue;
      const { answer, decisions } = await talk(
        { ...NAMED, patience: 300 },
        host,
        server.port,
        request,
      );
      assert(!answer.includes("hello"), `${host}: ${answer}`);
      assert(decisions.every((line) => line.endsWith("deny")), decisions.join());
      assert(decisions.length > 0, host);
    }
  }
  // The sandbox's loopback is its own, where nobody listens.
  const own = await talk(NAMED, "127.0.0.1", server.port, httpRequest("/", "127.0.0.1"));
  assertMatch(own.answer, /refused/);
  assertEquals(server.got, []);
});

Deno.test("an address that is listed is reached without a name, and it alone", async () => {
  await using server = recorder();
  const lists = { allowAddresses: ["127.0.0.1/32"] };
  const request = `CONNECT 127.0.0.1:${server.port} HTTP/1.1\r\n\r\n`.replace(
    "\r\n\r\n",
    `\r\nHost: 127.0.0.1:${server.port}\r\n\r\nraw\n`,
  );
  assertMatch((await throughProxy(lists, request)).answer, /200[^]*hello/);
  const other = request.replaceAll("127.0.0.1", "127.0.0.2");
  assertMatch((await throughProxy(lists, other)).answer, /403/);
  assertEquals(server.got, ["raw\n"]);
});

Deno.test("questions to other name servers are not answered, by UDP or by TCP", async () => {
  const outside = createSocket("udp4");
  let heard = 0;
  outside.on("message", () => heard++);
  await new Promise<void>((resolve) => outside.bind(0, "0.0.0.0", resolve));
  const own =
    Deno.networkInterfaces().find(({ family, address }) =>
      family === "IPv4" && !address.startsWith("127.")
    )?.address ?? "127.0.0.1";
  const { port } = outside.address();
  const script = `
use strict; use Socket;
my $q = pack("H*", "${
    Array.from(dnsQuery("ok.test", 1), (it) => it.toString(16).padStart(2, "0")).join("")
  }");
for my $to (["8.8.8.8", 53], ["${own}", ${port}], ["127.0.0.1", 53], ["1.1.1.1", 443]) {
  socket(my $s, PF_INET, SOCK_DGRAM, 0); connect($s, sockaddr_in($to->[1], inet_aton($to->[0]))) or print "connect ";
  send($s, $q, 0); my $r = ""; vec($r, fileno($s), 1) = 1;
  my $n = select($r, undef, undef, 0.3);
  my $got = $n ? recv($s, my $b, 512, 0) : undef;
  print defined $got ? "answered\\n" : "nothing\\n";
}`;
  const box = boxed(OK).file("/udp.pl", script);
  const output = await box.output(["perl", "/udp.pl"]);
  assertEquals(text(output.stdout) + text(output.stderr), "nothing\n".repeat(4));
  await new Promise((resolve) => setTimeout(resolve, 50));
  assertEquals(heard, 0);
  outside.close();
  const query = dnsQuery("ok.test", 1);
  const tcp = await talk(
    OK,
    "8.8.8.8",
    53,
    `\0${String.fromCharCode(query.length)}${latin(query)}`,
  );
  assertMatch(tcp.answer, CUT);
  assertEquals(tcp.decisions, ["tcp 8.8.8.8 53 deny"]);
});

Deno.test("the resolver inside knows allowed names only, and no other kind of record", async () => {
  const asked: string[] = [];
  const lookup = (name: string) => {
    asked.push(name);
    return name === "gone.wild.test" ? [] : ["127.0.0.1"];
  };
  const ask = async (name: string, type: number, addresses?: string[]) => {
    const query = dnsQuery(name, type);
    const { answer, output } = await talk(
      { ...OK, lookup: addresses ? () => addresses : lookup },
      "127.0.0.53",
      53,
      `\0${String.fromCharCode(query.length)}${latin(query)}`,
      { HALF: "1" },
    );
    const message = bytes(answer).subarray(2);
    return { code: message[3]! & 15, answers: message[7], report: egressReport(output)! };
  };
  const good = await ask("OK.test", 1);
  assertEquals([good.code, good.answers], [0, 1]);
  assertEquals(good.report.decisions.map(({ host, verdict }) => `${host} ${verdict}`), [
    "ok.test allow",
  ]);
  assertEquals((await ask("evil.test", 1)).code, 3);
  assertEquals((await ask("secret.evil.test", 1)).report.denied, 1);
  assertEquals((await ask("gone.wild.test", 1)).code, 3);
  for (const type of [28, 16, 15, 33, 65, 255]) {
    const { code, answers } = await ask("ok.test", type);
    assertEquals([code, answers], [0, 0], `type ${type}`);
  }
  // A name that leads to this machine's surroundings is as good as none.
  assertEquals((await ask("ok.test", 1, ["10.0.0.1"])).code, 3);
  // What is not allowed is not even asked for outside: a question can carry a secret.
  assertEquals([...new Set(asked)].sort(), ["gone.wild.test", "ok.test"]);
});

Deno.test("no raw sockets, and no packets past the policy", async () => {
  const script = `
use Socket;
print socket(my $a, PF_INET, SOCK_RAW, 255) ? "raw\\n" : "$!\\n";
print socket(my $b, PF_INET, SOCK_RAW, 1) ? "icmp\\n" : "$!\\n";
print socket(my $c, 17, SOCK_RAW, 768) ? "packet\\n" : "$!\\n";
`;
  const { stdout } = await boxed(OK).output(["perl", "-e", script]);
  // By the missing capability, or by the filter of system calls before that.
  assertMatch(text(stdout), /^((Operation not permitted|Address family not supported .*)\n){3}$/);
});

Deno.test("a Host header that differs from CONNECT is refused, outside of the tunnel and in it", async () => {
  await using server = recorder();
  const target = `ok.test:${server.port}`;
  const outer = await throughProxy(
    OK,
    `CONNECT ${target} HTTP/1.1\r\nHost: evil.test:${server.port}\r\n\r\n`,
  );
  assertMatch(outer.answer, /^HTTP\/1.1 400 [^]*evil\.test/);
  const open = `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`;
  for (
    const inner of [
      httpRequest("/", "evil.test"),
      httpRequest("/", `evil.test:${server.port}`),
      httpRequest(`http://evil.test:${server.port}/`, target),
      httpRequest(`http://evil.test:${server.port}/`, `evil.test:${server.port}`),
      // Spellings that a lenient server takes for a request.
      `\r\n\r\n${httpRequest("/", "evil.test")}`,
      httpRequest("/", "evil.test").replace("GET", " GET"),
      httpRequest("/", "evil.test").replace("GET", "get"),
      httpRequest("/", "evil.test").replaceAll("\r\n", "\n"),
      "GET /\r\nHost: evil.test\r\n\r\n",
      httpRequest("/", "evil.test").replace("GET", "FOO"),
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      `${httpRequest("/", target)}`.replace("Host", "Host: evil.test\r\nHost"),
    ]
  ) {
    const { answer } = await throughProxy(OK, open + inner);
    assertMatch(answer, /^HTTP\/1.1 200 [^\r]*\r\n\r\nHTTP\/1.1 (400|505) /, JSON.stringify(inner));
  }
  assertEquals(server.got.join(""), "");
  const good = await throughProxy(OK, open + httpRequest("/x", target));
  assertMatch(good.answer, /hello$/);
  assertMatch(
    server.got.join(""),
    /^GET \/x HTTP\/1\.1\r\nHost: ok\.test:\d+\r\nConnection: close\r\n\r\n$/,
  );
});

Deno.test("a TLS name that differs from CONNECT, SOCKS or the address's name is refused", async () => {
  await using server = recorder("server hello", { complete: (it) => it.length > 20 });
  const hello = (name?: string) => latin(clientHello(name));
  const connect = `CONNECT ok.test:${server.port} HTTP/1.1\r\nHost: ok.test:${server.port}\r\n\r\n`;
  const port = String.fromCharCode(server.port >> 8, server.port & 255);
  const socks = `\x05\x01\x00\x05\x01\x00\x03\x07ok.test${port}`;
  for (const name of ["evil.test", "ok.test.evil.test", "xok.test", "wild.test"]) {
    for (const open of [connect, socks]) {
      const { answer, decisions } = await throughProxy(OK, open + hello(name));
      assert(!answer.includes("server hello"), answer);
      assertMatch(decisions.join(), /tls ok\.test \d+ deny/);
    }
    const direct = await talk(OK, "ok.test", server.port, hello(name));
    assertEquals(direct.decisions, [`tls ok.test ${server.port} deny`]);
  }
  assertEquals(server.got.join(""), "");
  for (const open of [connect, socks]) {
    assertMatch((await throughProxy(OK, open + hello("OK.Test"))).answer, /server hello$/);
  }
  assertEquals((await talk(OK, "ok.test", server.port, hello("ok.test"))).answer, "server hello");
  // An address that nothing is known of: the name decides, and its own address is dialled.
  const fronted = await talk(OK, "203.0.113.7", server.port, hello("ok.test"));
  assertEquals(fronted.answer, "server hello");
  assertEquals(fronted.decisions, [`tls ok.test ${server.port} allow`]);
  const evil = await talk(OK, "203.0.113.7", server.port, hello("evil.test"));
  assertEquals(evil.decisions, [`tls evil.test ${server.port} deny`]);
  const nameless = await talk(OK, "203.0.113.7", server.port, hello());
  assertEquals(nameless.decisions, [`tls 203.0.113.7 ${server.port} deny`]);
});

Deno.test("absolute and relative forms: the proxy takes the one, servers the other", async () => {
  await using server = recorder();
  const host = `ok.test:${server.port}`;
  const good = await throughProxy(
    OK,
    httpRequest(`http://${host}/a?b`, host, "X-Own: 1", "Proxy-Authorization: secret"),
  );
  assertMatch(good.answer, /hello$/);
  assertEquals(server.got.splice(0), [
    `GET /a?b HTTP/1.1\r\nHost: ${host}\r\nX-Own: 1\r\nConnection: close\r\n\r\n`,
  ]);
  // Connection names headers that end here; not those that say what the request is.
  const named = httpRequest(
    `http://${host}/`,
    host,
    "Content-Length: 3",
    "Connection: Host, X-Own, Content-Length",
    "X-Own: 1",
  );
  await throughProxy(OK, `${named}abc`);
  assertEquals(server.got.splice(0), [
    `GET / HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc`,
  ]);
  const refused: [string, RegExp][] = [
    [httpRequest("/", host), /400/],
    [httpRequest("/", "127.0.0.1:3128"), /400/],
    [httpRequest(`http://${host}/`, "evil.test"), /400/],
    [httpRequest(`http://evil.test:${server.port}/`, host), /400/],
    [httpRequest(`http://evil.test:${server.port}/`, `evil.test:${server.port}`), /403/],
    [httpRequest(`https://${host}/`, host), /400/],
    [httpRequest(`http://${host}@evil.test/`, host), /400/],
    [httpRequest(`http://evil.test@${host}/`, host), /400/],
    [httpRequest(`http://${host}#@evil.test/`, host), /400/],
    [httpRequest(`http:\\\\${host}/`, host), /400/],
    [httpRequest(`http:///`, host), /400/],
    [httpRequest(`ftp://${host}/`, host), /400/],
    [httpRequest("*", host), /400/],
    [`CONNECT http://${host}/ HTTP/1.1\r\nHost: ${host}\r\n\r\n`, /400/],
    [`CONNECT ok.test HTTP/1.1\r\nHost: ok.test\r\n\r\n`, /400/],
  ];
  for (const [request, status] of refused) {
    assertMatch((await throughProxy(OK, request)).answer.split("\r\n")[0]!, status, request);
  }
  // A connection that is redirected leads where it leads, whatever the target says.
  const other = await talk(
    OK,
    "ok.test",
    server.port,
    httpRequest(`http://evil.test:${server.port}/`, `evil.test:${server.port}`),
  );
  assertMatch(other.answer, /^HTTP\/1.1 400/);
  const connect = await talk(
    OK,
    "ok.test",
    server.port,
    `CONNECT evil.test:443 HTTP/1.1\r\nHost: evil.test:443\r\n\r\n`,
  );
  assertMatch(connect.answer, /^HTTP\/1.1 400/);
  assertEquals(server.got, []);
});

Deno.test("names in disguise: dots, capitals and Unicode are the name; what only looks like it is not", async () => {
  await using server = recorder();
  const lists = { allowDomains: ["ok.test", "bücher.test"], allowAddresses: ["127.0.0.1"] };
  const connect = (host: string) =>
    throughProxy(
      lists,
      `CONNECT ${host}:${server.port} HTTP/1.1\r\nHost: ${host}:${server.port}\r\n\r\nraw\n`,
    );
  for (
    const host of ["ok.test.", "OK.TEST", "Ok.Test.", "xn--bcher-kva.test", "XN--BCHER-KVA.test"]
  ) {
    assertMatch((await connect(host)).answer, /hello$/, host);
  }
  for (
    const host of [
      "ok.test..",
      ".ok.test",
      "ok.test.evil.test",
      "evilok.test",
      "xn--ok-test",
      "ok%2etest",
      "ok.test%00.evil.test",
      "ok.test,evil.test",
    ]
  ) assertMatch((await connect(host)).answer, /^HTTP\/1.1 40[03]/, host);
  assertEquals(server.got.length, 5);
});

Deno.test("addresses in disguise: decimal, octal, hexadecimal, short, mapped", async () => {
  await using server = recorder();
  for (
    const host of [
      "127.0.0.1",
      "2130706433",
      "0x7f000001",
      "0177.0.0.1",
      "127.1",
      "[::ffff:127.0.0.1]",
      "[::ffff:7f00:1]",
      "[::1]",
      "[64:ff9b::127.0.0.1]",
      "0",
      "0.0.0.0",
      "[::]",
      "localhost",
      "169.254.169.254",
    ]
  ) {
    const target = `${host}:${server.port}`;
    for (const options of [NAMED, { allowDomains: ["*"] }]) {
      const { answer } = await throughProxy(
        { ...options, lookup: undefined },
        `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\nraw\n`,
      );
      assertMatch(answer, /^HTTP\/1.1 403/, host);
    }
    const plain = await throughProxy(NAMED, httpRequest(`http://${target}/`, target));
    assertMatch(plain.answer, /^HTTP\/1.1 403/, host);
  }
  assertEquals(server.got, []);
});

Deno.test("a name that leads to this machine or its neighbours is refused", async () => {
  await using server = recorder();
  for (
    const address of [
      "127.0.0.1",
      "10.0.0.1",
      "169.254.169.254",
      "::1",
      "fe80::1",
      "224.0.0.1",
      "0.0.0.0",
    ]
  ) {
    const target = `ok.test:${server.port}`;
    const { answer, reasons, decisions } = await throughProxy(
      { ...NAMED, lookup: () => [address] },
      `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\nraw\n`,
    );
    assertMatch(answer, /^HTTP\/1.1 403/);
    assertMatch(reasons, /allow it by --allow-address/);
    assertEquals(decisions, [`connect ok.test ${server.port} deny`]);
  }
  assertEquals(server.got, []);
});

Deno.test("rebinding: what was checked is what is dialled, and nobody is asked in between", async () => {
  await using good = recorder("good");
  await using evil = recorder("evil", { hostname: "127.0.0.2", port: good.port });
  const target = `ok.test:${good.port}`;
  const request = `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\nraw\n`;
  let asked = 0;
  const lists = { ...NAMED, allowAddresses: ["127.0.0.1/32"] };
  const turning = () => [++asked % 2 === 1 ? "127.0.0.1" : "127.0.0.2"];
  assertMatch((await throughProxy({ ...lists, lookup: turning }, request)).answer, /good$/);
  assertEquals(asked, 1);
  // The second answer is checked as the first one was.
  assertMatch(
    (await throughProxy({ ...lists, lookup: turning }, request)).answer,
    /^HTTP\/1.1 403/,
  );
  // Of several addresses, those that are refused are left out.
  const both = { ...lists, lookup: () => ["127.0.0.2", "10.0.0.1", "127.0.0.1"] };
  assertMatch((await throughProxy(both, request)).answer, /good$/);
  assertEquals(evil.got, []);
});

Deno.test("a redirection to a host that is not allowed leads nowhere", async () => {
  await using server = recorder((request) =>
    request.includes("/start")
      ? `HTTP/1.1 302 Found\r\nLocation: http://evil.test/next\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`
      : ""
  );
  const first = await throughProxy(
    OK,
    httpRequest(`http://ok.test:${server.port}/start`, `ok.test:${server.port}`),
  );
  const location = /Location: (\S+)/.exec(first.answer)![1]!;
  const next = await throughProxy(OK, httpRequest(location, new URL(location).host));
  assertMatch(next.answer, /^HTTP\/1.1 403/);
  assertEquals(next.decisions, ["http evil.test 80 deny"]);
});

Deno.test("smuggling: one request goes out for each that was checked", async () => {
  await using server = recorder(undefined, { complete: (it) => it.includes("\r\n\r\n") });
  const host = `ok.test:${server.port}`;
  const line = `POST http://${host}/one HTTP/1.1\r\nHost: ${host}\r\n`;
  const hidden = `GET /hidden HTTP/1.1\r\nHost: evil.test\r\n\r\n`;
  const refused: Record<string, string> = {
    "CL.TE": `${line}Content-Length: ${
      5 + hidden.length
    }\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
    "TE.CL":
      `${line}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n2e\r\n${hidden}\r\n0\r\n\r\n`,
    "TE.TE":
      `${line}Transfer-Encoding: chunked\r\nTransfer-encoding: identity\r\n\r\n0\r\n\r\n${hidden}`,
    "TE with a tab": `${line}Transfer-Encoding:\tchunked, identity\r\n\r\n0\r\n\r\n${hidden}`,
    "obs-fold": `${line}Transfer-Encoding:\r\n chunked\r\nContent-Length: 3\r\n\r\nabc${hidden}`,
    "CL.CL": `${line}Content-Length: 0\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`,
    "a header of two lines": `${line}X: a\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
  };
  for (const [name, request] of Object.entries(refused)) {
    const { answer } = await throughProxy(OK, request);
    assertMatch(answer, /^HTTP\/1.1 (400|501)/, name);
  }
  assertEquals(server.got, []);
  // A second request behind the first one, and chunks that end otherwise than they say.
  const pipelined: Record<string, string> = {
    "behind nothing": `GET http://${host}/one HTTP/1.1\r\nHost: ${host}\r\n\r\n${hidden}`,
    "behind a length": `${line}Content-Length: 3\r\n\r\nabc${hidden}`,
    "behind chunks":
      `${line}Transfer-Encoding: chunked\r\n\r\n3;x="\\"\r\nabc\r\n0\r\nHost: evil.test\r\n\r\n${hidden}`,
  };
  for (const [name, request] of Object.entries(pipelined)) {
    const { answer } = await throughProxy(OK, request);
    assertMatch(answer, /hello$/, name);
    const [got] = server.got.splice(0);
    assert(!got!.includes("hidden") && !got!.includes("evil"), `${name}: ${got}`);
  }
  const broken: Record<string, string> = {
    "a chunk that is longer": `3\r\nabcd\r\n0\r\n\r\n`,
    "a size that is none": `0x3\r\nabc\r\n0\r\n\r\n`,
    "a size with a sign": `+3\r\nabc\r\n0\r\n\r\n`,
    "a size without end": `${"0".repeat(5000)}\r\n`,
    "a line feed alone": `3\nabc\r\n0\r\n\r\n`,
    "an extension with a line feed": `3;x\ny\r\nabc\r\n0\r\n\r\n`,
  };
  for (const [name, body] of Object.entries(broken)) {
    const { answer } = await throughProxy(
      OK,
      `${line}Transfer-Encoding: chunked\r\n\r\n${body}${hidden}`,
    );
    const got = server.got.splice(0).join("");
    assert(!got.includes("hidden"), `${name}: ${got}`);
    assert(!got.includes("0\r\n\r\n"), `${name}: the server must not think that it is whole`);
    assert(answer.length >= 0);
  }
});

Deno.test("SOCKS: names and addresses are checked alike; UDP and listening are refused", async () => {
  await using server = recorder("good");
  const port = String.fromCharCode(server.port >> 8, server.port & 255);
  const name = (host: string) => `\x03${String.fromCharCode(host.length)}${host}`;
  const ask = async (command: number, address: string) => {
    const { answer } = await throughProxy(
      OK,
      `\x05\x01\x00\x05${String.fromCharCode(command)}\x00${address}${port}raw\n`,
    );
    return { code: answer.charCodeAt(3), rest: answer.slice(12) };
  };
  assertEquals(await ask(1, name("OK.test.")), { code: 0, rest: "good" });
  assertEquals(await ask(1, "\x01\x7f\x00\x00\x01"), { code: 0, rest: "good" });
  for (
    const address of [
      name("evil.test"),
      name("127.0.0.2"),
      name("2130706434"),
      "\x01\x7f\x00\x00\x02",
      `\x04${"\0".repeat(10)}\xff\xff\x7f\x00\x00\x02`,
      `\x04${"\0".repeat(15)}\x01`,
    ]
  ) assertEquals((await ask(1, address)).code, 2, JSON.stringify(address));
  assertEquals((await ask(1, name("ok.test\0.evil"))).code, 1);
  for (const command of [2, 3]) assertEquals((await ask(command, name("ok.test"))).code, 7);
  assertEquals(server.got, ["raw\n", "raw\n"]);
});

Deno.test("an address of the resolver's range that stands for no name leads nowhere", async () => {
  await using server = recorder();
  const request = httpRequest("/", `ok.test:${server.port}`);
  for (const options of [OK, { ...OK, allowAddresses: ["198.18.0.0/15", "127.0.0.1/32"] }]) {
    const { answer, decisions } = await talk(options, "198.18.200.200", server.port, request);
    assertMatch(answer, CUT);
    assertEquals(decisions, [`tcp 198.18.200.200 ${server.port} deny`]);
    const connect =
      `CONNECT 198.18.200.200:${server.port} HTTP/1.1\r\nHost: 198.18.200.200:${server.port}\r\n\r\n`;
    assertMatch((await throughProxy(options, connect)).answer, /403/);
  }
  assertEquals(server.got, []);
});

Deno.test("an empty list denies everything", async () => {
  await using server = recorder();
  for (const lists of [{}, { allowDomains: [] }]) {
    const target = `ok.test:${server.port}`;
    assertMatch(
      (await throughProxy(lists, httpRequest(`http://${target}/`, target))).answer,
      /403/,
    );
    assertMatch((await talk(lists, "ok.test", server.port, "")).answer, /connect failed/);
    assertMatch((await talk(lists, "203.0.113.1", server.port, "raw\n")).answer, CUT);
  }
  assertEquals(server.got, []);
});

Deno.test("a sandbox with the host's network is not quietly left open", async () => {
  const error = await boxed(OK, sandbox().network("host")).output(["true"]).catch((it) => it);
  assertMatch(error.message, /needs a network namespace of its own/);
});
