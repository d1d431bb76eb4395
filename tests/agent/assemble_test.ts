import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { assemble, OPERATION_SIZE } from "../../lib/agent/assembler.ts";
import { writeElf } from "../../lib/agent/elf.ts";
import { decodeEvent, EVENT_SIZE, EventKind, eventTemplate } from "../../lib/agent/event.ts";
import { INTERPRETER } from "../../lib/agent/interpreter.ts";
import { BOOT, CODE } from "../../lib/agent/layout.ts";
import { assemble as assembleSource } from "../../scripts/assemble_agent.ts";

for (const arch of ["x86_64", "aarch64"] as const) {
  const code = await assembleSource(arch).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    console.warn(`skipped: the bytes of ${arch} against their source: ${error.message}`);
    return undefined;
  });
  Deno.test({
    name: `agent: the bytes of ${arch} are what the source assembles to`,
    ignore: code === undefined,
    fn: () => {
      const hex = Array.from(code!, (byte) => byte.toString(16).padStart(2, "0")).join("");
      assertEquals(INTERPRETER[arch], hex);
    },
  });
}

Deno.test("agent: the interpreter is a few hundred bytes", () => {
  for (const hex of Object.values(INTERPRETER)) assertEquals(hex.length / 2 < 640, true);
});

Deno.test({
  name: "agent: the file is an ELF that other programs understand",
  permissions: "none",
  fn: () => {
    const { bytes } = assemble(BOOT, [{ call: "exit_group", args: [0] }]);
    for (const [arch, machine] of [["x86_64", 62], ["aarch64", 183]] as const) {
      const file = writeElf(bytes, arch);
      const view = new DataView(file.buffer);
      assertEquals([...file.slice(0, 6)], [0x7f, 0x45, 0x4c, 0x46, 2, 1]);
      assertEquals(view.getUint16(16, true), 2);
      assertEquals(view.getUint16(18, true), machine);
      const entry = Number(view.getBigUint64(24, true));
      assertEquals(entry >= CODE && entry < CODE + 0x1000, true);
      const count = view.getUint16(56, true), first = Number(view.getBigUint64(32, true));
      for (let index = 0; index < count; index++) {
        const header = first + index * 56;
        if (view.getUint32(header, true) !== 1) continue;
        const flags = view.getUint32(header + 4, true);
        assertNotEquals(flags & 3, 3, "never writable and executable");
        const offset = view.getBigUint64(header + 8, true),
          address = view.getBigUint64(header + 16, true);
        assertEquals(offset % 0x1_0000n, address % 0x1_0000n, "loads with pages of 64 KiB, too");
      }
    }
  },
});

Deno.test({
  name: "assembler: what makes no sense is refused",
  permissions: "none",
  fn: () => {
    assertThrows(() => assemble(BOOT, [{ call: "SET", goto: "nowhere" }]), Error, "nowhere");
    assertThrows(
      () => assemble(BOOT, [{ call: "SET", label: "a" }, { call: "SET", label: "a" }]),
      Error,
      "twice",
    );
    assertThrows(
      () => assemble(BOOT, [{ call: "SET", label: "a", goto: "a", onError: { goto: "a" } }]),
      Error,
      "one target",
    );
  },
});

Deno.test({
  name: "assembler: equal texts are kept once, places keep apart",
  permissions: "none",
  fn: () => {
    const text = "x".repeat(1000);
    const one = assemble(BOOT, [{ call: "SET", args: [text] }]);
    const two = assemble(BOOT, [{ call: "SET", args: [text] }, { call: "SET", args: [text] }]);
    assertEquals(two.bytes.length, one.bytes.length + OPERATION_SIZE);
    const { places } = assemble(BOOT, [
      { call: "SET", store: "a" },
      { call: "SET", store: "b" },
      { call: "SET", store: { name: "c", offset: 24 } },
    ], { buffers: { c: 32 } });
    assertEquals(places.get("b")! - places.get("a")!, 8);
    assertEquals(places.get("c")! - places.get("b")!, 8);
  },
});

Deno.test({
  name: "events: a record comes back as it was written",
  permissions: "none",
  fn: () => {
    const bytes = eventTemplate(EventKind.RESULT, 0x1234_5678);
    assertEquals(bytes.length, EVENT_SIZE);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, 9, true);
    view.setInt32(4, -13, true);
    view.setUint32(8, 257, true);
    view.setUint32(20, BOOT, true);
    view.setBigUint64(24, 4321n, true);
    view.setUint32(32, 0x8b, true);
    view.setBigInt64(40, 2n, true); // ru_utime
    view.setBigInt64(48, 500_000n, true);
    view.setBigInt64(72, 1024n, true); // ru_maxrss
    const event = decodeEvent(bytes);
    assertEquals(event, {
      step: 9,
      errno: 13,
      call: 257,
      kind: EventKind.RESULT,
      launch: 0x1234_5678,
      address: BOOT,
      pid: 4321,
      status: 0x8b,
      usage: { user: 2_500_000, system: 0, maxRss: 1024 },
    });
  },
});
