/**
 * A root filesystem of a few of the host's programs, and images made of it.
 *
 * @module
 */

import { assert } from "@std/assert";
import { Images, type ImportedImage, type ImportOptions } from "../../mod.ts";
import { inFolder, text } from "../integration/support.ts";
import { archive, type RawEntry } from "./archives.ts";

const PROGRAMS = "sh cat id ls rm mkdir mv touch env chmod ln sleep stat cp find head mkfifo".split(
  " ",
);

/** Runs a shell script, which must succeed. */
export async function shell(script: string, cwd = "/"): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("sh", {
    args: ["-euc", script],
    cwd,
    env: { LC_ALL: "C" },
  }).output();
  assert(success, `${script}: ${text(stderr)}`);
  return text(stdout);
}

/** Writes the archive: the programs, what they are linked with, and who is who. */
export async function smallRoot(folder: string): Promise<string> {
  const path = `${folder}/root.tar`;
  await shell(
    `cd '${folder}'; mkdir -p small/etc small/tmp small/root small/var/lib
    for name in ${PROGRAMS.join(" ")}; do
      from=$(command -v $name); mkdir -p small/usr/bin; cp -L "$from" small/usr/bin/
      ldd "$from" | grep -o '/[^ ]*' | while read -r lib; do
        mkdir -p "small$(dirname "$lib")"; cp -Ln "$lib" "small$lib" || true
      done
    done
    ln -s usr/bin small/bin
    printf 'root:x:0:0::/root:/bin/sh\\nbird:x:7:8::/home/bird:/bin/sh\\n' > small/etc/passwd
    printf 'root:x:0:\\nbirds:x:8:\\n' > small/etc/group
    chmod 1777 small/tmp; chmod 700 small/root
    tar --owner=0 --group=0 -cf root.tar -C small .`,
  );
  return path;
}

/** An image to run on, in a store that `root({ image })` finds. */
export interface ImageBench {
  images: Images;
  folder: string;
  /** The root's archive. */
  root: string;
  /** Imports the root with these entries as further layers, the lowest first. */
  make(
    name: string,
    config: Record<string, unknown>,
    layers?: RawEntry[][],
    options?: ImportOptions,
  ): Promise<ImportedImage>;
}

/** Runs `use` with a store of its own. */
export async function onImages<T>(use: (bench: ImageBench) => Promise<T>): Promise<T> {
  return await inFolder(async (folder) => {
    const before = Deno.env.get("PADDOCK_STORE");
    Deno.env.set("PADDOCK_STORE", `${folder}/store`);
    try {
      const images = new Images();
      const root = await smallRoot(folder);
      return await use({
        images,
        folder,
        root,
        async make(name, config, layers = [], options = {}) {
          const files = [
            await Deno.readFile(root),
            ...layers.map((entries) => archive(...entries)),
          ];
          const digests = await Promise.all(
            files.map(async (data) =>
              `sha256:${new Uint8Array(await crypto.subtle.digest("SHA-256", data)).toHex()}`
            ),
          );
          const json = (value: unknown) => JSON.stringify(value);
          const out = archive(
            ...files.map((data, index) => ({ name: `${"0".repeat(63)}${index}.tar`, data })),
            { name: "config.json", data: json({ config, rootfs: { diff_ids: digests } }) },
            {
              name: "manifest.json",
              data: json([{
                Config: "config.json",
                Layers: files.map((_, index) => `${"0".repeat(63)}${index}.tar`),
              }]),
            },
          );
          await Deno.writeFile(`${folder}/image.tar`, out);
          return (await images.import(`${folder}/image.tar`, { name, ...options }))[0]!;
        },
      });
    } finally {
      if (before === undefined) Deno.env.delete("PADDOCK_STORE");
      else Deno.env.set("PADDOCK_STORE", before);
    }
  });
}
