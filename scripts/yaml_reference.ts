/**
 * Writes what is made of the schema of files: the tables of `docs/yaml.md`, and
 * `docs/paddock.schema.json`. Run it by `deno task reference`; `--check` compares only.
 *
 * @module
 */

import { jsonSchema } from "../lib/schema/json_schema.ts";
import { reference } from "./yaml_tables.ts";

const HOME = new URL("../", import.meta.url);
const BEGIN = "<!-- what follows is made of the schema by `deno task reference` -->";

async function formatted(text: string, extension: string): Promise<string> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--ext", extension, "-"],
    cwd: HOME,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  await new Blob([text]).stream().pipeTo(child.stdin);
  const { success, stdout, stderr } = await child.output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** The files, as the schema makes them. */
export async function generated(): Promise<Map<string, string>> {
  const page = await Deno.readTextFile(new URL("docs/yaml.md", HOME));
  const at = page.indexOf(BEGIN);
  if (at < 0) throw new Error(`docs/yaml.md has no line "${BEGIN}"`);
  const [text, schema] = await Promise.all([
    formatted(`${page.slice(0, at)}${BEGIN}\n\n${reference()}`, "md"),
    formatted(JSON.stringify(jsonSchema()), "json"),
  ]);
  return new Map([["docs/yaml.md", text], ["docs/paddock.schema.json", schema]]);
}

if (import.meta.main) {
  const check = Deno.args.includes("--check");
  for (const [name, text] of await generated()) {
    const file = new URL(name, HOME);
    const before = await Deno.readTextFile(file).catch(() => "");
    if (before === text) continue;
    if (check) {
      console.error(`${name} is not what the schema makes; run deno task reference`);
      Deno.exitCode = 1;
    } else await Deno.writeTextFile(file, text);
  }
}
