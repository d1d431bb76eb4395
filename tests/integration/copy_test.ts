/** Copies into a running sandbox and out of it. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { type RunningSandbox, sandbox, SandboxError, SpecError, SyscallError } from "../../mod.ts";
import { inFolder, ROOT, testIf, text } from "./support.ts";

async function inside(box: RunningSandbox, script: string): Promise<string> {
  const { code, stdout, stderr } = await box.execOutput(["sh", "-c", script]);
  assertEquals({ code, stderr: text(stderr) }, { code: 0, stderr: "" });
  return text(stdout);
}

async function withTree(use: (folder: string) => Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    await Deno.mkdir(`${folder}/tree/deep/er`, { recursive: true });
    await Deno.writeTextFile(`${folder}/tree/plain`, "plain\n");
    await Deno.writeTextFile(`${folder}/tree/deep/run`, "#!/bin/sh\necho ran\n", { mode: 0o700 });
    await Deno.chmod(`${folder}/tree/deep/run`, 0o4755);
    await Deno.symlink("../plain", `${folder}/tree/deep/link`);
    await Deno.symlink("/etc/shadow", `${folder}/tree/away`);
    using big = await Deno.open(`${folder}/tree/big`, { write: true, create: true });
    await big.seek(50_000_000, Deno.SeekMode.Start);
    await big.write(new TextEncoder().encode("end\n"));
    await use(folder);
  });
}

const LIST =
  "find . -printf '%P %y %m %l %U:%G\\n' | sort; cat plain deep/link; deep/run; tail -c 4 big";

Deno.test("a tree goes in as the sandbox's user's, and comes out as the caller's", async () => {
  await withTree(async (folder) => {
    await using box = await sandbox().user(1000, 1001).tmpfs("/work", { mode: "0777" })
      .start(["sleep", "60"]);
    await box.copyIn(`${folder}/tree`, "/work");
    await box.copyIn(`${folder}/tree/plain`, "/work/renamed");
    assertEquals(
      await inside(box, `cd /work/tree; ${LIST}`),
      [
        " d 755  1000:1001",
        "away l 777 /etc/shadow 1000:1001",
        "big f 644  1000:1001",
        "deep d 755  1000:1001",
        "deep/er d 755  1000:1001",
        "deep/link l 777 ../plain 1000:1001",
        "deep/run f 755  1000:1001",
        "plain f 644  1000:1001",
        "plain\nplain\nran\nend\n",
      ].join("\n"),
    );
    await inside(box, "cat /work/renamed; test $(du -k /work/tree/big | cut -f 1) -lt 1000");
    // Once more, over what is there.
    await box.copyIn(`${folder}/tree`, "/work");
    await Deno.mkdir(`${folder}/out`);
    await box.copyOut("/work/tree", `${folder}/out`);
    await box.copyOut("/work/tree/plain", `${folder}/out/renamed`);
    assertEquals(await Deno.readTextFile(`${folder}/out/tree/deep/link`), "plain\n");
    assertEquals(await Deno.readTextFile(`${folder}/out/renamed`), "plain\n");
    assertEquals(await Deno.readLink(`${folder}/out/tree/away`), "/etc/shadow");
    const { uid, mode, size } = await Deno.stat(`${folder}/out/tree/deep/run`);
    assertEquals([uid, mode! & 0o7777], [Deno.uid(), 0o755]);
    assert(size > 0);
    assertEquals((await Deno.stat(`${folder}/out/tree/big`)).size, 50_000_004);
  });
});

Deno.test("what that user may not write is not written, and what is wrong is told", async () => {
  await withTree(async (folder) => {
    await using box = await sandbox().start(["sh", "-c", "mkfifo /tmp/pipe; exec sleep 60"]);
    const plain = `${folder}/tree/plain`;
    const refused = await assertRejects(() => box.copyIn(plain, "/etc"), SyscallError);
    assert(["EACCES", "EROFS"].includes(refused.code), refused.code);
    await assertRejects(() => box.copyIn(`${folder}/none`, "/tmp"), SyscallError, "ENOENT");
    await assertRejects(() => box.copyIn(plain, "/none/there"), SyscallError, "ENOENT");
    await assertRejects(() => box.copyIn(plain, "tmp"), SpecError, "absolute");
    await assertRejects(() => box.copyOut("/", folder), SpecError, "no name");
    await inside(box, "until test -p /tmp/pipe; do :; done");
    await assertRejects(() => box.copyOut("/tmp/pipe", folder), SandboxError, "neither a file");
    // This thread is who it was.
    const status = await Deno.readTextFile("/proc/thread-self/status");
    const [, real, effective, , files] = /^Uid:\t(\d+)\t(\d+)\t(\d+)\t(\d+)$/m.exec(status)!;
    assertEquals([effective, files], [real, real]);
    assertEquals(await inside(box, "ls /tmp"), "pipe\n");
  });
});

testIf(ROOT, "several ids are root's to give", "also with a map of several ids", async () => {
  await withTree(async (folder) => {
    await using box = await sandbox().idMap("auto").user(5, 6).start(["sleep", "60"]);
    await box.copyIn(`${folder}/tree/plain`, "/tmp");
    assertEquals(await inside(box, "stat -c %u:%g /tmp/plain"), "5:6\n");
  });
});
