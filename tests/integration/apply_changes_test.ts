/** Changes of a sandbox that are done to the directory below it. */
import { assertEquals, assertRejects } from "@std/assert";
import { type Sandbox, sandbox, SpecError } from "../../mod.ts";
import { shell } from "../image/small_root.ts";
import { inFolder, installed, ROOT, testIf } from "./support.ts";

/** A directory that can be the root once `/usr` is bound into it. */
async function makeRoot(folder: string): Promise<string> {
  const root = `${folder}/root`;
  await shell(
    `mkdir -p '${root}/usr' '${root}/proc' '${root}/dev' '${root}/tmp' '${root}/run' '${root}/data/sub'
    cd '${root}'; for name in bin lib lib64; do ln -s usr/$name $name; done
    echo old > data/text; echo gone > data/gone; echo x > data/sub/a; echo same > data/same
    ln -s text data/link; mkdir data/full; echo x > data/full/old; chmod -R a+rX .`,
  );
  return root;
}

const over = (root: string): Sandbox =>
  sandbox().root({ overlay: { lower: [root], upper: "ephemeral" } }).bind("/usr");

async function applied(box: Sandbox, script: string): Promise<number> {
  await using child = await box.spawn(["/bin/sh", "-c", script], { stdout: "null" });
  assertEquals((await child.status).code, 0);
  return (await child.applyChanges()).leftOut;
}

const mode = (path: string) => Deno.lstatSync(path).mode! & 0o7777;

Deno.test("applyChanges: files, links, directories and deletions get to the directory below", () =>
  inFolder(async (folder) => {
    const root = await makeRoot(folder);
    const before = Deno.lstatSync(`${root}/data/same`);
    const leftOut = await applied(
      over(root).tmpfs("/made/for/mount"),
      `cd /data; echo new > text; rm gone link; ln -s /etc/shadow link; rm -r sub; echo x > sub
      rm -r full; mkdir full; echo y > full/new; mkdir -p a/b; echo z > a/b/c; chmod 700 a/b; ln a/b/c a/again
      mkfifo pipe; dd if=/dev/zero of=hole bs=1 count=1 seek=1M 2>/dev/null; chmod 640 text
      touch -d @1000000000 a/b/c a/b; echo hidden > /made/for/mount/x; echo hidden > /tmp/x`,
    );
    assertEquals(leftOut, 0);
    const read = (path: string) => Deno.readTextFileSync(`${root}/data/${path}`);
    assertEquals([read("text"), read("sub"), read("a/b/c")], ["new\n", "x\n", "z\n"]);
    assertEquals(Deno.readLinkSync(`${root}/data/link`), "/etc/shadow");
    assertEquals([...Deno.readDirSync(`${root}/data/full`)].map(({ name }) => name), ["new"]);
    assertEquals([mode(`${root}/data/a/b`), mode(`${root}/data/text`)], [0o700, 0o640]);
    assertEquals(Deno.lstatSync(`${root}/data/a/b`).mtime, new Date(1e12));
    assertEquals(
      Deno.lstatSync(`${root}/data/a/b/c`).ino,
      Deno.lstatSync(`${root}/data/a/again`).ino,
    );
    assertEquals(Deno.lstatSync(`${root}/data/pipe`).isFifo, true);
    const { size, blocks } = Deno.lstatSync(`${root}/data/hole`);
    assertEquals([size, blocks! < 64], [2 ** 20 + 1, true]);
    // What was not changed is the same file; what is mounted or gone leaves no trace.
    assertEquals(Deno.lstatSync(`${root}/data/same`).ino, before.ino);
    const names = [...Deno.readDirSync(`${root}/data`)].map(({ name }) => name).sort();
    assertEquals(names, ["a", "full", "hole", "link", "pipe", "same", "sub", "text"]);
    assertEquals([...Deno.readDirSync(`${root}/tmp`)], []);
    assertEquals([...Deno.readDirSync(root)].some(({ name }) => name === "made"), false);
    for (const entry of ["text", "a", "a/b/c", "link"]) {
      const { uid, gid } = Deno.lstatSync(`${root}/data/${entry}`);
      assertEquals([uid, gid], [Deno.uid(), Deno.gid()], entry);
    }
    // The next one starts from there, and an own change of nothing changes nothing.
    assertEquals(await applied(over(root), "cat /data/text"), 0);
    assertEquals(read("text"), "new\n");
  }));

Deno.test("applyChanges: nothing leads out of the directory, and no privilege comes with it", () =>
  inFolder(async (folder) => {
    const root = await makeRoot(folder);
    const outside = `${folder}/outside`;
    await Deno.mkdir(outside);
    await Deno.writeTextFile(`${outside}/text`, "untouched");
    // A link where a directory was, and files below it that were made before that.
    await applied(
      over(root),
      `cd /data; echo x > sub/text; rm -r full; ln -s '${outside}' full; chmod 6755 same || true`,
    );
    assertEquals(Deno.readLinkSync(`${root}/data/full`), outside);
    // Now the link is below, and the sandbox puts a directory in its place, with the same file.
    await applied(over(root), "cd /data; rm full; mkdir full; echo evil > full/text");
    assertEquals(Deno.readTextFileSync(`${outside}/text`), "untouched");
    assertEquals(Deno.readTextFileSync(`${root}/data/full/text`), "evil\n");
    assertEquals(mode(`${root}/data/same`) & 0o6000, 0);
    // Somebody puts the link there between the command's end and the changes.
    await using child = await over(root).spawn(["/bin/sh", "-c", "echo evil > /data/full/text"]);
    await child.status;
    await shell(`rm -r '${root}/data/full'; ln -s '${outside}' '${root}/data/full'`);
    await child.applyChanges();
    assertEquals(Deno.readTextFileSync(`${outside}/text`), "untouched");
  }));

Deno.test("applyChanges: not before the end, nor on an image or without an overlay", () =>
  inFolder(async (folder) => {
    const root = await makeRoot(folder);
    await using child = await over(root).spawn(["sleep", "60"]);
    await assertRejects(() => child.applyChanges(), TypeError, "has not ended");
    await using plain = await sandbox().spawn(["true"]);
    await plain.status;
    await assertRejects(() => plain.applyChanges(), SpecError, "no image and no overlay");
  }));

testIf(
  ROOT && installed("newuidmap"),
  "needs root to be another user than the sandbox's",
  "applyChanges: root's own files stay root's, those of several users theirs",
  () =>
    inFolder(async (folder) => {
      const root = await makeRoot(folder);
      const box = over(root).idMap({
        uids: [{ inside: 0, outside: 100000, count: 65536 }],
        gids: [{ inside: 0, outside: 100000, count: 65536 }],
      }).user(0).capabilities(["CAP_CHOWN"]);
      await applied(box, "echo x > /data/new; chown 33:44 /data/new; echo y > /data/own");
      const owner = ({ uid, gid }: Deno.FileInfo) => [uid, gid];
      assertEquals(owner(Deno.lstatSync(`${root}/data/new`)), [33, 44]);
      assertEquals(owner(Deno.lstatSync(`${root}/data/own`)), [0, 0]);
    }),
);
