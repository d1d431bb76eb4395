/** The bundle that is shipped is what the sources make, and is not run where it is not. */
import { assert, assertEquals } from "@std/assert";
import { isFresh } from "../../lib/cli/freshness.ts";
import { OTHER_SOURCES } from "../../lib/cli/bundle/other_sources.js";
import { MAIN_SOURCES } from "../../lib/cli/bundle/paddock.js";

const HOME = new URL("../../", import.meta.url);
const SOURCES: Record<string, number> = { ...MAIN_SOURCES, ...OTHER_SOURCES };

Deno.test("lib/cli/bundle/ is what the sources make (deno task bundle)", async (t) => {
  let build: typeof import("../../scripts/bundle.ts");
  try {
    build = await import("../../scripts/bundle.ts");
  } catch (error) {
    console.log(`skipped: esbuild and rollup cannot be had here: ${error}`);
    await t.step({ name: "compare", ignore: true, fn: () => {} });
    return;
  }
  assertEquals(await build.staleFiles(), []);
});

async function run(home: string, ...args: string[]): Promise<string> {
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", `${home}/cli.ts`, ...args],
  }).output();
  return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}

/** A copy of the package, with the bundle as new as everything else. */
async function withCopy(use: (home: string) => Promise<void>): Promise<void> {
  const home = await Deno.makeTempDir({ prefix: "paddock-bundle-" });
  try {
    const copied = ["-R", "cli.ts", "deno.json", "hooks", "lib", "mod.ts", "std", home];
    const { success } = await new Deno.Command("cp", { args: copied, cwd: HOME }).output();
    assert(success);
    // Whatever the state of this checkout: the sources are those that the bundle knows.
    for (const [path, size] of Object.entries(SOURCES)) {
      const text = await Deno.readFile(`${home}/${path}`);
      const same = new Uint8Array(size).fill(10);
      same.set(text.subarray(0, size));
      await Deno.writeFile(`${home}/${path}`, same);
    }
    await use(home);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

Deno.test("cli.ts runs the bundle, and the sources as soon as one of them has changed", async () => {
  await withCopy(async (home) => {
    const bundle = `${home}/lib/cli/bundle/paddock.js`;
    await Deno.writeTextFile(
      bundle,
      (await Deno.readTextFile(bundle)).replace("Usage: paddock COMMAND", "BUNDLED"),
    );
    assert((await run(home, "--help")).includes("BUNDLED"));
    // A change that leaves the size alone is seen by its time.
    const help = `${home}/lib/cli/general_help.ts`;
    const changed = (await Deno.readTextFile(help)).replace("Usage: paddock", "Usage: PADDOCK");
    await Deno.writeTextFile(help, changed);
    await Deno.utime(help, Date.now() / 1000, Date.now() / 1000 + 60);
    assert((await run(home, "--help")).includes("Usage: PADDOCK COMMAND"));
  });
});

Deno.test("a plain run looks at its own sources only, any other command at all of them", async () => {
  await withCopy(async (home) => {
    const bundle = `${home}/lib/cli/bundle/paddock.js`;
    const text = await Deno.readTextFile(bundle);
    await Deno.writeTextFile(bundle, text.replace('hostname: "paddock"', 'hostname: "bundled"'));
    const plain = () => run(home, "run", "--", "hostname");
    const other = () => run(home, "run", "--cwd", "/", "--", "hostname");
    const touch = (path: string) =>
      Deno.utime(`${home}/${path}`, Date.now() / 1000, Date.now() / 1000 + 60);
    assertEquals([await plain(), await other()], ["bundled\n", "bundled\n"]);
    await touch("lib/sandbox.ts");
    assertEquals([await plain(), await other()], ["bundled\n", "paddock\n"]);
    await touch("lib/plan/plan.ts");
    assertEquals(await plain(), "paddock\n");
  });
});

Deno.test("a source that is gone, or of another size, or newer, makes the bundle old", async () => {
  const folder = await Deno.makeTempDir({ prefix: "paddock-fresh-" });
  try {
    await Deno.writeTextFile(`${folder}/bundle.js`, "");
    await Deno.writeTextFile(`${folder}/ü.ts`, "12345");
    await Deno.writeTextFile(`${folder}/b.ts`, "123");
    const fresh = (sources: Record<string, number>) => isFresh(folder, "bundle.js", sources);
    assert(fresh({ "ü.ts": 5, "b.ts": 3 }));
    assert(!fresh({ "ü.ts": 5, "b.ts": 4 }));
    assert(!fresh({ "ü.ts": 5, "c.ts": 3 }));
    const now = Date.now() / 1000;
    await Deno.utime(`${folder}/b.ts`, now, now - 3600);
    assert(fresh({ "b.ts": 3 }));
    await Deno.utime(`${folder}/b.ts`, now, now + 60);
    assert(!fresh({ "b.ts": 3 }));
    // In an executable there is no bundle to be looked at, and nothing that could change.
    assert(isFresh("/nowhere", "bundle.js", { "b.ts": 3 }));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
