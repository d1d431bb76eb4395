import { assertEquals, assertThrows } from "@std/assert";
import { SpecError } from "../../mod.ts";
import {
  addressAt,
  decodeSocketAddress,
  formatAddress,
  formatHardwareAddress,
  formatPrefix,
  isWithin,
  parseAddress,
  parseHardwareAddress,
  parsePrefix,
  parseRate,
  socketAddress,
} from "../../lib/net/mod.ts";

Deno.test("address: text to bytes and back", () => {
  for (
    const [text, canonical = text] of [
      ["10.0.0.2"],
      ["255.255.255.255"],
      ["::"],
      ["::1"],
      ["fd00::2"],
      ["2001:db8:0:1:1:1:1:1"],
      ["2001:0db8:0000:0000:0001:0000:0000:0001", "2001:db8::1:0:0:1"],
      ["1:0:0:2::", "1:0:0:2::"],
      ["::ffff:10.0.0.2", "::ffff:a00:2"],
      ["64:ff9b::192.0.2.1", "64:ff9b::c000:201"],
      ["FE80::ABCD", "fe80::abcd"],
      ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
    ]
  ) {
    assertEquals(formatAddress(parseAddress(text!)!), canonical, text);
  }
});

Deno.test("address: what only looks like one is none", () => {
  for (
    const text of [
      "",
      "10.0.0",
      "10.0.0.256",
      "010.0.0.1",
      "0x0a.0.0.1",
      "10.0.0.1 ",
      "1.2.3.4.5",
      "167772161",
      ":",
      ":::",
      "1::2::3",
      "1:2:3:4:5:6:7",
      "1:2:3:4:5:6:7:8:9",
      "1:2:3:4:5:6:7:8::",
      "12345::",
      "fe80::1%eth0",
      "::10.0.0",
      "1:2:3:4:5:6:7:10.0.0.1",
      "[::1]",
    ]
  ) {
    assertEquals(parseAddress(text), undefined, text);
  }
});

Deno.test("address: prefixes, and places in them", () => {
  const prefix = parsePrefix("10.213.4.7/22", "it");
  assertEquals(formatPrefix(prefix), "10.213.4.7/22");
  assertEquals(formatAddress(addressAt(prefix, 0)), "10.213.4.0");
  assertEquals(formatAddress(addressAt(prefix, 1)), "10.213.4.1");
  assertEquals(formatAddress(addressAt(prefix, 1022)), "10.213.7.254");
  assertEquals(formatAddress(addressAt(parsePrefix("fd00::/64", "it"), 65537)), "fd00::1:1");
  const within = (text: string) => isWithin(parseAddress(text)!, prefix);
  assertEquals(within("10.213.7.255"), true);
  assertEquals(within("10.213.8.0"), false);
  assertEquals(within("::1"), false);
  assertEquals(isWithin(parseAddress("8.8.8.8")!, parsePrefix("0.0.0.0/0", "it")), true);
  for (const text of ["10.0.0.0/33", "fd00::/129", "10.0.0.0/", "10.0.0.0/01", "10.0.0/8", "/8"]) {
    assertThrows(() => parsePrefix(text, "it"), SpecError, "it: ");
  }
});

Deno.test("address: sockets', hardware's, and rates", () => {
  for (const text of ["127.0.0.1", "::1"]) {
    const found = decodeSocketAddress(socketAddress(parseAddress(text)!, 8080))!;
    assertEquals([formatAddress(found.address), found.port], [text, 8080]);
  }
  assertEquals(decodeSocketAddress(new Uint8Array(4)), undefined);
  assertEquals(
    formatHardwareAddress(parseHardwareAddress("02:AB:00:00:00:01", "it")),
    "02:ab:00:00:00:01",
  );
  assertThrows(() => parseHardwareAddress("02:ab:00:00:00", "it"), SpecError);
  assertEquals(parseRate("10mbit", "it"), 10_000_000);
  assertEquals(parseRate("1.5Gbit", "it"), 1_500_000_000);
  assertEquals(parseRate(1000, "it"), 1000);
  for (const rate of ["10", "10mb", "0bit", "-1bit", "", 0, -1, NaN]) {
    assertThrows(() => parseRate(rate, "it"), SpecError);
  }
});
