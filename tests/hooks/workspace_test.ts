import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { workspace } from "../../hooks/workspace.ts";
import { HookError, sandbox, SpecError } from "../../mod.ts";

async function withFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/.git/hooks`, { recursive: true });
    await Deno.writeTextFile(`${folder}/.git/config`, "[core]\n");
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("workspace: files can be written, the protected ones cannot", async () => {
  await withFolder(async (folder) => {
    const script = `
      pwd
      echo made > made.txt
      attempt() { "$@" 2>/dev/null && echo "managed: $*"; }
      attempt sh -c 'echo evil >> .git/config'
      attempt sh -c 'echo evil > .git/hooks/post-checkout'
      attempt mv .git away
      attempt rm -rf .git
      attempt rmdir .git
      attempt ln -s /tmp .git/link
      attempt umount .git
      attempt mount -o remount,rw,bind .git
      cat .git/config
      exit 0
    `;
    const { code, stdout, stderr } = await sandbox().use(workspace(folder)).output([
      "sh",
      "-c",
      script,
    ]);
    assertEquals(new TextDecoder().decode(stderr), "");
    assertEquals(new TextDecoder().decode(stdout), "/workspace\n[core]\n");
    assertEquals(code, 0);
    const made = await Deno.stat(`${folder}/made.txt`);
    assertEquals(made.uid, Deno.uid(), "what was made belongs to the caller");
    assertEquals(await Deno.readTextFile(`${folder}/.git/config`), "[core]\n");
    assertEquals([...Deno.readDirSync(`${folder}/.git`)].map(({ name }) => name).sort(), [
      "config",
      "hooks",
    ]);
  });
});

Deno.test("workspace: another place, other paths, and the caller's working directory", async () => {
  await withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/lock.json`, "{}");
    const plugin = workspace(folder, { target: "/src", protect: ["lock.json"] });
    const { stdout } = await sandbox().cwd("/tmp").use(plugin).output([
      "sh",
      "-c",
      "pwd; echo x 2>/dev/null > /src/lock.json || echo protected; echo y > /src/.git/config",
    ]);
    assertEquals(new TextDecoder().decode(stdout), "/tmp\nprotected\n");
    assertEquals(await Deno.readTextFile(`${folder}/lock.json`), "{}");
    assertEquals(await Deno.readTextFile(`${folder}/.git/config`), "y\n");
  });
});

Deno.test("workspace: what cannot be protected is an error, not left out", async () => {
  await withFolder(async (folder) => {
    const missing = sandbox().use(workspace(folder, { protect: [".envrc"] }));
    const error = await assertRejects(() => missing.output(["true"]), HookError);
    assert(error.cause instanceof SpecError);
    await Deno.symlink(".git", `${folder}/link`);
    const link = sandbox().use(workspace(folder, { protect: ["link"] }));
    const second = await assertRejects(() => link.output(["true"]), HookError);
    assert(second.cause instanceof SpecError);
    for (const path of ["", "/etc", "../x", "a/../../x"]) {
      assertThrows(() => workspace(folder, { protect: [path] }), SpecError);
    }
  });
});
