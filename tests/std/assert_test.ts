import {
  assert,
  assertArrayIncludes,
  assertEquals,
  assertExists,
  assertGreater,
  assertGreaterOrEqual,
  assertInstanceOf,
  AssertionError,
  assertLess,
  assertLessOrEqual,
  assertMatch,
  assertNotEquals,
  assertNotMatch,
  assertObjectMatch,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
  fail,
  unreachable,
} from "@std/assert";

/** The message of the assertion that `fn` fails. Uses nothing that is tested here. */
function failure(fn: () => unknown): string {
  try {
    fn();
  } catch (error) {
    if (error instanceof AssertionError) return error.message;
    throw error;
  }
  throw new Error("should have failed");
}

function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

class Box {
  constructor(public value: number) {}
}

const cyclic = () => {
  const value: Record<string, unknown> = { a: 1 };
  value.self = value;
  return value;
};

const equal: [unknown, unknown][] = [
  [1, 1],
  [0, -0],
  [{ a: -0 }, { a: 0 }],
  [NaN, NaN],
  [[1, [2]], [1, [2]]],
  [{ a: 1, b: { c: "d" } }, { b: { c: "d" }, a: 1 }],
  [Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
  [JSON.parse('{"__proto__": 1}'), JSON.parse('{"__proto__": 1}')],
  [new Map([["a", [1]]]), new Map([["a", [1]]])],
  [new Set([1, 2]), new Set([2, 1])],
  [new Date(5), new Date(5)],
  [/a/g, /a/g],
  [new Uint8Array([1, 2]), new Uint8Array([1, 2])],
  [[new Uint8Array([1])], [new Uint8Array([1])]],
  [new Box(1), new Box(1)],
  [cyclic(), cyclic()],
];

const unequal: [unknown, unknown][] = [
  [1, 2],
  [1, "1"],
  [null, undefined],
  [{ a: undefined }, {}],
  [[undefined], []],
  [[1, 2], [2, 1]],
  [{ a: 1 }, { a: 1, b: 2 }],
  [JSON.parse('{"__proto__": 1}'), JSON.parse('{"__proto__": 2}')],
  [new Map([["a", 1]]), new Map([["a", 2]])],
  [new Set([1]), new Set([2])],
  [new Date(5), new Date(6)],
  [/a/g, /a/i],
  [new Uint8Array([1, 2]), new Uint8Array([1, 3])],
  [new Uint8Array([1]), [1]],
  [new Uint8Array([1]), new Int8Array([1])],
  [new Box(1), { value: 1 }],
  [[], {}],
];

Deno.test("assert: assertEquals and assertNotEquals", () => {
  for (const [a, b] of equal) {
    assertEquals(a, b);
    failure(() => assertNotEquals(a, b));
  }
  for (const [a, b] of unequal) {
    assertNotEquals(a, b);
    failure(() => assertEquals(a, b));
  }
});

Deno.test("assert: the message says what differs", () => {
  const message = failure(() => assertEquals({ a: 1, b: 2 }, { a: 1, b: 3 }, "the box"));
  must(message.startsWith("Values are not equal: the box\n"), message);
  must(/\+\s+b: 2/.test(message) && /-\s+b: 3/.test(message), message);
});

Deno.test("assert: big byte arrays are compared fast", () => {
  const a = new Uint8Array(4 << 20);
  const b = a.slice();
  assertEquals(a, b);
  b[7] = 1;
  const message = failure(() => assertEquals(a, b));
  must(message.includes("first different at 7: 0 and 1"), message);
  must(failure(() => assertEquals(a, a.slice(1))).includes("4194304 and 4194303"), "length");
});

Deno.test("assert: assertStrictEquals", () => {
  const a = {};
  assertStrictEquals(a, a);
  assertStrictEquals(NaN, NaN);
  must(failure(() => assertStrictEquals({}, {})).includes("not reference-equal"), "message");
  failure(() => assertStrictEquals(0, -0));
  failure(() => assertStrictEquals<unknown>(1, "1"));
});

Deno.test("assert: assert, assertExists and assertInstanceOf narrow", () => {
  const value = [1, undefined][0];
  assertExists(value);
  assertEquals(value.toFixed(1), "1.0");
  const error: unknown = new TypeError("x");
  assertInstanceOf(error, TypeError);
  assertEquals(error.message, "x");
  const text: string | number = JSON.parse('"x"');
  assert(typeof text === "string");
  assertEquals(text.length, 1);
  failure(() => assert(0));
  failure(() => assertExists(null));
  failure(() => assertExists(undefined));
  failure(() => assertInstanceOf(new Error(), TypeError));
  failure(() => assertInstanceOf(null, TypeError));
  assertEquals(failure(() => assert(false, "why")), "why");
});

Deno.test("assert: comparisons", () => {
  assertGreater(2, 1);
  assertGreaterOrEqual(1, 1);
  assertLess("a", "b");
  assertLessOrEqual(1n, 1n);
  failure(() => assertGreater(1, 1));
  failure(() => assertGreaterOrEqual(0, 1));
  failure(() => assertLess(1, 1));
  failure(() => assertLessOrEqual(2, 1));
  assertEquals(failure(() => assertGreater(1, 2)), "Expect 1 > 2");
});

Deno.test("assert: strings and arrays", () => {
  assertMatch("abc", /b/);
  assertNotMatch("abc", /x/);
  assertStringIncludes("abc", "bc");
  assertArrayIncludes([1, { a: 1 }, 3], [3, { a: 1 }]);
  assertArrayIncludes(new Uint8Array([1, 2]), new Uint8Array([2]));
  failure(() => assertMatch("abc", /x/));
  failure(() => assertNotMatch("abc", /b/));
  failure(() => assertStringIncludes("abc", "x"));
  must(failure(() => assertArrayIncludes([1], [1, 2])).includes("missing: [ 2 ]"), "missing");
});

Deno.test("assert: assertObjectMatch", () => {
  const actual = {
    a: 1,
    b: { c: [1, { d: 2, e: 3 }], f: /x/ },
    m: new Map([["k", { x: 1, y: 2 }]]),
  };
  assertObjectMatch(actual, {});
  assertObjectMatch(actual, { a: 1 });
  assertObjectMatch(actual, { b: { c: [1, { d: 2 }] } });
  assertObjectMatch(actual, { b: { f: /x/ } });
  assertObjectMatch(actual, { m: new Map([["k", { x: 1 }]]) });
  assertObjectMatch(new Error("x") as unknown as Record<string, unknown>, { message: "x" });
  assertObjectMatch(cyclic(), cyclic());
  for (
    const expected of [
      { a: 2 },
      { z: 1 },
      { a: { b: 1 } },
      { b: { c: [1, { d: 3 }] } },
      { b: { c: [1, { d: 2 }, 3] } },
      { b: { c: { 0: 1 } } },
      { b: { f: /y/ } },
      { m: new Map([["z", 1]]) },
    ]
  ) {
    failure(() => assertObjectMatch(actual, expected));
  }
});

Deno.test("assert: assertThrows", () => {
  const boom = () => {
    throw new RangeError("too far away");
  };
  const error: RangeError = assertThrows(boom, RangeError, "far");
  assertEquals(error.message, "too far away");
  assertInstanceOf(assertThrows(boom), RangeError);
  assertInstanceOf(assertThrows(boom, "why"), RangeError);
  assertThrows(boom, Error);
  must(
    failure(() => assertThrows(() => {}, "why")) === "Expected function to throw: why",
    "message",
  );
  failure(() => assertThrows(boom, TypeError));
  failure(() => assertThrows(boom, RangeError, "near"));
  const odd = () => {
    throw "odd";
  };
  assertEquals(assertThrows(odd), "odd");
  failure(() => assertThrows(odd, Error));
});

Deno.test("assert: assertRejects", async () => {
  const boom = () => Promise.reject(new RangeError("too far away"));
  const error: RangeError = await assertRejects(boom, RangeError, "far");
  assertEquals(error.message, "too far away");
  assertInstanceOf(await assertRejects(boom, "why"), RangeError);
  const failing = [
    () => assertRejects(() => Promise.resolve()),
    () => assertRejects(boom, TypeError),
    () => assertRejects(boom, RangeError, "near"),
    () => assertRejects(() => Promise.reject("odd"), Error),
    () =>
      assertRejects(() => {
        throw new RangeError("not a promise");
      }, RangeError),
  ];
  for (const fn of failing) await assertRejects(fn, AssertionError);
});

Deno.test("assert: fail, unreachable and AssertionError", () => {
  assertEquals(failure(() => fail("why")), "Failed assertion: why");
  assertEquals(failure(() => fail()), "Failed assertion.");
  assertEquals(failure(() => unreachable()), "Unreachable.");
  const error = new AssertionError("x", { cause: 1 });
  assertEquals([error.name, error.message, error.cause], ["AssertionError", "x", 1]);
  assert(error instanceof Error);
});
