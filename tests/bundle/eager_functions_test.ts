/** Functions that V8 is to compile at once: the marks change nothing else. */
import { assert, assertEquals } from "@std/assert";

async function marked(code: string): Promise<string | undefined> {
  try {
    const { markEager } = await import("../../scripts/eager_functions.ts");
    const { methodsToFunctions } = await import("../../scripts/eager_methods.ts");
    const { stripComments } = await import("../../scripts/strip_comments.ts");
    const { rollup } = await import("rollup");
    let marked = "";
    await rollup({
      input: "module",
      plugins: [{
        name: "mark",
        resolveId: (id) => ({ id, external: id !== "module" }),
        load() {
          const parse = (text: string) => this.parse(text);
          marked = markEager(methodsToFunctions(stripComments(code, parse), parse), parse);
          return marked;
        },
      }],
    });
    return marked;
  } catch (error) {
    console.log(`skipped: rollup cannot be had here: ${error}`);
  }
}

const MODULE = `import { sep } from "node:path";
export const early = twice(1);
export { twice, Box, make, nested, later };
function twice(value) { return value * 2; }
class Box { #x = 1; get x() { return this.#x; } add(y) { return [y].map((z) => z + this.#x)[0]; } }
const make = { method() { return 1; }, get got() { return 2; }, plain: function () { return 3; } };
const nested = () => (a) => ({ a, sep });
async function later() { return await twice(2); }
function* count() { yield 1; }
export const counted = [...count()];
`;

Deno.test("a marked module does what it did", async () => {
  const code = await marked(MODULE);
  if (code === undefined) return;
  const it = await import(`data:text/javascript,${encodeURIComponent(code)}`);
  assertEquals(it.early, 2);
  assertEquals(it.twice.name, "twice");
  assertEquals([new it.Box().x, new it.Box().add(2)], [1, 3]);
  assertEquals([it.make.method(), it.make.got, it.make.plain()], [1, 2, 3]);
  assertEquals(it.make.plain.name, "plain");
  assertEquals(it.nested.name, "nested");
  assertEquals(it.nested()(4).a, 4);
  assertEquals(await it.later(), 4);
  assertEquals(it.counted, [1]);
});

Deno.test("every function is marked but methods", async () => {
  const code = await marked(MODULE);
  if (code === undefined) return;
  for (
    const expected of [
      "const twice = (function twice(value)",
      "const later = (async function later()",
      "const count = (function* count()",
      "map(((z) =>",
      "plain: (function ()",
      "const nested = (() => ((a) =>",
      "get x() {",
      "method() {",
    ]
  ) assert(code.includes(expected), `${expected}\n${code}`);
  assert(code.startsWith("import {"));
});

const CLASSES = `// a comment
export class Counter {
  /** One that has
   *  two lines. */
  #count = 0;
  static made = 0;
  constructor(first = 1, ...rest) { this.#count = first + rest.length; Counter.made++; }
  get #double() { return this.#count * 2; }
  get double() { return this.#double; }
  set double(value) { this.#count = value / 2; }
  #add(a, b = 0) { this.#count += a + b; return this; }
  #none() { return this.#count; }
  add(...all) { for (const one of all) this.#add(one).add2(this.#none() * 0); return this.#add(0, 1).double; }
  add2(value) { return this.#add(value); }
  close() { return close(this); }
  async later() { return await Promise.resolve(this.#none()); }
  *each() { yield this.#none(); yield* [1, 2]; }
  [Symbol.iterator]() { return this.each(); }
  "a b"() { return "quoted"; }
  #loose() { return this.#count; }
  handed() { return [1].map(this.#loose.bind(this)); }
  text() { return \`
    // no comment
  \`; }
}
export class Base { who() { return "base"; } }
export class Derived extends Base { constructor() { super(); this.x = 1; } who() { return "derived of " + super.who(); } other() { return this.who(); } }
function close(it) { return "closed " + it.double; }
`;

Deno.test("methods that became functions do what they did, and comments are gone", async () => {
  const code = await marked(CLASSES);
  if (code === undefined) return;
  assert(code.includes("prototype.add = ("), code);
  assert(code.includes("static #add = ("), code);
  assert(!code.includes("a comment") && !code.includes("two lines"), code);
  assert(code.includes("// no comment"), code);
  const module = await import(`data:text/javascript,${encodeURIComponent(code)}`);
  const counter = new module.Counter(1, 2, 3);
  assertEquals([counter.double, module.Counter.made], [6, 1]);
  assertEquals(counter.add(1, 2), 14);
  counter.double = 10;
  assertEquals(counter.close(), "closed 10");
  assertEquals([await counter.later(), [...counter], counter["a b"](), counter.handed()], [
    5,
    [5, 1, 2],
    "quoted",
    [5],
  ]);
  assertEquals(counter.text().trim(), "// no comment");
  const derived = new module.Derived();
  assertEquals([derived.other(), derived.x], ["derived of base", 1]);
});
