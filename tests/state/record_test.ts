/** Records are read whole or not at all. */
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { SandboxError } from "../../mod.ts";
import { decodeJson, encodeJson } from "../../lib/state/plain_json.ts";
import { encodeRecord, parseRecord } from "../../lib/state/record.ts";
import { sampleRecord } from "./support.ts";

const identity = { pid: 7, start: "123", boot: "b", inode: "456" };

const RECORDS = {
  "one about to start": sampleRecord(),
  "one that runs": sampleRecord({
    name: "web",
    started: "123456789",
    processes: { keeper: identity, first: identity, command: identity },
    namespaces: { net: { inode: "4026531840", fd: 144 } },
    argv: ["sh", new Uint8Array([0xff, 0xfe])],
    environment: ["A=b", new Uint8Array([0x41, 0x3d, 0xff])],
    cgroups: ["/sys/fs/cgroup/paddock.1"],
    cgroupLayout: [{ version: 2, directory: "/sys/fs/cgroup", controllers: ["pids"] }],
  }),
};

for (const [what, record] of Object.entries(RECORDS)) {
  Deno.test(`what is written of ${what} is what is read`, () => {
    assertEquals(parseRecord(encodeRecord(record), "there"), record);
  });
}

function refused(text: string): string {
  return assertThrows(() => parseRecord(text, "/state/record.json"), SandboxError).message;
}

Deno.test("a record that is cut off anywhere is an error", () => {
  const text = encodeRecord(RECORDS["one that runs"]);
  for (let length = 0; length < text.length - 2; length += 7) {
    assertStringIncludes(
      refused(text.slice(0, length)),
      'the record "/state/record.json" cannot be',
    );
  }
});

Deno.test("a record of another version is an error that says so", () => {
  const text = encodeRecord(sampleRecord()).replace('"version":1', '"version":2');
  assertEquals(
    refused(text),
    'the record "/state/record.json" has the version 2, and this Paddock reads 1; use the one that wrote it',
  );
});

Deno.test("what is no record is an error that names the field", () => {
  const wrong: [Record<string, unknown>, string][] = [
    [{ id: "../../etc" }, "id"],
    [{ name: "../x" }, "name"],
    [{ argv: "true" }, "argv"],
    [{ starter: { ...identity, pid: -1 } }, "starter"],
    [{ starter: { ...identity, pid: 0 } }, "starter"],
    [{ processes: { keeper: identity, first: identity } }, "processes"],
    [{ namespaces: { net: { inode: "x", fd: 3 } } }, "namespaces"],
    [{ namespaces: { other: { inode: "1", fd: 3 } } }, "namespaces"],
    [{ owner: -5 }, "owner"],
    [{ surprise: 1 }, "surprise"],
    [{ spec: undefined }, "spec"],
  ];
  for (const [change, field] of wrong) {
    const text = encodeJson({ ...RECORDS["one that runs"], ...change });
    assertStringIncludes(refused(text), `"${field}" is not what it should be`);
  }
  for (const text of ["[]", "null", "7", '"x"']) assertStringIncludes(refused(text), "no object");
  assertStringIncludes(refused("{}"), "has the version undefined");
});

Deno.test("bytes and large integers come back as they were", () => {
  const value = { a: [new Uint8Array([1, 255]), 2n ** 60n, "x"], b: { c: null } };
  assertEquals(decodeJson(encodeJson(value)), value);
});
