import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { SpecError } from "../../../lib/errors.ts";
import { parseAddress } from "../../../lib/net/egress/address.ts";
import { DecisionLog } from "../../../lib/net/egress/decision_log.ts";
import { parseHost } from "../../../lib/net/egress/host_name.ts";
import { type Asked, EgressPolicy } from "../../../lib/net/egress/policy.ts";
import type { EgressQuestion } from "../../../lib/net/egress/request.ts";

function ask(host: string, port = 443, more: Partial<Asked> = {}): Asked {
  return { protocol: "connect", host: parseHost(host)!, port, ...more };
}
const verdict = (policy: EgressPolicy, ...args: Parameters<typeof ask>) =>
  policy.listed(ask(...args)).verdict;

Deno.test("nothing is allowed that is not listed, and an empty list lists nothing", () => {
  for (const lists of [{}, { allowDomains: [] }, { allowDomains: [], allowAddresses: [] }]) {
    const policy = new EgressPolicy(lists);
    for (const host of ["example.com", "localhost", "127.0.0.1", "8.8.8.8", "2606::1"]) {
      assertEquals(verdict(policy, host), "deny", host);
    }
  }
});

Deno.test("a name is that name alone; a star is all below it", () => {
  const policy = new EgressPolicy({ allowDomains: ["Example.com.", "*.wild.org", "bücher.de"] });
  for (
    const host of ["example.com", "EXAMPLE.COM.", "a.wild.org", "a.b.wild.org", "xn--bcher-kva.de"]
  ) {
    assertEquals(verdict(policy, host), "allow", host);
  }
  for (
    const host of [
      "www.example.com",
      "wild.org",
      "evilwild.org",
      "example.com.evil.org",
      "evil-example.com",
      "xn--example.com",
      "wild.org.evil",
    ]
  ) assertEquals(verdict(policy, host), "deny", host);
  assertEquals(verdict(new EgressPolicy({ allowDomains: ["*"] }), "any.thing"), "allow");
  assertEquals(verdict(new EgressPolicy({ allowDomains: ["*"] }), "8.8.8.8"), "deny");
});

Deno.test("ports and methods narrow an entry", () => {
  const policy = new EgressPolicy({
    allowDomains: [
      "a.com:8443",
      { name: "b.com", ports: [80, 443] },
      { name: "c.com", methods: ["GET", "HEAD"] },
    ],
  });
  assertEquals(verdict(policy, "a.com", 8443), "allow");
  assertEquals(verdict(policy, "a.com", 443), "deny");
  assertEquals(verdict(policy, "b.com", 80), "allow");
  assertEquals(verdict(policy, "b.com", 22), "deny");
  assertEquals(verdict(policy, "c.com", 80, { protocol: "http", method: "GET" }), "allow");
  assertEquals(verdict(policy, "c.com", 80, { protocol: "http", method: "POST" }), "deny");
  // What cannot be seen cannot be allowed.
  assertEquals(verdict(policy, "c.com", 443), "deny");
  assertEquals(verdict(policy, "c.com", 443, { protocol: "tls" }), "deny");
  assertEquals(verdict(policy, "a.com", 0, { protocol: "dns" }), "allow");
});

Deno.test("a deny list wins, over the callback too", async () => {
  const policy = new EgressPolicy({
    allowDomains: ["*.com", "*.org"],
    denyDomains: ["bad.com", "*.bad.com", "half.com:22"],
    denyAddresses: ["8.8.0.0/16"],
    onRequest: () => "allow",
  });
  for (const host of ["bad.com", "x.bad.com"]) {
    assertEquals((await policy.decide(ask(host))).verdict, "deny");
    assertEquals(verdict(policy, host, 0, { protocol: "dns" }), "deny");
  }
  assertEquals((await policy.decide(ask("half.com", 22))).verdict, "deny");
  assertEquals((await policy.decide(ask("half.com", 443))).verdict, "allow");
  assertEquals(verdict(policy, "half.com", 0, { protocol: "dns" }), "allow");
  assertEquals((await policy.decide(ask("8.8.8.8"))).verdict, "deny");
  assertMatch(policy.refusal(parseAddress("8.8.4.4")!)!, /denied/);
});

