/** Names and addresses in disguise: what is compared is what is dialled. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { SpecError } from "../../../lib/errors.ts";
import {
  isInRange,
  isWithin,
  parseAddress,
  parseIpv4,
  parseIpv6,
  parseRange,
} from "../../../lib/net/egress/address.ts";
import { hostText, parseAuthority, parseHost } from "../../../lib/net/egress/host_name.ts";
import { specialRange, translated } from "../../../lib/net/egress/special_ranges.ts";

const host = (text: string) => {
  const found = parseHost(text);
  return found && hostText(found);
};

Deno.test("a name has one spelling: no dot at the end, lower case, ASCII", () => {
  for (const name of ["example.com", "EXAMPLE.com", "example.com.", "eXaMpLe.CoM."]) {
    assertEquals(host(name), "example.com", name);
  }
  assertEquals(host("BÜCHER.example"), "xn--bcher-kva.example");
  assertEquals(host("XN--BCHER-KVA.example"), "xn--bcher-kva.example");
  assertEquals(host("ｅｘａｍｐｌｅ。com"), "example.com");
  assertEquals(host("_service.example.com"), "_service.example.com");
});

Deno.test("what is no name is refused", () => {
  for (
    const text of [
      "",
      ".",
      "..",
      "example.com..",
      ".example.com",
      "a..b",
      "a b",
      "a\0b",
      "ex%61mple.com",
      "user@example.com",
      "example.com/evil",
      "example.com\\.evil",
      "example.com#.evil",
      "-a.com",
      `${"a".repeat(64)}.com`,
      `${"a.".repeat(130)}com`,
      "bü%63her.de",
      "bü/cher.de",
      "example.com\r\nHost: evil",
      "fe80::1%eth0",
      "[::1",
      "::1]",
    ]
  ) assertEquals(parseHost(text), undefined, JSON.stringify(text));
});

Deno.test("an address is found in every notation", () => {
  for (
    const text of [
      "127.0.0.1",
      "127.0.0.1.",
      "127.1",
      "127.0.1",
      "2130706433",
      "0x7f000001",
      "0x7f.1",
      "0177.0.0.1",
      "0x7F.0.0x0.01",
      "017700000001",
      "::ffff:127.0.0.1",
      "[::ffff:7f00:1]",
      "0:0:0:0:0:ffff:127.0.0.1",
      "１２７.0.0.1",
      "①27.0.0.1",
    ]
  ) assertEquals(host(text), "127.0.0.1", text);
  // A number at the end that is no address is not a name either.
  for (
    const text of ["1.2.3.4.5", "256.1.1.1", "a.1", "1.2.3.09", "4294967296", "1.0x", "a.0xg1"]
  ) {
    const found = parseHost(text);
    assert(found === undefined || text === "a.0xg1" || text === "1.0x", text);
  }
  assertEquals(host("1.0x"), "1.0.0.0");
});

Deno.test("IPv6 is read and written as RFC 5952 says", () => {
  const cases: [string, string | undefined][] = [
    ["2001:DB8:0:0:8:800:200C:417A", "2001:db8::8:800:200c:417a"],
    ["::", "::"],
    ["::1", "::1"],
    ["1::", "1::"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["64:ff9b::10.0.0.1", "64:ff9b::a00:1"],
    ["1:2:3:4:5:6:7:8:9", undefined],
    ["1:2:3:4:5:6:7", undefined],
    ["1::2::3", undefined],
    ["1:2:3:4:5:6:7::8", undefined],
    [":1:2:3:4:5:6:7", undefined],
    ["12345::", undefined],
    ["::1.2.3", undefined],
    ["::01.2.3.4", undefined],
    ["1.2.3.4::", undefined],
    ["::g", undefined],
  ];
  for (const [text, expected] of cases) assertEquals(parseIpv6(text)?.text, expected, text);
});

Deno.test("ranges", () => {
  const inRange = (address: string, range: string) =>
    isInRange(parseAddress(address)!, parseRange(range, "r"));
  assert(inRange("10.255.0.1", "10.0.0.0/8"));
  assert(!inRange("11.0.0.0", "10.0.0.0/8"));
  assert(inRange("192.168.1.77", "192.168.1.64/27"));
  assert(!inRange("192.168.1.96", "192.168.1.64/27"));
  assert(inRange("::ffff:10.0.0.1", "10.0.0.0/8"));
  assert(!inRange("::1", "0.0.0.0/0"));
  assert(inRange("fd12::1", "fc00::/7"));
  assert(isWithin(parseRange("127.0.0.1", "r"), parseRange("127.0.0.0/8", "r")));
  assert(!isWithin(parseRange("0.0.0.0/0", "r"), parseRange("127.0.0.0/8", "r")));
  for (const wrong of ["", "a", "10.0.0.0/33", "10.0.0.1/8", "10.0.0/8", "::/129", "1.2.3.4/"]) {
    assertThrows(() => parseRange(wrong, "allowAddresses[0]"), SpecError, "allowAddresses[0]");
  }
  assertThrows(() => parseRange("10.1.2.3/8", "r"), SpecError, '"10.0.0.0/8"');
  assertThrows(() => parseRange("::ffff:10.1.2.3/96", "r"), SpecError);
});

Deno.test("addresses around the machine are told apart", () => {
  const kind = (text: string) => specialRange(translated(parseAddress(text)!))?.name;
  for (
    const [text, name] of [
      ["127.0.0.1", "loopback"],
      ["127.9.9.9", "loopback"],
      ["::1", "loopback"],
      ["0.0.0.0", "unspecified"],
      ["::", "unspecified"],
      ["10.0.0.1", "private"],
      ["172.31.255.255", "private"],
      ["172.32.0.1", undefined],
      ["192.168.0.1", "private"],
      ["fd00::1", "private"],
      ["169.254.1.1", "link-local"],
      ["fe80::1", "link-local"],
      ["169.254.169.254", "a metadata service"],
      ["fd00:ec2::254", "a metadata service"],
      ["168.63.129.16", "a metadata service"],
      ["100.64.0.1", "shared by a provider"],
      ["224.0.0.1", "multicast"],
      ["ff02::1", "multicast"],
      ["255.255.255.255", "reserved"],
      ["::127.0.0.1", "reserved"],
      ["::ffff:127.0.0.1", "loopback"],
      ["64:ff9b::127.0.0.1", "loopback"],
      ["64:ff9b::169.254.169.254", "a metadata service"],
      ["64:ff9b::8.8.8.8", undefined],
      ["2002:7f00:1::", "a tunnel"],
      ["2001:0:1::", "a tunnel"],
      ["4000::1", "reserved"],
      ["8.8.8.8", undefined],
      ["2606:4700::1111", undefined],
    ] as const
  ) assertEquals(kind(text), name, text);
});

Deno.test("an authority is a host and a port", () => {
  const read = (text: string, port?: number) => {
    const found = parseAuthority(text, port);
    return found && `${hostText(found.host)} ${found.port}`;
  };
  assertEquals(read("Example.com:443"), "example.com 443");
  assertEquals(read("[::1]:80"), "::1 80");
  assertEquals(read("example.com", 80), "example.com 80");
  for (
    const wrong of [
      "example.com",
      "example.com:",
      "a:0",
      "a:65536",
      "a:1:2",
      "::1:80",
      "[::1]80",
      ":80",
    ]
  ) assertEquals(read(wrong), undefined, wrong);
});

Deno.test("a thousand odd addresses: no parser throws or disagrees with itself", () => {
  const pieces = [
    "0",
    "1",
    "255",
    "256",
    "0x",
    "07",
    "::",
    ":",
    ".",
    "ffff",
    "%",
    "[",
    "a",
    "٣",
    "。",
  ];
  let seed = 1;
  const next = (most: number) => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % most;
  for (let round = 0; round < 20_000; round++) {
    const text = Array.from({ length: 1 + next(7) }, () => pieces[next(pieces.length)]).join("");
    const found = parseHost(text);
    if (found === undefined) continue;
    const again = parseHost(hostText(found));
    assertEquals(again && hostText(again), hostText(found), text);
    parseIpv4(text);
    parseIpv6(text);
  }
});
