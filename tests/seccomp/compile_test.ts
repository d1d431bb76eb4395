/**
 * The compiler against the meaning of a policy: whatever the policy and the call, the filter
 * returns what the rules say.
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { SpecError } from "../../lib/errors.ts";
import { actionValue } from "../../lib/seccomp/actions.ts";
import { decodeInstructions } from "../../lib/seccomp/bpf.ts";
import { ARCHITECTURES, checkPolicy } from "../../lib/seccomp/check_policy.ts";
import { checkProgram } from "../../lib/seccomp/check_program.ts";
import { compilePolicy } from "../../lib/seccomp/compile.ts";
import { runFilter } from "../../lib/seccomp/interpreter.ts";
import { callNames, callNumber, type FlatPolicy } from "../../lib/seccomp/outcomes.ts";
import type { SeccompAction, SeccompArch, SeccompRule, SeccompTest } from "../../lib/spec.ts";
import { evaluate } from "./evaluate.ts";

// A few calls, so that many rules meet at one.
const NAMES = ["read", "ioctl", "clone", "openat", "socket", "getpid", "mmap", "statx", "open"];
const ALL = callNames(...ARCHITECTURES);

const name = fc.oneof(fc.constantFrom(...NAMES), fc.constantFrom(...ALL));
const action: fc.Arbitrary<SeccompAction> = fc.oneof(
  fc.constantFrom("allow", "kill", "log", "trap", "notify", "kill-thread"),
  fc.record({ errno: fc.constantFrom("EPERM", "ENOSYS", 0, 4095) }),
) as fc.Arbitrary<SeccompAction>;
// The numbers at which comparisons of halves go wrong.
const edge = fc.constantFrom(
  0n,
  1n,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
  0x1_0000_0000n,
  0x1_0000_0001n,
  0xffff_ffff_0000_0000n,
  0xffff_ffff_ffff_ffffn,
);
const register = fc.oneof(edge, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.bigInt(0n, 8n));
const test: fc.Arbitrary<SeccompTest> = fc.record({
  argument: fc.integer({ min: 0, max: 5 }),
  is: fc.constantFrom(
    "equal",
    "not-equal",
    "less",
    "at-most",
    "greater",
    "at-least",
    "masked-equal",
  ),
  value: register,
  mask: register,
  bits: fc.constantFrom(32, 64),
}).map(({ argument, is, value, mask, bits }): SeccompTest => {
  const cut = (it: bigint) => BigInt.asUintN(bits, it);
  if (is !== "masked-equal") return { argument, is, value: `${cut(value)}`, bits };
  return { argument, is, value: `${cut(value & mask)}`, mask: `${cut(mask)}`, bits };
});
const rule: fc.Arbitrary<SeccompRule> = fc.record({
  calls: fc.array(name, { minLength: 1, maxLength: 20 }),
  action,
  when: fc.option(fc.array(test, { maxLength: 4 }), { nil: undefined }),
}) as fc.Arbitrary<SeccompRule>;
const policy: fc.Arbitrary<FlatPolicy> = fc.record({
  rules: fc.array(rule, { maxLength: 25 }),
  otherwise: action,
  beyond: fc.option(action, { nil: undefined }),
  architectures: fc.shuffledSubarray([...ARCHITECTURES], { minLength: 1 }),
});

/** Calls that a policy may have something to say about, with arguments near those it compares. */
function callOf(given: FlatPolicy): fc.Arbitrary<
  { arch: SeccompArch; number: number; arguments: bigint[] }
> {
  const numbers = ARCHITECTURES.flatMap((arch) =>
    given.rules.flatMap(({ calls }) => calls).map((it) => callNumber(it, arch))
  ).filter((it) => it !== undefined);
  const values = given.rules.flatMap(({ when = [] }) => when).flatMap(({ value, mask }) => [
    BigInt(value),
    BigInt(value) + 1n,
    BigInt(value) - 1n,
    BigInt(value) + (1n << 32n),
    BigInt(value) | ~BigInt(mask ?? 0),
  ]).map((it) => BigInt.asUintN(64, it));
  const near = values.length === 0 ? register : fc.constantFrom(...values);
  return fc.record({
    arch: fc.constantFrom(...ARCHITECTURES),
    number: fc.oneof(
      ...(numbers.length === 0 ? [] : [
        { arbitrary: fc.constantFrom(...numbers), weight: 4 },
        { arbitrary: fc.constantFrom(...numbers).map((it) => it + 1), weight: 1 },
      ]),
      { arbitrary: fc.integer({ min: 0, max: 600 }), weight: 1 },
      {
        arbitrary: fc.constantFrom(0x4000_0000, 0x4000_0001, 0x7fff_ffff, -1, 0x8000_0000, -2),
        weight: 1,
      },
    ),
    arguments: fc.array(fc.oneof(near, register), { minLength: 6, maxLength: 6 }),
  });
}

