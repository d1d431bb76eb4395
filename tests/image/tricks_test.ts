/** Every classic way of an archive to reach outside, or to be two archives at once. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { ArchiveError, ImageError } from "../../mod.ts";
import {
  archive,
  inStore,
  join,
  leftovers,
  paxEntry,
  type RawEntry,
  rawEntry,
} from "./archives.ts";

const directory = (name: string): RawEntry => ({ name, type: "5" });
const symlink = (name: string, link: string): RawEntry => ({ name, type: "2", link });
const hardLink = (name: string, link: string): RawEntry => ({ name, type: "1", link });
const file = (name: string, data = "x"): RawEntry => ({ name, data });

/** The trick, the entry that the error must name, and a word of it. */
const TRICKS: Record<string, [Uint8Array, entry: string, word: string]> = {
  "a name with ..": [archive(file("a/../../evil")), "a/../../evil", ".."],
  "a name that is ..": [archive(directory("..")), "..", ".."],
  "an absolute name": [archive(file("/etc/evil")), "/etc/evil", "absolute"],
  "an absolute name in a PAX header": [
    archive(paxEntry({ path: "/tmp/evil" }), file("good")),
    "/tmp/evil",
    "absolute",
  ],
  "an absolute name in a GNU long name": [
    archive({ name: "././@LongLink", type: "L", data: "/tmp/evil\0" }, file("good")),
    "/tmp/evil",
    "absolute",
  ],
  "an entry below an absolute link": [
    archive(symlink("out", "/tmp"), file("out/evil")),
    "out/evil",
    "symbolic link",
  ],
  "an entry below a link with ..": [
    archive(directory("a"), symlink("a/out", "../b"), file("a/out/evil")),
    "a/out/evil",
    "symbolic link",
  ],
  "an entry below a link to a directory of the archive": [
    archive(directory("real"), symlink("alias", "real"), file("alias/evil")),
    "alias/evil",
    "symbolic link",
  ],
  "an entry deep below a link": [
    archive(symlink("out", "/"), file("out/tmp/deep/evil")),
    "out/tmp/deep/evil",
    "symbolic link",
  ],
  "a directory where a link is": [
    archive(symlink("d", "/tmp"), directory("d")),
    "d",
    "twice",
  ],
  "a file where a link is": [
    archive(symlink("f", "/tmp/evil"), file("f")),
    "f",
    "twice",
  ],
  "a link that leads out of the root": [
    archive(directory("a"), symlink("a/up", "../../etc/passwd")),
    "a/up",
    "leads out of the root",
  ],
  "a link without a target": [archive(symlink("a", "")), "a", "target"],
  "a hard link with ..": [archive(hardLink("a", "../../etc/shadow")), "a", ".."],
  "a hard link to an absolute name": [archive(hardLink("a", "/etc/shadow")), "a", "absolute"],
  "a hard link through a link": [
    archive(symlink("out", "/etc"), hardLink("a", "out/passwd")),
    "a",
    "symbolic link",
  ],
  "a hard link to nothing": [archive(hardLink("a", "b")), "a", "no entry before it"],
  "a hard link to the root": [archive(hardLink("a", "./")), "a", "root"],
  "a file twice": [archive(file("f", "1"), file("f", "2")), "f", "twice"],
  "a directory twice": [archive(directory("d/"), directory("d")), "d", "twice"],
  "the root twice": [archive(directory("./"), directory(".")), ".", "twice"],
  "an entry below a file": [archive(file("f"), file("f/g")), "f/g", "no directory"],
  "a root that is no directory": [archive(symlink(".", "/tmp")), ".", "no directory"],
  "an empty name": [archive(file("")), "", "empty"],
  "a name that is too long": [archive(paxEntry({ path: "n".repeat(300) }), file("x")), "n", "255"],
  "a path that is too long": [
    archive(paxEntry({ path: "n/".repeat(2500) + "x" }), file("x")),
    "n/",
    "4095",
  ],
  "a NUL in a PAX name": [archive(paxEntry({ path: "a\0b" }), file("x")), "x", "NUL"],
  "a global name for all": [
    archive(paxEntry({ path: "evil" }, "g"), file("x")),
    "PaxHeader",
    "path",
  ],
  "a global size for all": [archive(paxEntry({ size: "0" }, "g"), file("x")), "PaxHeader", "size"],
  "a PAX record with a wrong length": [
    archive({ name: "PaxHeader", type: "x", data: "99 path=evil\n" }, file("x")),
    "PaxHeader",
    "malformed",
  ],
  "a PAX header for nobody": [archive(paxEntry({ path: "evil" })), "at byte", "no entry behind it"],
  "a PAX header that is too large": [
    archive({ name: "PaxHeader", type: "x", data: new Uint8Array(2 ** 20 + 512) }, file("x")),
    "PaxHeader",
    "bytes",
  ],
  "an attribute of overlayfs": [
    archive(paxEntry({ "SCHILY.xattr.trusted.overlay.redirect": "/etc" }), directory("d")),
    "d",
    "overlayfs",
  ],
  "an attribute of overlayfs, for users": [
    archive(paxEntry({ "SCHILY.xattr.user.overlay.opaque": "y" }), directory("d")),
    "d",
    "overlayfs",
  ],
  "an attribute of overlayfs, as bsdtar writes it": [
    archive(
      paxEntry({ "LIBARCHIVE.xattr.trusted.overlay.metacopy": btoa("x") }),
      file("f"),
    ),
    "f",
    "overlayfs",
  ],
  "a whiteout of ..": [archive(file(".wh...", "")), ".wh...", "no name"],
  "a whiteout of nothing": [archive(file(".wh.", "")), ".wh.", "no name"],
  "an unknown kind": [archive({ name: "odd", type: "Z" }), "odd", "kind"],
  "a damaged header": [
    join([rawEntry(file("good")), new Uint8Array(512).fill(0x41), new Uint8Array(1024)]),
    "at byte 1024",
    "number",
  ],
  "an archive that is cut in a file": [
    archive(file("f", "x".repeat(9999))).subarray(0, 4096),
    "at byte",
    "too early",
  ],
  "an archive without an end": [rawEntry(file("f")), "at byte", "too early"],
  "a sparse file beyond its end": [
    archive(
      paxEntry({ "GNU.sparse.size": "10", "GNU.sparse.map": "5,10" }),
      file("s", "0123456789"),
    ),
    "s",
    "sparse",
  ],
  "a sparse file whose pieces overlap": [
    archive(
      paxEntry({ "GNU.sparse.size": "100", "GNU.sparse.map": "0,6,4,4" }),
      file("s", "0123456789"),
    ),
    "s",
    "sparse",
  ],
  "a sparse file with more data than it says": [
    archive(
      paxEntry({ "GNU.sparse.size": "100", "GNU.sparse.map": "0,4" }),
      file("s", "0123456789"),
    ),
    "s",
    "sparse",
  ],
  "a name with escape codes": [archive(file("/\x1b[2Jevil")), "/\\x1b[2Jevil", "absolute"],
};

