import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { SpecError } from "../../lib/errors.ts";
import { encodeInstructions, type Instruction } from "../../lib/seccomp/bpf.ts";
import { checkProgram } from "../../lib/seccomp/check_program.ts";
import { compilePolicy } from "../../lib/seccomp/compile.ts";
import { disassemble } from "../../lib/seccomp/describe.ts";
import { runFilter } from "../../lib/seccomp/interpreter.ts";

const at = (code: number, k = 0, jt = 0, jf = 0): Instruction => ({ code, jt, jf, k });
const program = (...list: Instruction[]) => encodeInstructions(list);
const ALLOW = at(0x06, 0x7fff_0000);

Deno.test("what the kernel takes is taken", () => {
  checkProgram(program(ALLOW));
  checkProgram(program(at(0x20, 4), at(0x15, 0xc000_003e, 1, 0), at(0x06), ALLOW));
  checkProgram(program(at(0x20, 0), at(0x02, 3), at(0x60, 3), at(0x16)));
  checkProgram(program(at(0x80), at(0x07), at(0x0c), at(0x87), at(0x16)));
});

Deno.test("what the kernel refuses is refused, with the place", () => {
  const cases: [Uint8Array, string, RegExp][] = [
    [new Uint8Array(0), "", /0 bytes/],
    [new Uint8Array(7), "", /7 bytes/],
    [new Uint8Array(8 * 4097), "", /32776 bytes/],
    [program(at(0x20, 0)), "[0]", /no return/],
    [program(at(0x20, 64), ALLOW), "[0]", /no field/],
    [program(at(0x20, 2), ALLOW), "[0]", /no field/],
    [program(at(0x30, 0), ALLOW), "[0]", /not one that seccomp takes/],
    [program(at(0x15, 0, 1, 0), ALLOW), "[0]", /beyond the end/],
    [program(at(0x05, 0xffff_ffff), ALLOW), "[0]", /beyond the end/],
    [program(at(0x34, 0), ALLOW), "[0]", /divides by zero/],
    [program(at(0x64, 32), ALLOW), "[0]", /shifts by 32/],
    [program(at(0x60, 0), ALLOW), "[0]", /not have been written/],
    [program(at(0x02, 16), ALLOW), "[0]", /no memory word 16/],
    [program(at(0x15, 0, 1, 0), at(0x02, 5), at(0x60, 5), ALLOW), "[2]", /not have been written/],
  ];
  for (const [bytes, place, text] of cases) {
    const error = assertThrows(() => checkProgram(bytes), SpecError);
    assertEquals(error.field, `seccomp.profile.bpf${place}`);
    assert(text.test(error.message), error.message);
  }
});

Deno.test("the interpreter knows every instruction", () => {
  const run = (...list: Instruction[]) => {
    const bytes = program(...list, at(0x16));
    checkProgram(bytes);
    return runFilter(bytes, { arch: "x86_64", number: 9, arguments: [1n, 2n ** 40n + 7n] }).value;
  };
  const load = at(0x20, 24); // The lower half of arg1: 7.
  assertEquals(run(load), 7);
  assertEquals(run(at(0x20, 28)), 256);
  assertEquals(run(at(0x20, 0)), 9);
  assertEquals(run(at(0x80)), 64);
  assertEquals(run(load, at(0x04, 3)), 10);
  assertEquals(run(load, at(0x14, 8)), 0xffff_ffff);
  assertEquals(run(load, at(0x24, 0x8000_0001)), 0x8000_0007);
  assertEquals(run(load, at(0x34, 2)), 3);
  assertEquals(run(load, at(0x44, 8)), 15);
  assertEquals(run(load, at(0x54, 5)), 5);
  assertEquals(run(load, at(0x64, 31)), 0x8000_0000);
  assertEquals(run(load, at(0x74, 1)), 3);
  assertEquals(run(load, at(0xa4, 1)), 6);
  assertEquals(run(load, at(0x84)), 0xffff_fff9);
  assertEquals(run(at(0x00, 5), at(0x07), load, at(0x0c)), 12);
  assertEquals(run(at(0x01, 4), load, at(0x1c)), 3);
  assertEquals(run(load, at(0x02, 1), at(0x00, 0), at(0x61, 1), at(0x87)), 7);
  assertEquals(run(load, at(0x45, 2, 0, 1), at(0x06, 1), at(0x06, 2)), 1);
  assertEquals(run(load, at(0x25, 7, 0, 1), at(0x06, 1), at(0x06, 2)), 2);
  assertEquals(run(load, at(0x35, 7, 0, 1), at(0x06, 1), at(0x06, 2)), 1);
  assertEquals(run(load, at(0x05, 1), at(0x06, 1), at(0x06, 2)), 2);
});

Deno.test("any bytes are either refused with a SpecError or a program that ends", () => {
  const instruction = fc.record({
    code: fc.oneof(
      fc.constantFrom(0x20, 0x15, 0x25, 0x35, 0x45, 0x05, 0x06, 0x16, 0x54, 0x02, 0x60, 0x07, 0x87),
      fc.integer({ min: 0, max: 0xffff }),
    ),
    jt: fc.integer({ min: 0, max: 4 }),
    jf: fc.integer({ min: 0, max: 4 }),
    k: fc.oneof(fc.integer({ min: 0, max: 64 }), fc.integer({ min: 0, max: 0xffff_ffff })),
  });
  let taken = 0;
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array({ maxLength: 64 }),
        fc.array(instruction, { maxLength: 12 }).map((list) => program(...list, ALLOW)),
      ),
      (bytes) => {
        try {
          checkProgram(bytes);
        } catch (error) {
          assert(error instanceof SpecError, `${error}`);
          return;
        }
        taken++;
        runFilter(bytes, { arch: "x86_64", number: 1 });
        assertEquals(disassemble(bytes).length, bytes.length / 8);
      },
    ),
    { numRuns: 20_000 },
  );
  assert(taken > 100, `${taken}`);
});

Deno.test("the listing names calls and where to go on", () => {
  const lines = disassemble(compilePolicy({
    rules: [{ calls: ["mount"], action: { errno: "EPERM" } }],
    otherwise: "allow",
    architectures: ["x86_64"],
  }));
  assertEquals(lines[0], "   0  load the architecture");
  assert(lines.some((line) => line.includes("165 (mount)")), lines.join("\n"));
  assert(lines.some((line) => line.endsWith("return EPERM")), lines.join("\n"));
});
