import { assertEquals, assertThrows } from "@std/assert";
import {
  basename,
  common,
  dirname,
  extname,
  fromFileUrl,
  isAbsolute,
  join,
  normalize,
  relative,
  resolve,
  SEPARATOR,
  toFileUrl,
} from "@std/path";
import { posix } from "node:path";

/** All strings of up to `length` of these parts: small, and it finds every corner. */
function* strings(parts: string[], length: number): Generator<string> {
  yield "";
  if (length === 0) return;
  for (const rest of strings(parts, length - 1)) for (const part of parts) yield part + rest;
}

const paths = [...new Set(strings(["/", ".", "a", "b"], 6))];

Deno.test("path: normalize, isAbsolute, extname and resolve are node:path's", () => {
  for (const path of paths) {
    assertEquals(normalize(path), posix.normalize(path), path);
    assertEquals(isAbsolute(path), posix.isAbsolute(path), path);
    assertEquals(extname(path), posix.extname(path), path);
    assertEquals(resolve(path), posix.resolve(path), path);
  }
});

Deno.test("path: join, resolve and relative of two are node:path's", () => {
  const some = [...new Set(strings(["/", "..", ".", "a"], 4))];
  for (const a of some) {
    for (const b of some.slice(0, 120)) {
      const label = `${a} ${b}`;
      assertEquals(join(a, b), posix.join(a, b), label);
      assertEquals(resolve(a, b), posix.resolve(a, b), label);
      assertEquals(relative(a, b), posix.relative(a, b), label);
    }
  }
});

Deno.test("path: basename", () => {
  // Unlike node:path, the basename of the root is the root.
  assertEquals(basename("/"), "/");
  assertEquals(basename("//"), "/");
  for (const path of paths) {
    if (/^\/+$/.test(path)) continue;
    assertEquals(basename(path), posix.basename(path), path);
  }
  assertEquals(basename("a.js", ".js"), "a");
  assertEquals(basename("dir/a.js/", ".js"), "a");
  assertEquals(basename(".js", ".js"), ".js");
  assertEquals(basename("aaa/bbb", "/bbb"), "bbb");
  assertEquals(basename("aaa/bbb", "a/bbb"), "bbb");
  assertEquals(basename("aaa/bbb", "bb"), "b");
  assertEquals(basename("\\dir\\base.ext"), "\\dir\\base.ext");
});

Deno.test("path: dirname", () => {
  const cases: [string, string][] = [
    ["/a/b/", "/a"],
    ["/a/b", "/a"],
    ["/a", "/"],
    ["", "."],
    ["/", "/"],
    ["////", "/"],
    ["//a", "/"],
    ["a//b", "a"],
    ["a///b//", "a"],
    ["foo", "."],
    ["foo/", "."],
    ["./foo", "."],
  ];
  for (const [path, expected] of cases) assertEquals(dirname(path), expected, path);
});

Deno.test("path: join and resolve of none", () => {
  assertEquals(join(), ".");
  assertEquals(join("", ""), ".");
  assertEquals(resolve(), Deno.cwd());
  assertEquals(resolve("", "a"), Deno.cwd() + "/a");
  assertEquals(SEPARATOR, "/");
});

Deno.test("path: common", () => {
  const cases: [string[], string][] = [
    [[], ""],
    [["a/b"], "a/b"],
    [["a/b", "a/b"], "a/b"],
    [["a/b", "a/b/c"], "a/b"],
    [["a/b/c", "a/b"], "a/b"],
    [["./std/path/mod.ts", "./std/fs/mod.ts"], "./std/"],
    [["a/b/c", "a/x", "a"], "a"],
    [["a/b", "a/c", "a/d/e"], "a/"],
    [["a/b", "c/d"], ""],
    [["/a", "/b"], "/"],
    [["", "/"], ""],
    [["/", ""], ""],
    [["ab/c", "abc/c"], ""],
  ];
  for (const [input, expected] of cases) assertEquals(common(input), expected, input.join(" "));
});

Deno.test("path: file URLs", () => {
  for (
    const path of ["/", "/a b", "/a%20b", "/a?b#c", "/a\\b", "/é/天", "/tab\there", "/a%", "/n\nl"]
  ) {
    assertEquals(fromFileUrl(toFileUrl(path)), path);
  }
  assertEquals(toFileUrl("/a b").href, "file:///a%20b");
  assertEquals(toFileUrl("/100%").href, "file:///100%25");
  assertEquals(fromFileUrl("file:///a%20b"), "/a b");
  assertEquals(fromFileUrl(new URL("file:///a%")), "/a%");
  assertThrows(() => fromFileUrl("https://example.com/a"), TypeError, "must be a file URL");
  assertThrows(() => toFileUrl("a"), TypeError, "must be absolute");
});

Deno.test("path: only strings are paths", () => {
  const bad = 1 as unknown as string;
  for (const f of [normalize, dirname, basename, extname, isAbsolute, join, resolve]) {
    assertThrows(() => f(bad), TypeError, "Path must be a string");
  }
  assertThrows(() => basename("a", bad), TypeError, "Suffix must be a string");
});
