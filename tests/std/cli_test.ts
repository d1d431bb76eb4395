import { assert, assertEquals, assertThrows } from "@std/assert";
import { parseArgs, unicodeWidth } from "@std/cli";
import { parseArgs as fromSubpath } from "@std/cli/parse-args";
import { unicodeWidth as widthFromSubpath } from "@std/cli/unicode-width";

type Options = Parameters<typeof parseArgs>[1];

function check(cases: [string[], Options, Record<string, unknown>][]): void {
  for (const [args, options, expected] of cases) {
    assertEquals<unknown>(parseArgs(args, options), expected, args.join(" "));
  }
}

Deno.test("cli: the subpaths are the same functions", () => {
  assert(fromSubpath === parseArgs);
  assert(widthFromSubpath === unicodeWidth);
});

Deno.test("cli: parseArgs without options", () => {
  check([
    [[], {}, { _: [] }],
    [["--bool"], {}, { bool: true, _: [] }],
    [["--pow", "x", "--n=5", "y"], {}, { pow: "x", n: 5, _: ["y"] }],
    [["--a=b=c", "--b==", "--c=x\ny"], {}, { a: "b=c", b: "=", c: "x\ny", _: [] }],
    [["--a", "--b", "1"], {}, { a: true, b: 1, _: [] }],
    [["-v", "a", "-v", "b"], {}, { v: "b", _: [] }],
    [["-abc", "x"], {}, { a: true, b: true, c: "x", _: [] }],
    [["-n5", "-x=1", "-I/usr", "-f-"], {}, { n: 5, x: 1, I: "/usr", f: "-", _: [] }],
    [["-n", "-", "-"], {}, { n: "-", _: ["-"] }],
    [["-e=="], {}, { e: "=", _: [] }],
    [["--no-x"], {}, { "no-x": true, _: [] }],
    [["1", "0x10", "1e3", "10f", "", " "], {}, { _: [1, 16, 1000, "10f", "", " "] }],
    [["-a", "--", "b", "-c"], {}, { a: true, _: ["b", "-c"] }],
    [["--x", "true", "--y", "false"], {}, { x: "true", y: "false", _: [] }],
    [["--toString", "--valueOf", "x"], {}, { toString: true, valueOf: "x", _: [] }],
    [["--a.b", "1", "--a.c.d"], {}, { a: { b: 1, c: { d: true } }, _: [] }],
  ]);
});

Deno.test("cli: parseArgs boolean", () => {
  check([
    [["-x", "one"], { boolean: ["x", "y"] }, { x: true, y: false, _: ["one"] }],
    [["--x", "one", "-p", "5", "--t=g"], { boolean: true }, { x: true, p: 5, t: "g", _: ["one"] }],
    [["--x=false"], { boolean: "x" }, { x: false, _: [] }],
    [["--x", "false", "y"], { boolean: "x" }, { x: false, _: ["y"] }],
    [["-x", "true", "y"], { boolean: "x" }, { x: true, _: ["y"] }],
    [["-b", "-"], { boolean: "b" }, { b: true, _: ["-"] }],
    [[], { boolean: "m", default: { m: null } }, { m: null, _: [] }],
  ]);
});

Deno.test("cli: parseArgs string", () => {
  check([
    [["-s", "001", "--t", "002"], { string: ["s", "t"] }, { s: "001", t: "002", _: [] }],
    [["-s", "--t"], { string: ["s", "t"] }, { s: "", t: "", _: [] }],
    [["1", "2"], { string: "_" }, { _: ["1", "2"] }],
    [["-art"], { string: ["a", "t"] }, { a: "", r: true, t: "", _: [] }],
    [[], { string: "s" }, { _: [] }],
  ]);
});

Deno.test("cli: parseArgs collect", () => {
  check([
    [["--e", "1", "--e=2"], { string: "e", collect: "e" }, { e: ["1", "2"], _: [] }],
    [["--e", "1", "--e=2"], { collect: "e" }, { e: [1, 2], _: [] }],
    [["-v", "-v"], { boolean: "v", collect: "v" }, { v: [true, true], _: [] }],
    [[], { string: "e", collect: "e" }, { e: [], _: [] }],
    [["-e", "a"], { string: "env", collect: "env", alias: { env: "e" } }, {
      env: ["a"],
      e: ["a"],
      _: [],
    }],
  ]);
});

