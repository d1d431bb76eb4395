/** A hostile sandbox under copies: nothing is written or read outside of it. */
import { assertEquals } from "@std/assert";
import { type RunningSandbox, sandbox } from "../../mod.ts";
import { inFolder, PACE, until } from "../integration/support.ts";

const COPIES = Math.ceil(300 / PACE);

/** Makes one name a directory, a link to a place of the host and one to the root, again and again. */
const SWAP = `
mkdir -p /work/swap /work/real; echo inside > /work/real/file; echo on > /work/ready
while :; do
  rm -rf /work/swap; ln -s "$1" /work/swap
  rm -rf /work/swap; ln -s "../../../../../../../..$1" /work/swap
  rm -rf /work/swap; ln -s "/proc/1/root$1" /work/swap
  rm -rf /work/swap; mkdir /work/swap; echo inside > /work/swap/file
  mv /work/swap /work/other; ln -s / /work/swap; rm -rf /work/other
done`;

async function underAttack(
  folder: string,
  use: (box: RunningSandbox) => Promise<void>,
): Promise<void> {
  await Deno.mkdir(`${folder}/victim`);
  await Deno.writeTextFile(`${folder}/victim/file`, "secret");
  await Deno.chmod(`${folder}/victim`, 0o777);
  await using box = await sandbox().tmpfs("/work").start(
    ["sh", "-c", SWAP, "sh", `${folder}/victim`],
    { stdin: "null", stderr: "null" },
  );
  await until(async () => (await box.execOutput(["test", "-e", "/work/ready"])).success);
  await use(box);
}

Deno.test("no copy into a sandbox is turned onto the host by a link that comes and goes", async () => {
  await inFolder(async (folder) => {
    await Deno.mkdir(`${folder}/tree/swap`, { recursive: true });
    await Deno.writeTextFile(`${folder}/tree/swap/planted`, "planted");
    await Deno.writeTextFile(`${folder}/file`, "planted");
    await underAttack(folder, async (box) => {
      for (let copy = 0; copy < COPIES; copy++) {
        await box.copyIn(`${folder}/file`, "/work/swap/planted").catch(() => {});
        await box.copyIn(`${folder}/file`, "/work/swap/file").catch(() => {});
        await box.copyIn(`${folder}/tree/swap`, "/work").catch(() => {});
      }
    });
    assertEquals([...Deno.readDirSync(`${folder}/victim`)].map(({ name }) => name), ["file"]);
    assertEquals(await Deno.readTextFile(`${folder}/victim/file`), "secret");
  });
});

Deno.test("no copy out of a sandbox reads the host's files, or writes beside its target", async () => {
  await inFolder(async (folder) => {
    await Deno.mkdir(`${folder}/out`);
    await underAttack(folder, async (box) => {
      for (let copy = 0; copy < COPIES; copy++) {
        await box.copyOut("/work/swap/file", `${folder}/out/file`).catch(() => {});
        // Once it is a link there, which the next copy of the directory must not follow.
        await box.copyOut("/work/swap", `${folder}/out`).catch(() => {});
        const got = await Deno.readTextFile(`${folder}/out/file`).catch(() => "inside\n");
        // The file may have been emptied, and not be written yet.
        assertEquals(["inside\n", ""].includes(got), true, got);
      }
    });
    assertEquals([...Deno.readDirSync(`${folder}/victim`)].map(({ name }) => name), ["file"]);
    assertEquals(await Deno.readTextFile(`${folder}/victim/file`), "secret");
  });
});

Deno.test("a link that was copied out is not followed by the next copy", async () => {
  await inFolder(async (folder) => {
    await Deno.mkdir(`${folder}/victim`);
    await Deno.mkdir(`${folder}/out`);
    const script = 'mkdir /work/tree; ln -s "$1" /work/tree/name; ln -s "$1/file" /work/tree/file';
    await using box = await sandbox().tmpfs("/work").start(["sleep", "60"]);
    await box.execOutput(["sh", "-c", script, "sh", `${folder}/victim`]);
    await box.copyOut("/work/tree", `${folder}/out`);
    const next =
      "cd /work/tree; rm name file; mkdir name; echo planted > name/planted; echo planted > file";
    await box.execOutput(["sh", "-c", next]);
    await box.copyOut("/work/tree", `${folder}/out`);
    assertEquals([...Deno.readDirSync(`${folder}/victim`)], []);
    assertEquals(await Deno.readTextFile(`${folder}/out/tree/name/planted`), "planted\n");
  });
});
