/** The policy in use: the callback, changes while a sandbox runs, the log, several sandboxes. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { egress, type EgressDecision, EgressPolicy, egressReport } from "../../../hooks/egress.ts";
import { sandbox } from "../../../mod.ts";
import { text, until } from "../../integration/support.ts";
import { boxed, CUT, httpRequest, recorder, talk, throughProxy } from "./outside.ts";

const LOCAL = { allowAddresses: ["127.0.0.1/32"] };

Deno.test("the callback is asked about each request, and what it says happens", async () => {
  await using server = recorder();
  const seen: string[] = [];
  const options = {
    ...LOCAL,
    onRequest: async (
      question: { protocol: string; host: string; method?: string; path?: string },
    ) => {
      seen.push([question.protocol, question.host, question.method, question.path].join(" "));
      await new Promise((resolve) => setTimeout(resolve, 5));
      return question.host === "yes.test" && question.path !== "/no" ? "allow" : "deny";
    },
  } as const;
  const get = (host: string, path: string) =>
    throughProxy(
      options,
      httpRequest(`http://${host}:${server.port}${path}`, `${host}:${server.port}`),
    );
  assertMatch((await get("yes.test", "/")).answer, /hello$/);
  assertMatch((await get("yes.test", "/no")).answer, /403/);
  assertMatch((await get("no.test", "/")).answer, /403/);
  // A name that only the callback knows is resolved inside, and decided when it is connected to.
  assertMatch((await talk(options, "yes.test", server.port, "raw\n")).answer, /hello$/);
  assertMatch((await talk(options, "no.test", server.port, "raw\n")).answer, CUT);
  assertEquals(seen, [
    "http yes.test GET /",
    "http yes.test GET /no",
    "http no.test GET /",
    "tcp yes.test  ",
    "tcp no.test  ",
  ]);
  assertEquals(server.got.length, 2);
});

Deno.test("a change takes effect at once: new requests, and connections that are open", async () => {
  await using server = recorder("", { complete: () => false });
  const policy = new EgressPolicy({ allowDomains: ["a.test", "b.test"], ...LOCAL });
  const told: EgressDecision[] = [];
  const box = sandbox().timeout("30s").use(egress({
    policy,
    lookup: () => ["127.0.0.1"],
    onDecision: (decision) => told.push(decision),
  }));
  const script = `
use IO::Socket::IP; $| = 1;
sub tunnel { my $s = IO::Socket::IP->new(PeerHost => "127.0.0.1", PeerPort => 3128);
  print $s "CONNECT $_[0]:${server.port} HTTP/1.1\\r\\nHost: $_[0]:${server.port}\\r\\n\\r\\nraw\\n";
  my $l = readline($s); readline($s); $l =~ s/\\s+$//; print "$_[0] $l\\n"; $s }
my $a = tunnel("a.test"); my $b = tunnel("b.test"); print "ready\\n"; readline(STDIN);
my $r = ""; vec($r, fileno($a), 1) = 1; vec($r, fileno($b), 1) = 1; select($r, undef, undef, 5);
print "cut a\\n" if vec($r, fileno($a), 1); print "cut b\\n" if vec($r, fileno($b), 1);
tunnel("a.test"); tunnel("b.test");
`;
  await using child = await box.spawn(["perl", "-e", script], {
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  });
  const writer = child.stdin.getWriter();
  assert(await until(() => told.filter(({ protocol }) => protocol === "connect").length === 2));
  assert(await until(() => server.got.length === 2 && server.got.every((it) => it === "raw\n")));
  policy.update({ allowDomains: ["b.test"], ...LOCAL });
  await writer.write(new TextEncoder().encode("go\n"));
  await writer.close();
  const { stdout, ...status } = await child.output();
  assertEquals(
    text(stdout),
    "a.test HTTP/1.1 200 Connection established\nb.test HTTP/1.1 200 Connection established\nready\n" +
      "cut a\na.test HTTP/1.1 403 Forbidden\nb.test HTTP/1.1 200 Connection established\n",
  );
  const lines = egressReport(status)!.decisions.map(({ host, verdict, reason }) =>
    `${host} ${verdict}${reason.startsWith("cut") ? " cut" : ""}`
  );
  assertEquals(lines, [
    "a.test allow",
    "b.test allow",
    "a.test deny cut",
    "a.test deny",
    "b.test allow",
  ]);
});

Deno.test("the log tells what went where, and how much", async () => {
  await using server = recorder();
  const host = `ok.test:${server.port}`;
  const { output } = await throughProxy(
    { allowDomains: ["ok.test"], ...LOCAL },
    httpRequest(`http://${host}/x`, host),
  );
  const { decisions: [line], ...rest } = egressReport(output)!;
  const sent = server.got[0]!.length, received = 62;
  assert(Math.abs(line!.time - Date.now()) < 10_000);
  assertEquals({ ...line, time: 0 }, {
    time: 0,
    protocol: "http",
    host: "ok.test",
    port: server.port,
    method: "GET",
    path: "/x",
    verdict: "allow",
    reason: '"ok.test" is allowed',
    address: "127.0.0.1",
    sent,
    received,
  });
  assertEquals(rest, { omitted: 0, allowed: 1, denied: 0, sent, received });
});

Deno.test("one plugin serves several sandboxes at a time, each with its own log", async () => {
  await using server = recorder();
  const host = `ok.test:${server.port}`;
  const request = httpRequest(`http://${host}/`, host);
  const box = boxed({ allowDomains: ["ok.test"], ...LOCAL })
    .file(
      "/get.pl",
      `use IO::Socket::IP; my $s = IO::Socket::IP->new(PeerHost => "127.0.0.1", PeerPort => 3128);
print $s ${JSON.stringify(request)}; local $/; print <$s>;`,
    );
  const outputs = await Promise.all(
    Array.from({ length: 8 }, () => box.output(["perl", "/get.pl"])),
  );
  for (const output of outputs) {
    assertMatch(text(output.stdout), /hello$/);
    assertEquals(egressReport(output)!.decisions.length, 1);
  }
});

Deno.test("a name that is not there, a server that does not answer: the client is told", async () => {
  const refused = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = refused.addr;
  refused.close();
  const options = { allowDomains: ["ok.test", "gone.test"], ...LOCAL };
  const lookup = (name: string) => name === "gone.test" ? [] : ["127.0.0.1"];
  const get = (host: string) =>
    throughProxy({ ...options, lookup }, httpRequest(`http://${host}:${port}/`, `${host}:${port}`));
  const closed = await get("ok.test");
  assertMatch(closed.answer, /^HTTP\/1.1 502 [^]*ECONNREFUSED/);
  assertMatch(closed.reasons, /is allowed, but connect/);
  assertMatch((await get("gone.test")).answer, /^HTTP\/1.1 502 [^]*not known/);
  assertMatch((await talk({ ...options, lookup }, "gone.test", port, "")).answer, /connect failed/);
});

Deno.test("WebSocket goes through plain HTTP once the server has said yes, and only then", async () => {
  const upgrade = (host: string) =>
    httpRequest(`http://${host}/`, host, "Connection: Upgrade", "Upgrade: websocket") + "frames";
  const complete = (it: string) => it.includes("\r\n\r\n");
  {
    await using server = recorder("HTTP/1.1 101 Switching Protocols\r\n\r\nback", { complete });
    const host = `ok.test:${server.port}`;
    const { answer } = await throughProxy({ allowDomains: ["ok.test"], ...LOCAL }, upgrade(host));
    assertMatch(answer, /101[^]*back$/);
    assertMatch(server.got[0]!, /Upgrade: websocket\r\n\r\nframes$/);
  }
  await using server = recorder("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno", { complete });
  const host = `ok.test:${server.port}`;
  await throughProxy({ allowDomains: ["ok.test"], ...LOCAL }, upgrade(host));
  assertMatch(server.got[0]!, /Upgrade: websocket\r\n\r\n$/);
});

Deno.test("programs are told of the proxy, but for what the user has set", async () => {
  const box = boxed({ allowDomains: ["ok.test"] }).env("NO_PROXY", "mine");
  const { stdout } = await box.output(["env"]);
  const set = Object.fromEntries(text(stdout).split("\n").map((line) => line.split("=", 2)));
  for (const name of ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"]) {
    assertEquals(set[name], "http://127.0.0.1:3128");
  }
  assertEquals([set.ALL_PROXY, set.all_proxy], [
    "socks5h://127.0.0.1:3128",
    "socks5h://127.0.0.1:3128",
  ]);
  assertEquals([set.NO_PROXY, set.NODE_USE_ENV_PROXY], ["mine", "1"]);
  assert(!("node_use_env_proxy" in set));
});
