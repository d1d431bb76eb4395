/**
 * What a sandbox can do to the program outside by its connections: nothing that costs memory,
 * descriptors or time without end.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { egressReport } from "../../../hooks/egress.ts";
import { openDescriptors, text, until } from "../../integration/support.ts";
import { boxed, CUT, httpRequest, recorder, talk, throughProxy } from "./outside.ts";

const OK = { allowDomains: ["ok.test"], allowAddresses: ["127.0.0.1/32"] };

/** The most descriptors that a process may have here. */
function descriptorLimit(): number {
  const line = /^Max open files\s+\d+\s+(\d+)/m.exec(Deno.readTextFileSync("/proc/self/limits"));
  return Number(line?.[1] ?? 1024);
}

// Opens connections and keeps them; then tells how many there were, and whether one works.
const CROWD = `
use strict; use Socket; use IO::Socket::IP; use Fcntl; use Errno qw(EINPROGRESS);
my ($count, $port, $target) = @ARGV; my @all; $| = 1;
my $to = sockaddr_in($port, inet_aton("127.0.0.1"));
for (1 .. $count) {
  socket(my $s, PF_INET, SOCK_STREAM, 0) or last;
  fcntl($s, F_SETFL, O_NONBLOCK);
  connect($s, $to) or $!{EINPROGRESS} or last;
  push @all, $s;
}
print scalar(@all), "\\n";
select(undef, undef, undef, 0.5);
syswrite($_, "GET ") for @all[0 .. 99];
select(undef, undef, undef, 0.5);
close $_ for @all;
my $s = IO::Socket::IP->new(PeerHost => "127.0.0.1", PeerPort => 3128, Timeout => 20) or die "no: $!";
print $s "GET http://$target/ HTTP/1.1\\r\\nHost: $target\\r\\n\\r\\n";
local $/; print <$s>;
`;

Deno.test({
  name: "10,000 open connections: the program outside keeps its limit, and serves on afterwards",
  ignore: descriptorLimit() < 16_000,
  async fn() {
    await using server = recorder();
    // The agent is started by the first sandbox, and stays.
    await throughProxy(OK, "");
    const before = openDescriptors();
    let most = 0;
    const watching = setInterval(() => most = Math.max(most, openDescriptors()), 50);
    const memory = Deno.memoryUsage().rss;
    const output = await boxed({ ...OK, maxConnections: 1000 }).file("/crowd.pl", CROWD)
      .rlimit("nofile", 12_000)
      .output(["perl", "/crowd.pl", "10000", "3128", `ok.test:${server.port}`]);
    clearInterval(watching);
    const [count, ...answer] = text(output.stdout).split("\n");
    assertEquals(count, "10000", text(output.stderr));
    assertMatch(answer.join("\n"), /hello$/);
    assert(most - before < 1100, `${most - before} descriptors`);
    const grown = (Deno.memoryUsage().rss - memory) / 2 ** 20;
    assert(grown < 100, `${grown} MiB`);
    assert(await until(() => openDescriptors() <= before), `${openDescriptors()} of ${before}`);
  },
});

Deno.test("a slow client is cut, before and within its request", async () => {
  await using server = recorder();
  const host = `ok.test:${server.port}`;
  const quick = { ...OK, patience: 300 };
  for (
    const start of [
      "",
      "\x05",
      "\x05\x01\x00\x05\x01",
      `GET http://${host}/ HTTP/1.1\r\nHost: `,
      `CONNECT ${host} HTTP/1.1\r\nHost: ${host}\r\n\r\n\x16\x03\x01\x02`,
      `CONNECT ${host} HTTP/1.1\r\nHost: ${host}\r\n\r\nGE`,
    ]
  ) {
    const begun = performance.now();
    const { answer } = await throughProxy(quick, start);
    // What came before the cut may be there: SOCKS' first answer, or the tunnel's.
    assertMatch(answer, /reset by peer\]$|^$/, start);
    assert(performance.now() - begun < 5_000, start);
  }
  // The same for a connection that was redirected.
  for (const start of ["GE", `GET / HTTP/1.1\r\nHost: ok`, "\x16\x03"]) {
    const { answer } = await talk(quick, "ok.test", server.port, start);
    assertMatch(answer, CUT, start);
  }
  assertEquals(server.got.join(""), "");
});

// One byte at a time would be dear for whoever reads all again each time.
const CRUMBS = `
use strict; use IO::Socket::IP; use Socket; my ($port) = @ARGV; $SIG{PIPE} = "IGNORE";
my $s = IO::Socket::IP->new(PeerHost => "127.0.0.1", PeerPort => $port); setsockopt($s, 6, 1, 1);
my $head = "GET / HTTP/1.1\\r\\n" . ("X: y\\r\\n" x 190) . "Y: " . ("z" x 70000);
for my $c (split //, $head) { last unless syswrite($s, $c) }
local $/; print <$s>;
`;

Deno.test("a head without end is refused at 64 KiB, in one piece and in crumbs", async () => {
  const { answer } = await throughProxy(OK, `GET / HTTP/1.1\r\nX: ${"y".repeat(200_000)}`);
  assertMatch(answer, /^HTTP\/1.1 431/);
  const lines = await throughProxy(OK, `GET / HTTP/1.1\r\n${"X: y\r\n".repeat(20_000)}`);
  assertMatch(lines.answer, /^HTTP\/1.1 431/);
  const begun = performance.now();
  const output = await boxed(OK).file("/crumbs.pl", CRUMBS).output(["perl", "/crumbs.pl", "3128"]);
  assertMatch(text(output.stdout), /^HTTP\/1.1 431/);
  assert(performance.now() - begun < 10_000);
});

