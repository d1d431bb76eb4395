/**
 * A plugin that gives every launch a fresh folder of the host, hands out what the command left in
 * it, and cleans up, however it ended.
 *
 *     deno run -A examples/hook_workspace.ts
 *
 * @module
 */

import { defineHook, type Plugin, sandbox } from "../mod.ts"; // in your project: "jsr:@paddock/paddock"

function freshWorkspace(collect: (files: Map<string, string>) => void): Plugin {
  return defineHook({
    name: "fresh workspace",
    async preMount(ctx) {
      const source = await Deno.makeTempDir({ prefix: "workspace-" });
      // Last in, first out: the folder goes after its files were read.
      ctx.defer(async () => {
        await Deno.remove(source, { recursive: true });
        console.log("host: removed the folder");
      });
      ctx.defer(async () => {
        const files = new Map<string, string>();
        for await (const { name, isFile } of Deno.readDir(source)) {
          if (isFile) files.set(name, await Deno.readTextFile(`${source}/${name}`));
        }
        collect(files);
      });
      ctx.addMount({ kind: "bind", source, target: "/workspace", writable: true });
    },
  });
}

const box = sandbox().use(freshWorkspace((files) => {
  for (const [name, contents] of files) console.log(`host: ${name} is "${contents.trim()}"`);
}));

for (const word of ["first", "second"]) {
  const script = `cd /workspace; echo "by the ${word} launch" > result.txt; ls`;
  const { stdout, hookErrors } = await box.output(["sh", "-c", script]);
  console.log("inside: /workspace holds", new TextDecoder().decode(stdout).trim());
  for (const error of hookErrors) console.error(error.message);
}
