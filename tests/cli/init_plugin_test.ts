/** `paddock init plugin`: what it writes is right as it stands. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { pluginFiles } from "../../lib/cli/init/plugin_files.ts";
import { paddock, text, withFolder } from "./run.ts";

const HOME = new URL("../../", import.meta.url);

async function deno(folder: string, ...args: string[]): Promise<void> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: folder,
    env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    signal: AbortSignal.timeout(120_000),
  }).output();
  assertEquals(code, 0, `deno ${args.join(" ")}: ${text(stdout)}\n${text(stderr)}`);
}

Deno.test("a new plugin's package is formatted, typed, documented and its tests pass", async () => {
  await withFolder({}, async (folder) => {
    const { code, stdout, stderr } = await paddock(
      ["init", "plugin", "night-watch", "--scope", "ada"],
      { cwd: folder },
    );
    assertEquals([code, stderr], [0, ""]);
    assertStringIncludes(stdout, "wrote night-watch/mod_test.ts");
    const path = `${folder}/night-watch`;
    const config = JSON.parse(await Deno.readTextFile(`${path}/deno.json`));
    assertEquals(config.name, "@ada/paddock-night-watch");
    assert(config.imports["@paddock/paddock"].startsWith("jsr:@paddock/paddock@^"));
    // This checkout in the place of the registry's.
    const here = (name: string) => new URL(name, HOME).href;
    const imports = {
      "@paddock/paddock": here("mod.ts"),
      "@paddock/paddock/testing": here("lib/testing/mod.ts"),
      "@ada/paddock-night-watch": "./mod.ts",
      "@std/assert": here("std/assert/mod.ts"),
      "@std/path": here("std/path/mod.ts"),
      "@std/yaml": here("std/yaml/mod.ts"),
    };
    await deno(path, "fmt", "--check", "--quiet");
    await Deno.writeTextFile(`${path}/deno.json`, JSON.stringify({ ...config, imports }));
    await deno(path, "lint", "--quiet", "--rules-tags=recommended,jsr", "mod.ts", "mod_test.ts");
    await deno(path, "check", "--quiet", "--doc", "mod.ts", "mod_test.ts");
    await deno(path, "test", "-A", "--quiet", "--no-check", "--no-lock");
  });
});

Deno.test("a name that is none, and a directory that is there, are errors; nothing is overwritten", async () => {
  await withFolder({ "mine": "mine" }, async (folder) => {
    for (const [name, message] of [["Night", "no name of a package"], ["mine", "there already"]]) {
      const { code, stderr } = await paddock(["init", "plugin", name!], { cwd: folder });
      assertEquals(code, 125);
      assertStringIncludes(stderr, message!);
    }
    assertEquals(await Deno.readTextFile(`${folder}/mine`), "mine");
  });
});

Deno.test("names of one word and of several become those of functions and types", () => {
  const files = (name: string) => pluginFiles({ name, scope: "you", version: "1.2.3" });
  assertStringIncludes(files("watch")["mod.ts"]!, "export function watch(options: WatchOptions)");
  assertStringIncludes(files("a-b-c1")["mod.ts"]!, "export function aBC1(options: ABC1Options)");
  assertStringIncludes(files("x")["deno.json"]!, '"jsr:@paddock/paddock@^1.2.3/testing"');
});
