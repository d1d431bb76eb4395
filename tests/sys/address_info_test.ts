import { assert, assertEquals } from "@std/assert";
import { addressInfo } from "../../lib/sys/mod.ts";

Deno.test("localhost is a loopback address; a name that is none gives the error's name", async () => {
  const found = await addressInfo("localhost");
  assert(Array.isArray(found) && found.length > 0);
  for (const bytes of found) {
    assert(bytes.length === 4 ? bytes[0] === 127 : bytes[15] === 1, String(bytes));
  }
  // No dot ends it, and .invalid is nobody's (RFC 6761); no question leaves for an empty label.
  assert(typeof await addressInfo("a..invalid") === "string");
  assertEquals(await addressInfo(""), "EAI_NONAME");
  assertEquals(await addressInfo("local\0host"), "EAI_NONAME");
});

Deno.test("many at a time", async () => {
  const all = await Promise.all(Array.from({ length: 50 }, () => addressInfo("127.0.0.9")));
  for (const found of all) assertEquals(found, [Uint8Array.of(127, 0, 0, 9)]);
});