for (const [trick, [bytes, entry, word]] of Object.entries(TRICKS)) {
  Deno.test(`tricks: ${trick} is refused by name, and nothing stays`, () =>
    inStore(async ({ put, folder }) => {
      const error = await assertRejects(() => put(bytes, { name: "evil" }), ArchiveError);
      assert(error.entry.startsWith(entry), `${error.entry} is not ${entry}`);
      assertStringIncludes(error.message, word);
      assertEquals(leftovers(folder), []);
    }));
}

Deno.test("tricks: something that is no archive is refused, and nothing stays", () =>
  inStore(async ({ put, folder }) => {
    const text = new TextEncoder().encode("hello ".repeat(200));
    for (const bytes of [text, text.subarray(0, 6)]) {
      const { message } = await assertRejects(() => put(bytes, { name: "evil" }), ImageError);
      assertStringIncludes(message, "it is no tar archive");
    }
    assertEquals(leftovers(folder), []);
  }));

Deno.test("tricks: what a bomb would make is refused before it is made", () =>
  inStore(async ({ put, folder }) => {
    const hole = archive(
      paxEntry({ "GNU.sparse.size": String(2 ** 50), "GNU.sparse.map": "0,1" }),
      { name: "hole", data: "x" },
    );
    const error = await assertRejects(() => put(hole), ArchiveError);
    assertEquals(error.entry, "hole");
    const many = archive(...Array.from({ length: 20 }, (_, index) => file(`f${index}`)));
    await assertRejects(() => put(many, { limits: { entries: 10 } }), ArchiveError, '"f10"');
    await assertRejects(() => put(many, { limits: { size: 5 } }), ArchiveError, '"f5"');
    assertEquals(leftovers(folder), []);
    await put(many, { limits: { size: "1K", entries: 20 } });
  }));

Deno.test("tricks: gigabytes of zeros in a small gzip file stop at the limit", () =>
  inStore(async ({ put }) => {
    const zeros = new Uint8Array(1024 * 1024);
    const header = rawEntry({ name: "zeros", size: 2 ** 33 - 1 });
    const plain = ReadableStream.from<BufferSource>((function* () {
      yield header as Uint8Array<ArrayBuffer>;
      for (let count = 0; count < 512; count++) yield zeros;
    })());
    const stream = plain.pipeThrough(new CompressionStream("gzip"));
    const bytes = await new Response(stream).bytes();
    assert(bytes.length < 2 ** 20);
    const error = await assertRejects(
      () => put(bytes as Uint8Array<ArrayBuffer>, { limits: { size: "1G" } }),
      ArchiveError,
    );
    assertEquals(error.entry, "zeros");
  }));

Deno.test("tricks: devices are left out and counted, and make no whiteout", () =>
  inStore(async ({ put, tree }) => {
    const image = await put(archive(
      { name: "dev/null", type: "3" },
      { name: "dev/sda", type: "4" },
      file("dev/x"),
    ));
    assertEquals(image.report.devices, 2);
    assertEquals([...Deno.readDirSync(`${tree(image)}/dev`)].map(({ name }) => name), ["x"]);
  }));

Deno.test("tricks: an absolute link stays as it is, and is followed by nobody", () =>
  inStore(async ({ put, tree }) => {
    const image = await put(archive(symlink("sh", "/bin/busybox"), symlink("lib", "usr/lib")));
    assertEquals(Deno.readLinkSync(`${tree(image)}/sh`), "/bin/busybox");
  }));
