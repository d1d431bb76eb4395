/**
 * Images against GNU tar and against a directory: `deno run -A bench/images.ts [--rounds N]`.
 *
 * The import's memory is that of a Deno of its own, which this program starts with `import` as its
 * argument.
 *
 * @module
 */

import { Images, sandbox } from "../mod.ts";
import { median, paired } from "./measure.ts";

const MEGABYTE = 2 ** 20;
const FILES = 8000;
const BYTES = 150 * MEGABYTE;

/** 150 MB in 8000 files of very different sizes, the same each time. */
async function makeTree(folder: string): Promise<void> {
  const noise = crypto.getRandomValues(new Uint8Array(65536));
  let state = 1;
  const random = () => (state = state * 16807 % 2147483647) / 2147483647;
  for (let index = 0; index < FILES; index++) {
    const directory = `${folder}/d${index % 200}/e${index % 7}`;
    await Deno.mkdir(directory, { recursive: true });
    const size = Math.round(-Math.log(1 - random()) * BYTES / FILES);
    const bytes = new Uint8Array(size);
    for (let at = 0; at < size; at += noise.length) {
      bytes.set(noise.subarray(0, Math.min(noise.length, size - at)), at);
    }
    await Deno.writeFile(`${directory}/file${index}`, bytes);
  }
}

async function run(program: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** Imports once, and prints the time in milliseconds and the peak of memory in KiB. */
async function importOnce(store: string, archive: string): Promise<void> {
  const start = performance.now();
  await new Images(store).import(archive, { name: "bench" });
  const time = performance.now() - start;
  const peak = /VmHWM:\s+(\d+)/.exec(await Deno.readTextFile("/proc/self/status"))![1];
  console.log(JSON.stringify({ time, peak: Number(peak) }));
}

async function benchImport(folder: string, rounds: number): Promise<void> {
  await makeTree(`${folder}/tree`);
  await run("tar", "-cf", `${folder}/plain.tar`, "-C", `${folder}/tree`, ".");
  await run("gzip", "-1k", `${folder}/plain.tar`);
  await run("zstd", "-qk", `${folder}/plain.tar`);
  console.log("Import of 150 MB in 8000 files (medians; the whole process)");
  const times: Record<string, number[]> = {};
  const peaks: Record<string, number> = {};
  const take = (name: string, time: number) => (times[name] ??= []).push(time);
  for (let round = 0; round < rounds; round++) {
    for (
      const [name, archive] of [["tar xf", "plain.tar"], ["plain", "plain.tar"], [
        "gzip",
        "plain.tar.gz",
      ], ["zstd", "plain.tar.zst"]] as const
    ) {
      const out = `${folder}/out`;
      const start = performance.now();
      if (name === "tar xf") {
        await Deno.mkdir(out);
        await run("tar", "-xf", `${folder}/${archive}`, "-C", out);
      } else {
        const self = new URL(import.meta.url).pathname;
        const said = await run(
          Deno.execPath(),
          "run",
          "-A",
          self,
          "import",
          out,
          `${folder}/${archive}`,
        );
        peaks[name] = Math.max(peaks[name] ?? 0, JSON.parse(said).peak);
      }
      take(name, performance.now() - start);
      await run("rm", "-rf", out);
    }
  }
  const tar = median(times["tar xf"]!);
  for (const [name, list] of Object.entries(times)) {
    const peak = peaks[name] === undefined ? "" : `, at most ${(peaks[name] / 1024).toFixed(0)} MB`;
    console.log(`  ${name.padEnd(8)} ${median(list).toFixed(0).padStart(6)} ms${peak}`);
  }
  console.log(`  plain against tar xf: ${(median(times.plain!) / tar).toFixed(2)} (bar 3)`);
}

async function benchStart(folder: string, rounds: number): Promise<void> {
  Deno.env.set("PADDOCK_STORE", `${folder}/store`);
  const root = `${folder}/root`;
  await run(
    "sh",
    "-ec",
    `mkdir -p ${root}/bin ${root}/proc ${root}/dev ${root}/tmp ${root}/run
    cp /bin/true ${root}/bin/
    ldd ${root}/bin/true | grep -o '/[^ ]*' | while read -r lib; do
      mkdir -p "${root}$(dirname "$lib")"; cp -Ln "$lib" "${root}$lib" || true
    done; chmod -R a+rX ${root} ${folder}`,
  );
  await run("tar", "-cf", `${folder}/root.tar`, "-C", root, ".");
  const images = new Images();
  await images.import(`${folder}/root.tar`, { name: "layers:1" });
  const box = (name: string) => sandbox().root({ image: name });
  for (let count = 1; count < 5; count++) {
    await using child = await box(`layers:${count}`).spawn(["/bin/true"]);
    await child.status;
    await child.commit(`layers:${count + 1}`);
  }
  const layers = (await images.inspect("layers:5")).layers.length;
  const plain = sandbox().root(root).user(0);
  const image = box("layers:5"), fixed = sandbox().root({ image: "layers:5", readonly: true });
  const timings = await paired([
    { name: "a directory", run: () => plain.output(["/bin/true"]) },
    { name: `${layers} layers`, run: () => image.output(["/bin/true"]) },
    { name: `${layers} layers, read-only`, run: () => fixed.output(["/bin/true"]) },
  ], rounds);
  console.log("A start (medians of paired runs)");
  for (const { name, median, minimum } of timings) {
    console.log(`  ${name.padEnd(22)} ${median.toFixed(2)} ms   at best ${minimum.toFixed(2)} ms`);
  }
  const [directory, stacked] = timings;
  console.log(
    `  against a directory: ${(stacked!.median / directory!.median).toFixed(2)} (bar 1.3)`,
  );
}

if (import.meta.main) {
  if (Deno.args[0] === "import") await importOnce(Deno.args[1]!, Deno.args[2]!);
  else {
    const at = Deno.args.indexOf("--rounds");
    const rounds = at < 0 ? 5 : Number(Deno.args[at + 1]);
    const folder = await Deno.makeTempDir({ prefix: "paddock-bench-" });
    try {
      if (!Deno.args.includes("--start")) await benchImport(folder, rounds);
      if (!Deno.args.includes("--import")) await benchStart(folder, rounds * 20);
    } finally {
      await run("rm", "-rf", folder);
    }
  }
}