Deno.test("the callback decides, knows what the lists say, and its failures are a no", async () => {
  const seen: EgressQuestion[] = [];
  const policy = new EgressPolicy({
    allowDomains: ["a.com"],
    onRequest: (question) => {
      seen.push(question);
      if (question.host === "throws.com") throw new Error("oh");
      if (question.host === "odd.com") return "yes" as "allow";
      return Promise.resolve(question.host === "a.com" ? "deny" : "allow");
    },
  });
  assertEquals((await policy.decide(ask("a.com"))).verdict, "deny");
  assertEquals(
    (await policy.decide(ask("b.com", 80, { protocol: "http", method: "PUT", path: "/x" })))
      .verdict,
    "allow",
  );
  assertEquals((await policy.decide(ask("throws.com"))).verdict, "deny");
  assertEquals((await policy.decide(ask("odd.com"))).verdict, "deny");
  assertEquals(seen[0], { protocol: "connect", host: "a.com", port: 443, listed: "allow" });
  assertEquals(seen[1], {
    protocol: "http",
    host: "b.com",
    port: 80,
    method: "PUT",
    path: "/x",
    listed: "deny",
  });
});

Deno.test("an update takes effect at once, and one that is wrong changes nothing", () => {
  const policy = new EgressPolicy({ allowDomains: ["a.com"] });
  let told = 0;
  const forget = policy.watch(() => told++);
  policy.update({ allowDomains: ["b.com"] });
  assertEquals([verdict(policy, "a.com"), verdict(policy, "b.com"), told], ["deny", "allow", 1]);
  assertThrows(() => policy.update({ allowDomains: ["a.com", "http://x"] }), SpecError);
  assertEquals([verdict(policy, "a.com"), verdict(policy, "b.com"), told], ["deny", "allow", 1]);
  policy.update({});
  assertEquals(verdict(policy, "b.com"), "deny");
  forget();
  policy.update({});
  assertEquals(told, 2);
});

Deno.test("addresses around the machine are refused unless a range of their kind lists them", () => {
  const refused = (address: string, ...allowAddresses: string[]) =>
    new EgressPolicy({ allowAddresses }, (it) => it.text === "93.1.1.1")
      .refusal(parseAddress(address)!) !== undefined;
  assert(!refused("93.184.216.34"));
  for (
    const address of [
      "127.0.0.1",
      "10.0.0.1",
      "169.254.169.254",
      "::1",
      "fd00::1",
      "224.0.0.1",
      "::ffff:127.0.0.1",
      "64:ff9b::7f00:1",
      "0.0.0.0",
      "93.1.1.1",
    ]
  ) {
    assert(refused(address), address);
    // All of the internet is not this machine.
    assert(refused(address, "0.0.0.0/0", "::/0"), address);
  }
  assert(!refused("127.0.0.1", "127.0.0.0/8"));
  assert(!refused("10.1.2.3", "10.1.2.0/24"));
  assert(refused("10.1.3.3", "10.1.2.0/24"));
  assert(refused("169.254.169.254", "169.254.0.0/16"), "metadata has to be listed itself");
  assert(!refused("169.254.169.254", "169.254.169.254"));
  assert(!refused("93.1.1.1", "93.1.1.0/24"));
});

Deno.test("an entry that is wrong says how to write it", () => {
  const cases: [unknown, RegExp][] = [
    ["https://example.com", /allowDomains\[0\].*without https/],
    [".example.com", /write "\*\.example\.com"/],
    ["exam*ple.com", /is not a name/],
    ["example.*", /is not a name/],
    ["example.com/path", /is not a name/],
    ["example.com:0", /not a port/],
    ["example.com:99999", /not a port/],
    ["example.com:http", /is not a name/],
    ["", /is not a name/],
    ["10.0.0.1", /allowAddresses/],
    ["0x7f.1", /allowAddresses/],
    ["::1", /allowAddresses/],
    [{ name: "a.com", port: 1 }, /did you mean "ports"\? known: name, ports, methods/],
    [{ name: "a.com:1", ports: [2] }, /has a port already/],
    [{ name: "a.com", methods: ["get"] }, /not an HTTP method/],
    [7, /is a name, or/],
  ];
  for (const [entry, message] of cases) {
    const error = assertThrows(
      () => new EgressPolicy({ allowDomains: [entry as string] }),
      SpecError,
    );
    assertMatch(error.message, message);
  }
  assertThrows(
    () => new EgressPolicy({ allowDomains: "a.com" as unknown as string[] }),
    SpecError,
    "is a list",
  );
});

Deno.test("the log has an end, and counts on", () => {
  const log = new DecisionLog();
  const asked = ask("a.com", 80, { protocol: "http", method: "GET", path: `/${"x".repeat(5000)}` });
  for (let count = 0; count < 12_000; count++) log.add(asked, { verdict: "deny", reason: "no" });
  const report = log.report();
  assertEquals([report.decisions.length, report.omitted, report.denied], [10_000, 2_000, 12_000]);
  assert(report.decisions[0]!.path!.length < 1100);
});
