import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { sandbox, StepError } from "../../mod.ts";
import { attempt, inFolder, lines, sh } from "./support.ts";

Deno.test("masked files read as nothing and masked directories are empty, both read-only", async () => {
  await inFolder(async (folder) => {
    await Deno.mkdir(`${folder}/keys`);
    await Deno.writeTextFile(`${folder}/keys/id`, "secret");
    await Deno.writeTextFile(`${folder}/token`, "secret");
    const box = sandbox().bind(folder, "/d", { writable: true }).mask("/d/keys", "/d/token");
    assertEquals(await sh(box, "ls -A /d/keys"), "");
    assertEquals(lines(await sh(box, "ls /d; cat /d/token 2> /dev/null || true")), [
      "keys",
      "token",
    ]);
    for (const path of ["/d/keys/new", "/d/token"]) {
      assertMatch((await attempt(box, `echo > ${path}`)).stderr, /Read-only|Permission denied/);
    }
    for (const script of ["rm -r /d/keys", "rm /d/token", "mv /d/keys /d/x", "ln /d/token /d/y"]) {
      assertMatch((await attempt(box, script)).stderr, /busy|cross-device|Permission|Read-only/);
    }
    assertEquals(await Deno.readTextFile(`${folder}/keys/id`), "secret");
  });
});

Deno.test("what is to be covered must be there, unless that is optional", async () => {
  for (const kind of ["mask", "readonly"] as const) {
    const error = await assertRejects(() => sandbox()[kind]("/none").output(["true"]), StepError);
    assertMatch(error.message, /"\/none".*ENOENT.*optional: true/);
    for (const target of ["/none", "/none/below", "/usr/bin/true/below"]) {
      const box = sandbox().mount({ kind, target, optional: true });
      assertEquals((await box.output(["true"])).code, 0);
    }
  }
});

Deno.test("readonly holds for all that is mounted below, and for files", async () => {
  const box = sandbox().tmpfs("/w").tmpfs("/w/a/b").file("/w/f", "f").dir("/w/c")
    .readonly("/w/a", "/w/f");
  assertEquals(await sh(box, "touch /w/ok /w/c/ok; cat /w/f"), "f");
  for (const path of ["/w/a/x", "/w/a/b/x", "/w/f"]) {
    assertMatch((await attempt(box, `echo > ${path}`)).stderr, /Read-only file system/);
  }
});

Deno.test("a mask follows links inside of the root", async () => {
  await inFolder(async (folder) => {
    await Deno.mkdir(`${folder}/real`);
    await Deno.writeTextFile(`${folder}/real/key`, "secret");
    await Deno.symlink("/d/real", `${folder}/link`);
    const box = sandbox().bind(folder, "/d").mask("/d/link/key");
    assertMatch((await attempt(box, "cat /d/real/key; cat /d/link/key")).stdout, /^$/);
  });
});