Deno.test("cli: parseArgs alias", () => {
  const options: Options = { boolean: "h", alias: { h: ["help", "usage"] } };
  for (const args of [["-h", "x"], ["--help", "x"], ["--usage", "x"]]) {
    check([[args, options, { h: true, help: true, usage: true, _: ["x"] }]]);
  }
  check([
    [[], { alias: { a: "b" }, default: { a: 1 } }, { a: 1, b: 1, _: [] }],
    [["--a.b", "2"], { alias: { "a.b": "x.y" } }, { a: { b: 2 }, x: { y: 2 }, _: [] }],
  ]);
});

Deno.test("cli: parseArgs negatable", () => {
  const options: Options = { boolean: "c", negatable: "c" };
  check([
    [["--c", "--no-c"], options, { c: false, _: [] }],
    [["--no-c", "--c"], options, { c: true, _: [] }],
    [["--no-c", "1"], options, { c: false, _: [1] }],
    [["--no-d"], options, { c: false, "no-d": true, _: [] }],
  ]);
});

Deno.test("cli: parseArgs stopEarly and --", () => {
  check([
    [["-a", "--b", "x", "run", "-c", "1"], { stopEarly: true, boolean: ["a"] }, {
      a: true,
      b: "x",
      _: ["run", "-c", "1"],
    }],
    [["--n", "J", "x", "--", "y", "--z"], { "--": true }, { n: "J", _: ["x"], "--": ["y", "--z"] }],
    [["x"], { "--": true }, { _: ["x"], "--": [] }],
    [["x", "-a", "--", "y"], { stopEarly: true, "--": true }, { _: ["x", "-a"], "--": ["y"] }],
  ]);
});

Deno.test("cli: parseArgs unknown", () => {
  const seen: unknown[][] = [];
  const args = parseArgs(["--a", "1", "-b", "--no-c", "x", "--s=y"], {
    string: "s",
    alias: { s: "t" },
    unknown: (...rest) => {
      seen.push(rest);
      return false;
    },
  });
  assertEquals<unknown>(args, { s: "y", t: "y", _: [] });
  assertEquals(seen, [["--a", "a", "1"], ["-b", "b", true], ["--no-c", "no-c", "x"]]);
});

Deno.test("cli: parseArgs never reaches a prototype", () => {
  parseArgs(["--constructor.prototype.bad", "1", "--__proto__.bad", "2"]);
  assertEquals(({} as Record<string, unknown>).bad, undefined);
  assertThrows(() => parseArgs(["--a", "1", "--a.b", "2"]), TypeError);
});

Deno.test("cli: types of parseArgs", () => {
  const args = parseArgs(["-v", "--name", "x", "--env", "A=1"], {
    "--": true,
    boolean: ["verbose", "net"],
    string: ["name", "env", "mode"],
    collect: ["env"],
    negatable: ["net"],
    default: { mode: "fast" },
    alias: { verbose: "v" },
  });
  const verbose: boolean = args.verbose;
  const v: boolean = args.v;
  const name: string | undefined = args.name;
  const mode: string = args.mode;
  const env: string[] = args.env;
  const rest: string[] = args["--"];
  assertEquals([verbose, v, name, mode, env, rest, args.net], [
    true,
    true,
    "x",
    "fast",
    ["A=1"],
    [],
    false,
  ]);
  // @ts-expect-error The name may be missing.
  const missing: string = args.name;
  assertEquals(missing, "x");
});

Deno.test("cli: unicodeWidth", () => {
  const cases: [string, number][] = [
    ["", 0],
    ["hello world", 11],
    ["天地玄黃", 8],
    ["ｆｕｌｌ", 8],
    ["á".normalize("NFC"), 1],
    ["á".normalize("NFD"), 1],
    ["👩", 2],
    ["👩🔬", 4],
    ["한국", 4],
    ["한".normalize("NFD"), 2],
    ["голубой", 7],
    ["─│┌", 3],
    ["✓ ✗ …", 5],
    ["\0\n\r\t\x7f\x80\x9f", 0],
    ["a\u200bb\ufe0f", 2],
    ["𠀀", 2],
  ];
  for (const [text, expected] of cases) assertEquals(unicodeWidth(text), expected, text);
});