Deno.test("a client that does not read stops the server; nothing piles up in between", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let sent = 0;
  const serving = (async () => {
    const connection = await listener.accept();
    const chunk = new Uint8Array(256 * 1024);
    try {
      for (;;) sent += await connection.write(chunk);
    } catch { /* cut */ }
    connection.close();
  })();
  const script = `
use IO::Socket::IP; my $s = IO::Socket::IP->new(PeerHost => "127.0.0.1", PeerPort => 3128);
print $s "CONNECT ok.test:${listener.addr.port} HTTP/1.1\\r\\nHost: ok.test:${listener.addr.port}\\r\\n\\r\\n";
select(undef, undef, undef, 1.5);
`;
  const memory = Deno.memoryUsage().rss;
  await boxed(OK).output(["perl", "-e", script]);
  assert(sent > 0 && sent < 64 * 2 ** 20, `${sent} bytes were taken from the server`);
  assert(Deno.memoryUsage().rss - memory < 64 * 2 ** 20);
  listener.close();
  await serving;
});

Deno.test("the cap holds, in both directions, for all connections together", async () => {
  await using server = recorder(
    `HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n${"x".repeat(300_000)}`,
    { complete: (it) => it.endsWith("end") },
  );
  const host = `ok.test:${server.port}`;
  const request = httpRequest(`http://${host}/`, host, "Content-Length: 300003") +
    `${"y".repeat(300_000)}end`;
  const time = async (options: object) => {
    const begun = performance.now();
    const { answer, output } = await throughProxy({ ...OK, ...options }, request);
    assert(answer.length > 300_000);
    const report = egressReport(output)!;
    assert(report.sent > 300_000 && report.received > 300_000, JSON.stringify(report));
    return performance.now() - begun;
  };
  const free = await time({});
  assert(free < 500, `${free} ms`);
  // 600 kB at 400 kB a second, less the tenth of a second that may come at once.
  const up = await time({ bandwidth: { up: "3200kbit" } });
  assert(up > 600 && up < 2_000, `${up} ms`);
  const down = await time({ bandwidth: { down: "3200kbit" } });
  assert(down > 600 && down < 2_000, `${down} ms`);
});

Deno.test("a flood of questions is answered or dropped, and none is looked up twice at a time", async () => {
  let running = 0, most = 0, asked = 0;
  const lookup = async () => {
    asked++;
    most = Math.max(most, ++running);
    await new Promise((resolve) => setTimeout(resolve, 5));
    running--;
    return ["127.0.0.1"];
  };
  const script = `
use Socket; socket(my $s, PF_INET, SOCK_DGRAM, 0); connect($s, sockaddr_in(53, inet_aton("127.0.0.53")));
for my $i (1 .. 3000) {
  my $l = "n" . ($i % 500);
  send($s, pack("nnnnnn", $i, 256, 1, 0, 0, 0) . chr(length $l) . $l . "\\x02ok\\x04test\\x00" . pack("nn", 1, 1), 0);
}
select(undef, undef, undef, 0.3);
send($s, pack("nnnnnn", 7, 256, 1, 0, 0, 0) . "\\x02n1\\x02ok\\x04test\\x00" . pack("nn", 1, 1), 0);
my $n = 0; eval { local $SIG{ALRM} = sub { die }; alarm 2; my $b; while (defined recv($s, $b, 512, 0)) { $n++ } };
print $n > 0 ? "answered" : "nothing";
`;
  const output = await boxed({ allowDomains: ["*.ok.test"], allowAddresses: ["127.0.0.1"], lookup })
    .output(["perl", "-e", script]);
  assertEquals(text(output.stdout), "answered");
  assert(most <= 8, `${most} at a time`);
  assert(asked <= 500, `${asked} lookups`);
});

Deno.test("nothing is left: descriptors, whatever was open, and when it is killed", async () => {
  await using server = recorder("x", { complete: () => false });
  await throughProxy(OK, httpRequest(`http://ok.test:${server.port}/`, "evil.test"));
  const before = openDescriptors();
  for (let round = 0; round < 5; round++) {
    const script = `
use IO::Socket::IP; my @all; $| = 1;
for (1 .. 20) { my $s = IO::Socket::IP->new(PeerHost => "127.0.0.1", PeerPort => 3128);
  print $s "CONNECT ok.test:${server.port} HTTP/1.1\\r\\nHost: ok.test:${server.port}\\r\\n\\r\\nraw\\n"; push @all, $s }
print scalar readline($all[19]); sleep 30;
`;
    await using child = await boxed(OK).spawn(["perl", "-e", script], {
      stdout: "piped",
      stdin: "null",
    });
    const reader = child.stdout.getReader();
    await reader.read();
    child.kill("SIGKILL");
    await child.status;
    await reader.cancel();
    reader.releaseLock();
  }
  assert(await until(() => openDescriptors() <= before), `${openDescriptors()} of ${before}`);
});

Deno.test("without redirection, only the proxy and the resolver can be reached", async () => {
  await using server = recorder();
  const closed = { ...OK, transparent: false };
  assertMatch((await talk(closed, "ok.test", server.port, "raw\n")).answer, /connect failed/);
  assertMatch((await talk(closed, "203.0.113.1", 443, "raw\n")).answer, /connect failed/);
  const host = `ok.test:${server.port}`;
  assertMatch((await throughProxy(closed, httpRequest(`http://${host}/`, host))).answer, /hello$/);
});
