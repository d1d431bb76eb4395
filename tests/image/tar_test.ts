/** What GNU tar and others write is what is made, to the byte, the owner and the nanosecond. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { AT_SYMLINK_NOFOLLOW, close, fileStatus, getXattr, open } from "../../lib/sys/mod.ts";
import { inFolder, installed, ROOT, testIf, text } from "../integration/support.ts";
import { SAME_IDS, writeArchive } from "../../lib/image/write_archive.ts";
import { archive, inStore, join, paxEntry, rawEntry } from "./archives.ts";

async function shell(script: string, cwd: string): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("sh", {
    args: ["-euc", script],
    cwd,
    env: { LC_ALL: "C" },
  }).output();
  assert(success, text(stderr));
  return text(stdout);
}

/** A tree with all that is difficult in it. */
const TREE = `
mkdir -p tree/empty tree/locked tree/deep "tree/with space"
cd tree
printf hello > plain; printf x > "with space/odd
name"; : > nothing
ln plain again; ln -s plain link; ln -s /bin/sh absolute; ln again deep/third
mkfifo fifo
chmod 4755 plain; chmod ${
  ROOT ? 0 : 400
} nothing; chmod 1777 empty; chmod 2750 deep; chmod 0555 locked
truncate -s 1M sparse; printf data | dd of=sparse bs=1 seek=500000 conv=notrunc 2>/dev/null
truncate -s 3M holes
i=0; while [ $i -lt 30 ]; do printf $i | dd of=holes bs=1 seek=$((i * 90000 + 5)) conv=notrunc 2>/dev/null; i=$((i + 1)); done
long=$(printf 'a%.0s' $(seq 1 150)); mkdir -p deep/$long/$long; printf long > deep/$long/$long/file
ln -s $long/$long/$long deep/longlink
printf bytes > "$(printf 'latin\\351')"; printf utf > "$(printf 'gr\\303\\274n')"
touch -d '1969-12-31 23:59:58.25 UTC' plain; touch -d '2001-02-03 04:05:06.123456789 UTC' deep
touch -h -d '2002-02-02 UTC' link
`;

/** Everything of a tree, as find and sha256sum say it. */
const LIST = (columns: string) =>
  `cd "$0"; find . -printf '%p %y %m ${columns} %l\\n' | sort; find . -type f -print0 | sort -z | xargs -0 cat | sha256sum`;

async function list(folder: string, columns: string): Promise<string> {
  const { stdout, stderr, success } = await new Deno.Command("sh", {
    args: ["-ec", LIST(columns), folder],
    env: { LC_ALL: "C" },
  }).output();
  assert(success, text(stderr));
  return text(stdout);
}

for (
  const [format, options] of Object.entries({
    "gnu": "--format=gnu",
    "gnu, sparse": "--format=gnu --sparse",
    "pax": "--format=posix",
    "pax, sparse 0.0": "--format=posix --sparse --sparse-version=0.0",
    "pax, sparse 0.1": "--format=posix --sparse --sparse-version=0.1",
    "pax, sparse 1.0": "--format=posix --sparse --sparse-version=1.0",
    "oldgnu": "--format=oldgnu",
  })
) {
  testIf(
    installed("tar"),
    "GNU tar is not installed",
    `tar: ${format}`,
    () =>
      inStore(async ({ images, folder, tree }) => {
        await shell(TREE, folder);
        await shell(`tar ${options} -cf tree.tar -C tree .`, folder);
        const owners = ROOT ? "keep" : "flatten";
        const [image] = await images.import(`${folder}/tree.tar`, { owners, name: "tree" });
        const made = tree(image!);
        const columns = format.startsWith("pax") ? "%U %G %s %T+ %n" : "%U %G %s %Ts %n";
        if (!ROOT) await Deno.chmod(`${made}/nothing`, 0o400);
        assertEquals(await list(made, columns), await list(`${folder}/tree`, columns));
        if (format.includes("sparse")) {
          assert(fileStatus(`${made}/holes`).storage < 1024 * 1024, "the holes were filled");
        }
        await shell("chmod -R u+rwx tree", folder);
        await images.remove("tree");
      }),
  );
}

testIf(
  ROOT,
  "only root gives files to others",
  "tar: owners, capabilities and attributes",
  () =>
    inStore(async ({ put, tree }) => {
      // A capability's value is no UTF-8.
      const capability = Uint8Array.of(
        1,
        0,
        0,
        2,
        0,
        0x20,
        0x80,
        0xff,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
      );
      const image = await put(archive(
        paxEntry({
          uid: "3000000",
          gid: "2999999",
          "SCHILY.xattr.security.capability": capability,
          "SCHILY.xattr.user.note": "hello",
          "SCHILY.xattr.security.selinux": "label",
        }),
        { name: "ping", mode: 0o4711, data: "x" },
        { name: "dir/", type: "5", uid: 33, gid: 34, mode: 0o2755 },
        { name: "dir/link", type: "2", link: "x", uid: 35, gid: 36 },
      ));
      const ping = fileStatus(`${tree(image)}/ping`);
      assertEquals([ping.uid, ping.gid, ping.mode & 0o7777], [3000000, 2999999, 0o4711]);
      const fd = open(`${tree(image)}/ping`);
      assertEquals(getXattr(fd, "security.capability"), capability);
      assertEquals(text(getXattr(fd, "user.note")!), "hello");
      close(fd);
      assertEquals(image.report.xattrs, { "security.selinux": 1 });
      const dir = fileStatus(`${tree(image)}/dir`);
      assertEquals([dir.uid, dir.gid, dir.mode & 0o7777], [33, 34, 0o2755]);
      const link = fileStatus(`${tree(image)}/dir/link`, AT_SYMLINK_NOFOLLOW);
      assertEquals([link.uid, link.gid], [35, 36]);
    }),
);