Deno.test("100,000 calls get from filters what the policies say", () => {
  let pairs = 0;
  fc.assert(
    fc.property(
      policy.chain((it) =>
        fc.tuple(fc.constant(it), fc.array(callOf(it), { minLength: 100, maxLength: 100 }))
      ),
      ([given, calls]) => {
        const filter = compilePolicy(given);
        checkProgram(filter);
        for (const call of calls) {
          pairs++;
          assertEquals(
            runFilter(filter, call).value,
            actionValue(evaluate(given, call).action),
            JSON.stringify({ ...call, arguments: call.arguments.map((it) => it.toString(16)) }),
          );
        }
      },
    ),
    { numRuns: 1000 },
  );
  assert(pairs >= 100_000, `${pairs}`);
});

Deno.test("a policy as large as the kernel takes has every jump in reach", () => {
  const rules = ALL.flatMap((call, index): SeccompRule[] =>
    [0, 1].map((argument) => ({
      calls: [call as "read"],
      action: { errno: 1 + (index % 100) },
      when: [{ argument, is: "equal", value: index, bits: 64 }],
    }))
  );
  const given: FlatPolicy = { rules, otherwise: "allow", architectures: ["x86_64"] };
  const filter = compilePolicy(given);
  const instructions = decodeInstructions(filter).length;
  assert(instructions > 3000 && instructions <= 4096, `${instructions}`);
  checkProgram(filter);
  for (const [index, name] of ALL.entries()) {
    const number = callNumber(name, "x86_64");
    if (number === undefined) continue;
    for (const args of [[BigInt(index), 0n], [0n, BigInt(index)], [9999n, 9999n]]) {
      const call = { arch: "x86_64" as const, number, arguments: args };
      assertEquals(
        runFilter(filter, call).value,
        actionValue(evaluate(given, call).action),
        `${name} ${args}`,
      );
    }
  }
  const more = rules.flatMap((
    it,
  ) => [it, { ...it, when: it.when!.map((w) => ({ ...w, argument: 3 })) }]);
  const error = assertThrows(() => compilePolicy({ ...given, rules: more }), SpecError);
  assert(error.message.includes("4096"), error.message);
});

Deno.test("an architecture that the policy does not name is killed, and so is x32", () => {
  const allowAll: FlatPolicy = { rules: [], otherwise: "allow", architectures: ["x86_64"] };
  const filter = compilePolicy(allowAll);
  const kill = actionValue("kill");
  for (const arch of [0x4000_0003, 0xc000_00b7, 0, 0xc000_003f]) {
    assertEquals(runFilter(filter, { arch, number: 0 }).value, kill, arch.toString(16));
  }
  assertEquals(runFilter(filter, { arch: "x86_64", number: 0x4000_0000 }).value, kill);
  assertEquals(
    runFilter(filter, { arch: "x86_64", number: 0x3fff_ffff }).value,
    actionValue("allow"),
  );
  const both = compilePolicy({ ...allowAll, architectures: ["x86_64", "aarch64"] });
  for (const arch of ARCHITECTURES) {
    assertEquals(runFilter(both, { arch, number: 1 }).value, actionValue("allow"));
  }
});

Deno.test("a call that is always allowed reads its architecture and number only", () => {
  // The kernel then answers without the filter: seccomp_is_const_allow().
  const filter = decodeInstructions(compilePolicy({
    rules: [
      { calls: ["getpid"], action: "allow" },
      {
        calls: ["ioctl"],
        action: "allow",
        when: [{ argument: 1, is: "equal", value: 1, bits: 32 }],
      },
    ],
    otherwise: { errno: "EPERM" },
    architectures: ["x86_64"],
  }));
  const getpid = 39;
  let at = 0;
  for (let field = 0; (filter[at]!.code & 7) !== 6;) {
    const { code, jt, jf, k } = filter[at]!;
    if ((code & 7) === 0) {
      assert(k === 0 || k === 4, `loads ${k}`);
      field = k;
      at++;
    } else {
      const value = field === 4 ? 0xc000_003e : getpid;
      at += 1 + (((code & 0xf0) === 0x10 ? value === k : value >= k) ? jt : jf);
    }
  }
  assertEquals(filter[at]!.k, actionValue("allow"));
});

Deno.test("whatever a policy is made of, the check throws a SpecError or returns a policy", () => {
  const word = fc.constantFrom(
    "extend",
    "rules",
    "otherwise",
    "architectures",
    "calls",
    "action",
    "when",
    "argument",
    "is",
    "value",
    "mask",
    "bits",
    "errno",
  );
  const leaf = fc.oneof(
    fc.anything(),
    word,
    fc.constantFrom("allow", "default", "read", "equal", "masked-equal", "EPERM", "x86_64", 32, 64),
  );
  const tree = fc.letrec((tie) => ({
    node: fc.oneof(
      { maxDepth: 5 },
      leaf,
      fc.array(tie("node"), { maxLength: 4 }),
      fc.dictionary(word, tie("node"), { maxKeys: 5 }),
    ),
  })).node;
  fc.assert(
    fc.property(tree, (value) => {
      try {
        compilePolicy(checkPolicy(value, "x86_64", () => ({
          rules: [],
          otherwise: "allow",
          architectures: ["x86_64"],
        })));
      } catch (error) {
        assert(error instanceof SpecError, `${error}`);
      }
    }),
    { numRuns: 20_000 },
  );
});
