/** Who runs the command from a checkout downloads what it runs, not what it is developed with. */
import { assertEquals, assertStringIncludes } from "@std/assert";

const HOME = new URL("../../", import.meta.url);

/** What reads YAML, and what that needs. */
const NEEDED = ["js-yaml", "argparse"];

async function deno(args: string[], env: Record<string, string> = {}): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    env,
    cwd: HOME,
    stdin: "null",
  }).output();
  const [out, error] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assertEquals(code, 0, error);
  return out!;
}

async function copy(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copy(`${from}/${name}`, `${to}/${name}`);
    else await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
  }
}

Deno.test("the command needs no package that only tests and scripts import", async () => {
  const { npmCache } = JSON.parse(await deno(["info", "--json"]));
  const folder = await Deno.makeTempDir({ prefix: "paddock-downloads-" });
  try {
    const registry = "registry.npmjs.org";
    for (const name of NEEDED) {
      await copy(`${npmCache}/${registry}/${name}`, `${folder}/npm/${registry}/${name}`);
    }
    await Deno.writeTextFile(`${folder}/box.yaml`, "command: [echo, from the file]\n");
    await Deno.writeTextFile(`${folder}/profile.yaml`, "extend: default\nrules: []\n");
    const paddock = (...words: string[]) =>
      deno(["run", "-A", "--quiet", "--cached-only", "cli.ts", ...words], { DENO_DIR: folder });
    assertStringIncludes(await paddock("seccomp", "test", "ptrace"), "EPERM");
    assertStringIncludes(await paddock("seccomp", "show"), "The program of");
    assertEquals(await paddock("run", "-f", `${folder}/box.yaml`), "from the file\n");
    const filtered = ["run", "--seccomp", `${folder}/profile.yaml`, "echo", "filtered"];
    assertEquals(await paddock(...filtered), "filtered\n");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
