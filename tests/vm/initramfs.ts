/**
 * The first filesystem of a machine: busybox, the modules, the scripts of `guest/`, and the checkout
 * as it is now, with the packages that it imports.
 *
 * @module
 */

import { run } from "./command.ts";
import { cpio, type Entry } from "./cpio.ts";
import type { Kernel } from "./kernel.ts";

const CHECKOUT = new URL("../../", import.meta.url).pathname;

/** What is committed, and what would be. */
async function checkout(): Promise<string[]> {
  const list = await run("git", [
    "-c",
    `safe.directory=${CHECKOUT.replace(/\/$/, "")}`,
    "ls-files",
    "-z",
    "--cached",
    "--others",
    "--exclude-standard",
  ], { cwd: CHECKOUT });
  return list.split("\0").filter(Boolean);
}

function* filesBelow(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (isDirectory) yield* filesBelow(`${folder}/${name}`);
    else yield `${folder}/${name}`;
  }
}

function entry(path: string, file: string): Entry | undefined {
  try {
    const { isSymlink, mode } = Deno.lstatSync(file);
    if (isSymlink) return { path, link: Deno.readLinkSync(file) };
    return { path, data: Deno.readFileSync(file), mode: mode! & 0o777 };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined; // removed, and not committed yet
    throw error;
  }
}

/** Deno's cache with the npm packages, and nothing else: no network is needed in the machine. */
async function packagesOfNpm(folder: string, files: readonly string[]): Promise<string> {
  const cache = `${folder}/deno_dir`;
  const tests = files.filter((file) => file.endsWith(".ts") && !file.startsWith("scripts/"));
  await run(Deno.execPath(), ["cache", "--quiet", "--no-check", ...tests], {
    cwd: CHECKOUT,
    env: { DENO_DIR: cache },
  });
  return `${cache}/npm`;
}

/** Writes the archive to a file. */
export async function initramfs(
  kernel: Kernel,
  folder: string,
  extra: Iterable<Entry>,
): Promise<string> {
  const files = await checkout();
  const npm = await packagesOfNpm(folder, files);
  const guest = new URL("guest/", import.meta.url).pathname;
  const entries: (Entry | undefined)[] = [
    { path: "dev/console", device: [5, 1] },
    { path: "dev/null", device: [1, 3] },
    entry("init", `${guest}init`),
    { path: "bin/busybox", data: Deno.readFileSync(kernel.busybox), mode: 0o755 },
    { path: "bin/sh", link: "busybox" },
    ...kernel.modules.map(({ path, data }): Entry => ({
      path: `copy/usr/lib/modules/${kernel.release}/${path}`,
      data,
      mode: 0o644,
    })),
    {
      path: "modules",
      data: new TextEncoder().encode(
        kernel.modules.filter(({ name }) => name.startsWith("virtio"))
          .map(({ path }) => `/copy/usr/lib/modules/${kernel.release}/${path}\n`).join(""),
      ),
      mode: 0o644,
    },
    ...files.map((file) => entry(`copy/paddock/${file}`, CHECKOUT + file)),
    ...[...filesBelow(npm)].map((file) =>
      entry(`copy/var/cache/deno/npm/${file.slice(npm.length + 1)}`, file)
    ),
    ...extra,
  ];
  const target = await Deno.makeTempFile({ prefix: "paddock-initramfs-" });
  const file = await Deno.open(target, { write: true });
  for (const bytes of cpio(entries.filter((one) => one !== undefined))) {
    for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
  }
  file.close();
  return target;
}
