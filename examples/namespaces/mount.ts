/**
 * Mount namespace: a directory has other contents inside than outside, and nothing of that is left
 * on the host.
 *
 *     deno run -A examples/namespaces/mount.ts
 *
 * In a project of your own: `import { sandbox } from "jsr:@paddock/paddock";`
 *
 * @module
 */

import { sandbox } from "../../mod.ts";

const folder = await Deno.makeTempDir();
try {
  // Readable for everybody: by default root's sandbox is not root on the host.
  await Deno.chmod(folder, 0o755);
  await Deno.mkdir(`${folder}/scratch`);
  await Deno.writeTextFile(`${folder}/recipe.txt`, "flour, water\n");

  // The mount list is applied in order: the host's folder first, then memory over a part of it.
  const box = sandbox().bind(folder, "/data").tmpfs("/data/scratch", { size: "16M" });
  const { stdout } = await box.output(["sh", "-c", script()]);
  console.log(new TextDecoder().decode(stdout).trimEnd());

  console.log("outside:", folder);
  console.log("  scratch holds:", names(`${folder}/scratch`));
  console.log("  recipe says:", (await Deno.readTextFile(`${folder}/recipe.txt`)).trim());
  const mounts = (await Deno.readTextFile("/proc/self/mounts")).split("\n");
  console.log("  mounts at it:", mounts.filter((line) => line.includes(folder)).length);
} finally {
  await Deno.remove(folder, { recursive: true });
}

function script(): string {
  return `
    echo "a secret" > /data/scratch/note.txt
    echo "inside: /data"
    echo "  scratch holds:" $(ls /data/scratch)
    { echo "salt" >> /data/recipe.txt; } 2>/dev/null || echo "  recipe is read-only"
    echo "  recipe says:" $(cat /data/recipe.txt)
    echo "  mounts at it:" $(grep -c " /data" /proc/self/mounts)
  `;
}

function names(path: string): string {
  return [...Deno.readDirSync(path)].map(({ name }) => name).join(" ") || "(nothing)";
}
