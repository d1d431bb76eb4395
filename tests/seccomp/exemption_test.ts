import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { actionValue } from "../../lib/seccomp/actions.ts";
import { decodeInstructions } from "../../lib/seccomp/bpf.ts";
import { checkProgram } from "../../lib/seccomp/check_program.ts";
import { compilePolicy } from "../../lib/seccomp/compile.ts";
import { isPlainlyAllowed, withExemptions } from "../../lib/seccomp/exemption.ts";
import { runFilter } from "../../lib/seccomp/interpreter.ts";
import { asking, asks } from "../../lib/seccomp/listening.ts";
import { callNames, callNumber } from "../../lib/seccomp/outcomes.ts";
import type { FilterableCall } from "../../lib/spec.ts";

const SECRET = [0x0123_4567_89ab_cdefn, 0xfedc_ba98_7654_3210n, 2n ** 64n - 1n] as const;
const OWN = ["execve", "exit_group", "sendmsg", "write"] as const;

Deno.test("a filter that plainly allows the launch's own calls is left as it is", () => {
  const filter = compilePolicy({
    rules: [{ calls: ["mount"], action: { errno: "EPERM" } }],
    otherwise: "allow",
    architectures: ["x86_64"],
  });
  assertEquals(withExemptions(filter, "x86_64", SECRET), undefined);
});

Deno.test("the secret, all of it, lets the launch's own calls through and no others", () => {
  for (const arch of ["x86_64", "aarch64"] as const) {
    const filter = compilePolicy({
      rules: [{ calls: ["write"], action: "notify" }],
      otherwise: { errno: "EXDEV" },
      architectures: [arch],
    });
    const guarded = withExemptions(filter, arch, SECRET)!;
    checkProgram(guarded);
    const get = (name: string, ...args: bigint[]) =>
      runFilter(guarded, { arch, number: callNumber(name, arch)!, arguments: args }).value;
    for (const name of OWN) {
      const otherwise = actionValue(name === "write" ? "notify" : { errno: "EXDEV" });
      assertEquals(get(name, 1n, 2n, 3n, ...SECRET), actionValue("allow"), name);
      assertEquals(get(name, 1n, 2n, 3n), otherwise, name);
      // One wrong bit anywhere is enough.
      for (let bit = 0; bit < 192; bit++) {
        const wrong = SECRET.map((word, index) =>
          index === bit >> 6 ? word ^ (1n << BigInt(bit & 63)) : word
        );
        assertEquals(get(name, 1n, 2n, 3n, ...wrong), otherwise, `${name} bit ${bit}`);
      }
    }
    assertEquals(get("read", 1n, 2n, 3n, ...SECRET), actionValue({ errno: "EXDEV" }));
    const foreign = arch === "x86_64" ? "aarch64" : "x86_64";
    assertEquals(
      runFilter(guarded, {
        arch: foreign,
        number: callNumber("write", foreign)!,
        arguments: [1n, 2n, 3n, ...SECRET],
      }).value,
      actionValue("kill"),
    );
  }
});

Deno.test("for all other calls a filter with exemptions is what it was", () => {
  const names = callNames("x86_64") as FilterableCall[];
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...names), { minLength: 1, maxLength: 40 }),
      fc.array(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), { minLength: 6, maxLength: 6 }),
      (denied, args) => {
        const filter = compilePolicy({
          rules: [{ calls: denied, action: { errno: "EPERM" } }],
          otherwise: "allow",
          architectures: ["x86_64"],
        });
        const guarded = withExemptions(filter, "x86_64", SECRET) ?? filter;
        const program = decodeInstructions(filter);
        for (const name of names) {
          const number = callNumber(name, "x86_64")!;
          const call = { arch: "x86_64" as const, number, arguments: args };
          assertEquals(runFilter(guarded, call).value, runFilter(filter, call).value, name);
          assertEquals(isPlainlyAllowed(program, "x86_64", number), !denied.includes(name), name);
        }
      },
    ),
    { numRuns: 50 },
  );
});

Deno.test("a filter that asks about what it denies and logs differs in nothing else", () => {
  const filter = compilePolicy({
    rules: [
      { calls: ["read"], action: "allow" },
      { calls: ["write"], action: { errno: "EPERM" } },
      { calls: ["open"], action: "log" },
      { calls: ["close"], action: "trap" },
      { calls: ["stat"], action: "kill" },
    ],
    otherwise: { errno: "ENOSYS" },
    architectures: ["x86_64"],
  });
  assert(!asks(filter));
  const other = asking(filter);
  assert(asks(other));
  assertEquals(
    [0, 1, 2, 3, 4, 5].map((number) => runFilter(other, { arch: "x86_64", number }).value),
    (["allow", "notify", "notify", "trap", "kill", "notify"] as const).map(actionValue),
  );
});
