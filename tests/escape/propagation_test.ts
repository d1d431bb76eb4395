// On a host under systemd every mount is shared: a copy of one is its peer, and what is mounted below
// the copy appears below the original.

import { assertEquals } from "@std/assert";
import { sandbox } from "../../mod.ts";
import { inFolder, lines, ROOT, run, testIf } from "../integration/support.ts";

async function command(program: string, ...args: string[]): Promise<void> {
  const { success } = await new Deno.Command(program, { args }).output();
  assertEquals(success, true, `${program} ${args.join(" ")}`);
}

testIf(
  ROOT,
  "only root can share a mount",
  "what is mounted below a bind of a shared mount stays inside",
  () =>
    inFolder(async (folder) => {
      await Deno.mkdir(`${folder}/below`);
      await Deno.writeTextFile(`${folder}/note`, "the host's");
      await command("mount", "--bind", folder, folder);
      try {
        await command("mount", "--make-shared", folder);
        const box = sandbox()
          .bind(folder, "/data")
          .bind("/usr/bin", "/data/below")
          .file("/data/note", "the sandbox's");
        await using child = await box.spawn(["sleep", "60"], { stdin: "null" });
        assertEquals(await run(box, ["cat", "/data/note"]), "the sandbox's");
        const mounts = lines(await Deno.readTextFile("/proc/self/mountinfo"))
          .map((line) => line.split(" ")[4]!).filter((place) => place.startsWith(folder));
        assertEquals(mounts, [folder]);
        assertEquals(await Deno.readTextFile(`${folder}/note`), "the host's");
        assertEquals([...Deno.readDirSync(`${folder}/below`)], []);
        // Nor does what the host mounts later appear inside.
        await command("mount", "-t", "tmpfs", "tmpfs", `${folder}/below`);
        const inside = await Deno.readTextFile(`/proc/${child.pid}/mountinfo`);
        assertEquals(lines(inside).filter((line) => line.includes(" /data/below ")).length, 1);
        assertEquals(lines(inside).filter((line) => line.includes("shared:")), []);
        child.kill("SIGKILL");
      } finally {
        await command("umount", "--recursive", folder);
      }
    }),
);
