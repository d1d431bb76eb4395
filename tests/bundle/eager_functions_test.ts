/** Functions that V8 is to compile at once: the marks change nothing else. */
import { assert, assertEquals } from "@std/assert";

async function marked(code: string): Promise<string | undefined> {
  try {
    const { markEager } = await import("../../scripts/eager_functions.ts");
    const { rollup } = await import("rollup");
    let marked = "";
    await rollup({
      input: "module",
      plugins: [{
        name: "mark",
        resolveId: (id) => ({ id, external: id !== "module" }),
        load() {
          marked = markEager(code, (text) => this.parse(text));
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
