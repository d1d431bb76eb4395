import { assertEquals, assertInstanceOf, assertStrictEquals, assertThrows } from "@std/assert";
import { parse, stringify } from "@std/yaml";

Deno.test("yaml: parse reads null, booleans and numbers as @std/yaml does", () => {
  const cases: [string, unknown][] = [
    ["~", null],
    ["null", null],
    ["true", true],
    ["False", false],
    ["TruE", "TruE"],
    ["yes", "yes"],
    ["off", "off"],
    ["42", 42],
    ["-42", -42],
    ["1_000", 1000],
    ["0b1010", 10],
    ["012", 10],
    ["0x1F", 31],
    ["089", "089"],
    ["1.5", 1.5],
    ["1_000.5", 1000.5],
    ["12e03", 12000],
    ["6.5e-3", 0.0065],
    [".5", 0.5],
    ["-.inf", -Infinity],
    [".nan", NaN],
    ["1.2.3", "1.2.3"],
    ["'1'", "1"],
    ["2001-12-14", new Date("2001-12-14")],
  ];
  for (const [text, expected] of cases) assertEquals(parse(`- ${text}`), [expected], text);
});

Deno.test("yaml: parse reads collections, tags, anchors and merge keys", () => {
  assertEquals(parse("a:\n  b: [1, {c: d}]\n"), { a: { b: [1, { c: "d" }] } });
  assertEquals(parse("x: &x {m: 1}\ny:\n  <<: *x\n  n: 2"), { x: { m: 1 }, y: { m: 1, n: 2 } });
  assertEquals(parse("!!binary SGVsbG8="), new TextEncoder().encode("Hello"));
  assertEquals(parse("!!omap\n- a: 1\n- b: 2"), [{ a: 1 }, { b: 2 }]);
  assertEquals(parse("!!pairs\n- a: 1\n- a: 2"), [["a", 1], ["a", 2]]);
});

Deno.test("yaml: parse of nothing is null", () => {
  for (const text of ["", " \n\n ", "# comment", "---\n"]) assertStrictEquals(parse(text), null);
});

Deno.test("yaml: parse never sets a prototype", () => {
  const value = parse("__proto__:\n  admin: true\nconstructor: 1") as Record<string, unknown>;
  assertEquals(Object.keys(value), ["__proto__", "constructor"]);
  assertStrictEquals(Object.getPrototypeOf(value), Object.prototype);
  assertStrictEquals(value.admin, undefined);
});

Deno.test("yaml: parse fails with a SyntaxError", () => {
  for (const text of ["a: [", "a: 1\na: 2", "u: !!js/undefined ~", "*x", "a: 1\n---\nb: 2"]) {
    assertThrows(() => parse(text), SyntaxError);
  }
  assertThrows(() => parse("a: 1\n---\nb: 2"), SyntaxError, "more than 1 document");
});

Deno.test("yaml: options of parse", () => {
  assertEquals(parse("a: 1\na: 2", { allowDuplicateKeys: true }), { a: 2 });
  assertEquals(parse("a: 2001-12-14\nb: 1", { schema: "core" }), { a: "2001-12-14", b: 1 });
  assertEquals(parse("a: 2001-12-14\nb: 1", { schema: "failsafe" }), { a: "2001-12-14", b: "1" });
});

Deno.test("yaml: stringify", () => {
  const cases: [unknown, string][] = [
    [null, "null\n"],
    [1.01, "1.01\n"],
    ["Hello world", "Hello world\n"],
    [[1, [2, 3]], "- 1\n- - 2\n  - 3\n"],
    [{ a: { b: [true, { c: "d" }] } }, "a:\n  b:\n    - true\n    - c: d\n"],
    [{ a: [], b: {} }, "a: []\nb: {}\n"],
    ["yes", "'yes'\n"],
    ["true", "'true'\n"],
    ["012", "'012'\n"],
    ["", "''\n"],
    [" x ", "' x '\n"],
    ["a\nb", "|-\n  a\n  b\n"],
    ["a\nb\n", "|\n  a\n  b\n"],
    [[Infinity, NaN, -0, 5e-12], "- .inf\n- .nan\n- -0.0\n- 5.e-12\n"],
    [new Date(0), "1970-01-01T00:00:00.000Z\n"],
  ];
  for (const [value, expected] of cases) assertEquals(stringify(value), expected);
});

Deno.test("yaml: stringify and parse are inverse", () => {
  const value = {
    text: ["- a", "a: b", "#x", "x #y", "'q'", '"q"', "<<", "=", "🐱", "\x03", "x".repeat(200)],
    long: "word ".repeat(50),
    bytes: new Uint8Array([1, 2, 3]),
    date: new Date(1e12),
    numbers: [1, -1.5, 1e21, 0x1f],
    "a key: #": null,
  };
  assertEquals(parse(stringify(value)), value);
});

Deno.test("yaml: options of stringify", () => {
  const one = { k: 1 };
  assertEquals(stringify([one, one]), "- &ref_0\n  k: 1\n- *ref_0\n");
  assertEquals(stringify([one, one], { useAnchors: false }), "- k: 1\n- k: 1\n");
  assertEquals(stringify({ b: [1] }, { arrayIndent: false }), "b:\n- 1\n");
  assertEquals(stringify({ b: [1] }, { indent: 4 }), "b:\n    - 1\n");
  assertEquals(stringify({ b: 1, a: 2 }, { sortKeys: true }), "a: 2\nb: 1\n");
  assertEquals(
    stringify({ a: 1, b: 2 }, { sortKeys: (a, b) => a < b ? 1 : -1 }),
    "b: 2\na: 1\n",
  );
  assertEquals(stringify({ a: [1, { b: 2 }] }, { flowLevel: 1 }), "a: [1, {b: 2}]\n");
  assertEquals(stringify({ a: undefined, b() {}, c: 1 }, { skipInvalid: true }), "c: 1\n");
});

Deno.test("yaml: stringify fails with a TypeError", () => {
  for (const bad of [undefined, { a: undefined }, [() => {}], { a: /x/ }, 1n, new Set([1])]) {
    assertThrows(() => stringify(bad), TypeError);
  }
  const error = assertThrows(() => stringify(Symbol("x")));
  assertInstanceOf(error, TypeError);
});