Deno.test("tar: a size in a PAX header is the size, whatever the header says", () =>
  inStore(async ({ put, tree }) => {
    // Who ignores the record takes the second file's header for the first one's contents.
    const inner = rawEntry({ name: "inner", data: "evil" });
    const image = await put(archive(
      paxEntry({ size: String(inner.length) }),
      join([rawEntry({ name: "outer", size: 0 }), inner]),
      { name: "after", data: "x" },
    ));
    const names = [...Deno.readDirSync(tree(image))].map(({ name }) => name).sort();
    assertEquals(names, ["after", "outer"]);
    assertEquals(await Deno.readFile(`${tree(image)}/outer`), inner);
  }));

Deno.test("tar: an entry may stand before the directory it is in", () =>
  inStore(async ({ put, tree }) => {
    const image = await put(archive(
      { name: "a/b/file", data: "x" },
      { name: "a/b", type: "5", mode: 0o700, mtime: 5 },
    ));
    assertEquals(fileStatus(`${tree(image)}/a/b`).mode & 0o7777, 0o700);
    assertEquals(fileStatus(`${tree(image)}/a/b`).modified.seconds, 5);
    assertEquals(fileStatus(`${tree(image)}/a`).mode & 0o7777, 0o755);
  }));

testIf(
  installed("tar"),
  "GNU tar is not installed",
  "tar: what is written is read by GNU tar",
  () =>
    inFolder(async (folder) => {
      await shell(TREE, folder);
      const write = (out: string) => {
        const root = open(`${folder}/tree`, { flags: 0o200000 });
        using file = Deno.openSync(out, { create: true, write: true, truncate: true });
        writeArchive(root, (bytes) => {
          for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
        }, { ids: SAME_IDS });
        close(root);
      };
      write(`${folder}/out.tar`);
      write(`${folder}/same.tar`);
      assertEquals(
        await Deno.readFile(`${folder}/out.tar`),
        await Deno.readFile(`${folder}/same.tar`),
      );
      assert(Deno.statSync(`${folder}/out.tar`).size < 1024 * 1024, "the holes were written out");
      await Deno.mkdir(`${folder}/again`);
      await shell("tar -xpf out.tar -C again", folder);
      const columns = "%U %G %s %T+ %n";
      assertEquals(await list(`${folder}/again`, columns), await list(`${folder}/tree`, columns));
      await shell("chmod -R u+rwx tree again", folder);
    }),
);

for (const program of ["gzip", "zstd", "xz"]) {
  testIf(
    installed("tar") && installed(program),
    `${program} is not installed`,
    `tar: ${program} is recognized, and damage in it`,
    () =>
      inStore(async ({ images, folder, tree }) => {
        await shell(
          `head -c 300000 /dev/urandom > f; tar cf f.tar f; ${program} -c f.tar > f.z`,
          folder,
        );
        const owners = ROOT ? "keep" : "flatten";
        const [image] = await images.import(`${folder}/f.z`, { owners });
        assertEquals(await Deno.readFile(`${tree(image!)}/f`), await Deno.readFile(`${folder}/f`));
        const [plain] = await images.import(`${folder}/f.tar`, { owners });
        assertEquals(plain!.id, image!.id);
        const bytes = await Deno.readFile(`${folder}/f.z`);
        await Deno.writeFile(`${folder}/cut.z`, bytes.subarray(0, bytes.length / 2));
        await assertRejects(() => images.import(`${folder}/cut.z`, { owners }), Error, "too early");
      }),
  );
}

Deno.test("tar: several members of gzip are one archive", () =>
  inStore(async ({ put, tree }) => {
    const bytes = archive({ name: "f", data: "x".repeat(2000) });
    const zip = async (part: Uint8Array<ArrayBuffer>) =>
      await new Response(new Blob([part]).stream().pipeThrough(new CompressionStream("gzip")))
        .bytes();
    const image = await put(join([
      await zip(bytes.slice(0, 700)),
      await zip(bytes.slice(700)),
    ]));
    assertEquals(Deno.statSync(`${tree(image)}/f`).size, 2000);
  }));

Deno.test("tar: without programs, gzip and zstd are undone by Deno itself", () =>
  inFolder(async (folder) => {
    const { decompressedByDeno } = await import("../../lib/image/decompress.ts");
    const { zstdCompressSync, gzipSync } = await import("node:zlib");
    const { FileSlice } = await import("../../lib/image/byte_source.ts");
    const bytes = crypto.getRandomValues(new Uint8Array(60000));
    for (const [kind, compress] of [["gzip", gzipSync], ["zstd", zstdCompressSync]] as const) {
      const path = `${folder}/${kind}`;
      await Deno.writeFile(path, compress(bytes) as Uint8Array<ArrayBuffer>);
      const fd = open(path);
      const source = await decompressedByDeno(new FileSlice(fd), kind);
      const read = new Uint8Array(70000);
      let at = 0;
      for (let count = -1; count !== 0;) at += count = await source.read(read.subarray(at));
      source.close();
      close(fd);
      assertEquals(read.subarray(0, at), bytes);
    }
  }));
