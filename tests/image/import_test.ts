/** Images of several layers, in all forms; digests; what is there when an import is killed. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { ArchiveError, ImageError, Images, SpecError } from "../../mod.ts";
import { digestOf } from "../../lib/image/formats/description.ts";
import { inFolder, programArguments, ROOT, text, until } from "../integration/support.ts";
import { archive, inStore, join, leftovers, rawEntry } from "./archives.ts";

const owners = ROOT ? "keep" : "flatten";
const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const gzip = async (data: Uint8Array<ArrayBuffer>) =>
  await new Response(new Blob([data]).stream().pipeThrough(new CompressionStream("gzip"))).bytes();

interface Made {
  files: Map<string, Uint8Array<ArrayBuffer>>;
  diffIds: string[];
}

/** An OCI layout of layers, the lowest first, as files by name. */
async function layout(
  layers: Uint8Array<ArrayBuffer>[],
  config: Record<string, unknown> = {},
): Promise<Made> {
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  const put = async (data: Uint8Array<ArrayBuffer>) => {
    const digest = await digestOf(data);
    files.set(`blobs/${digest.replace(":", "/")}`, data);
    return { digest, size: data.length, mediaType: "application/vnd.oci.image.layer.v1.tar+gzip" };
  };
  const diffIds = await Promise.all(layers.map(digestOf));
  const described = [];
  for (const layer of layers) described.push(await put(await gzip(layer)));
  const configBlob = await put(bytes({
    architecture: "amd64",
    os: "linux",
    config,
    rootfs: { type: "layers", diff_ids: diffIds },
  }));
  const manifest = await put(bytes({ schemaVersion: 2, config: configBlob, layers: described }));
  files.set(
    "index.json",
    bytes({
      schemaVersion: 2,
      manifests: [{
        ...manifest,
        annotations: { "org.opencontainers.image.ref.name": "made:1" },
      }],
    }),
  );
  files.set("oci-layout", bytes({ imageLayoutVersion: "1.0.0" }));
  return { files, diffIds };
}

async function asDirectory({ files }: Made, folder: string): Promise<string> {
  for (const [name, data] of files) {
    const path = `${folder}/layout/${name}`;
    await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    await Deno.writeFile(path, data);
  }
  return `${folder}/layout`;
}

function asTar({ files }: Made): Uint8Array<ArrayBuffer> {
  return archive(...[...files].map(([name, data]) => ({ name, data })).sort());
}

const LAYERS = [
  archive(
    { name: "etc/", type: "5", mode: 0o711 },
    { name: "etc/a", data: "one" },
    { name: "etc/b", data: "one" },
    { name: "opt/", type: "5" },
    { name: "opt/old", data: "x" },
  ),
  archive(
    { name: "etc/.wh.a", data: "" },
    { name: "etc/b", data: "two" },
    { name: "opt/.wh..wh..opq", data: "" },
    { name: "opt/new", data: "x" },
  ),
];

Deno.test("import: an OCI layout, as a directory, a tar archive, compressed, and by a pipe", () =>
  inStore(async ({ images, folder, put, tree }) => {
    const made = await layout(LAYERS, { Env: ["A=1"], Cmd: ["sh"], User: "7", WorkingDir: "/etc" });
    const [image] = await images.import(await asDirectory(made, folder), { owners });
    assertEquals(image!.names, ["made:1"]);
    assertEquals(image!.config, { Env: ["A=1"], Cmd: ["sh"], User: "7", WorkingDir: "/etc" });
    assertEquals(image!.layers.map(({ diffId }) => diffId), made.diffIds);
    assertEquals((await put(asTar(made))).id, image!.id);
    assertEquals((await put(await gzip(asTar(made)), { name: "z" })).names, ["z:latest"]);
    // What a layer deletes is a character device 0:0 in overlayfs.
    assert(Deno.statSync(`${tree(image!)}/etc/a`).isCharDevice);
    // "etc" is no entry of the second layer: it is what it is in the first.
    assertEquals(Deno.statSync(`${tree(image!)}/etc`).mode! & 0o7777, 0o711);
    const names = (await images.list()).flatMap((info) => info.names);
    assertEquals(names.sort(), ["made:1", "z:latest"]);
  }));

Deno.test("import: what docker save writes, with links between its layers", () =>
  inStore(async ({ put, tree }) => {
    const diffIds = await Promise.all([...LAYERS, LAYERS[0]!].map(digestOf));
    const config = bytes({
      config: { Entrypoint: ["/bin/sh"] },
      rootfs: { type: "layers", diff_ids: diffIds },
    });
    const name = `${(await digestOf(config)).slice(7)}.json`;
    const whole = archive(
      { name: "aaa/layer.tar", data: LAYERS[0] },
      { name: "bbb/layer.tar", data: LAYERS[1] },
      { name: "ccc/layer.tar", type: "2", link: "../aaa/layer.tar" },
      { name, data: config },
      {
        name: "manifest.json",
        data: bytes([{
          Config: name,
          RepoTags: ["docker.io/library/box:2"],
          Layers: ["aaa/layer.tar", "bbb/layer.tar", "ccc/layer.tar"],
        }]),
      },
    );
    // Its first name tells what it is: docker's are 64 digits.
    const renamed = join([rawEntry({ name: `${"a".repeat(64)}/`, type: "5" }), whole]);
    const image = await put(renamed as Uint8Array<ArrayBuffer>);
    assertEquals(image.names, ["box:2"]);
    assertEquals(image.layers.length, 3);
    assertEquals(text(Deno.readFileSync(`${tree(image)}/etc/a`)), "one");
  }));

Deno.test("import: what does not fit its digest is refused, and nothing stays", () =>
  inStore(async ({ put, folder }) => {
    const good = await layout(LAYERS);
    const blobs = [...good.files.keys()].filter((name) => name.startsWith("blobs/"));
    for (const name of blobs) {
      const files = new Map(good.files);
      const data = files.get(name)!.slice();
      data[data.length - 1]! ^= 1;
      files.set(name, data);
      const error = await assertRejects(() => put(asTar({ ...good, files })), ArchiveError);
      assertEquals(error.entry.startsWith("blobs/") || error.entry === "(compressed)", true);
      assertEquals(leftovers(folder), [], name);
    }
    // A blob that fits its name, and is not the layer that the configuration speaks of.
    const other = await layout([LAYERS[0]!, archive({ name: "evil", data: "x" })]);
    const manifest = (made: Made) => JSON.parse(text(made.files.get("index.json")!)).manifests[0];
    const read = (made: Made, digest: string) =>
      JSON.parse(text(made.files.get(`blobs/${digest.replace(":", "/")}`)!));
    const mixed = read(good, manifest(good).digest);
    mixed.layers = read(other, manifest(other).digest).layers;
    const data = bytes(mixed);
    const digest = await digestOf(data);
    const files = new Map([...good.files, ...other.files, [
      `blobs/${digest.replace(":", "/")}`,
      data,
    ]]);
    files.set("index.json", bytes({ manifests: [{ digest, size: data.length }] }));
    await assertRejects(() => put(asTar({ ...good, files })), ArchiveError, "diffId");
    assertEquals(leftovers(folder), []);
  }));

Deno.test("import: digests that are paths lead nowhere", () =>
  inStore(async ({ put, images, folder }) => {
    const good = await layout(LAYERS);
    for (const digest of ["sha256:../../../etc/passwd", "sha256:ABC", 7, undefined]) {
      const files = new Map(good.files);
      files.set("index.json", bytes({ manifests: [{ digest, size: 1 }] }));
      await assertRejects(() => put(asTar({ ...good, files })), ArchiveError, "no digest");
    }
    // Nor do links of a directory that somebody else made.
    const path = await asDirectory(good, folder);
    await Deno.rename(`${path}/index.json`, `${folder}/index.json`);
    await Deno.symlink(`${folder}/index.json`, `${path}/index.json`);
    await assertRejects(() => images.import(path, { owners }), Error, "ELOOP");
  }));

Deno.test("import: several images in an index are told apart by the processor, or by name", () =>
  inStore(async ({ put }) => {
    const one = await layout([LAYERS[0]!]), two = await layout([LAYERS[1]!]);
    const entry = (made: Made, more: Record<string, unknown>) => ({
      ...JSON.parse(text(made.files.get("index.json")!)).manifests[0],
      ...more,
    });
    const both = (...manifests: unknown[]) => {
      const files = new Map([...one.files, ...two.files]);
      files.set("index.json", bytes({ manifests }));
      return asTar({ ...one, files });
    };
    const arch = Deno.build.arch === "x86_64" ? "amd64" : "arm64";
    const image = await put(both(
      entry(one, { platform: { os: "linux", architecture: "riscv64" } }),
      entry(two, { platform: { os: "linux", architecture: arch } }),
    ));
    assertEquals(image.layers[0]!.diffId, two.diffIds[0]);
    const named = both(
      entry(one, { annotations: { "org.opencontainers.image.ref.name": "one" } }),
      entry(two, { annotations: { "org.opencontainers.image.ref.name": "two" } }),
    );
    await assertRejects(() => put(named), ImageError, "say which one: one, two");
    assertEquals((await put(named, { reference: "one" })).layers[0]!.diffId, one.diffIds[0]);
  }));

Deno.test("store: names, ids, and removing", () =>
  inStore(async ({ images, put, folder }) => {
    const made = await layout(LAYERS);
    const image = await put(asTar(made), { name: "first" });
    await put(asTar(await layout([LAYERS[0]!])), { name: "below:1" });
    await put(asTar(made), { name: "second:2" });
    assertEquals((await images.inspect(image.id.slice(7, 19))).names, ["first:latest", "second:2"]);
    await assertRejects(() => images.inspect("third"), ImageError, "there are");
    for (const name of ["../x", "a b", "", "host", "deadbeef", "-x"]) {
      await assertRejects(() => put(asTar(made), { name }), SpecError, "name");
    }
    assertEquals(await images.remove("first"), { removed: false });
    assertEquals(await images.remove("second:2"), { removed: true });
    // The layer that the other image has too is still there.
    assertEquals(leftovers(folder).filter((path) => path.startsWith("layers/")).length, 1);
    assertEquals(await images.remove("below:1"), { removed: true });
    assertEquals(leftovers(folder), []);
  }));

Deno.test("store: what is exported is imported again, and is the same", () =>
  inStore(async ({ images, put, folder, tree }) => {
    await put(asTar(await layout(LAYERS, { Cmd: ["sh"], Env: ["A=b"] })), { name: "made:1" });
    await images.export("made:1", `${folder}/out.tar`);
    const again = new Images(`${folder}/again`);
    const [image] = await again.import(`${folder}/out.tar`, { owners });
    assertEquals([image!.names, image!.config], [["made:1"], { Cmd: ["sh"], Env: ["A=b"] }]);
    const copy = tree(image!).replace("/store/", "/again/");
    assertEquals(text(Deno.readFileSync(`${copy}/etc/b`)), "two");
    assert(Deno.statSync(`${copy}/etc/a`).isCharDevice);
    // Its own archives are the same bytes each time, so the second round has the same layers.
    await again.export("made:1", `${folder}/out2.tar`);
    assertEquals(
      await Deno.readFile(`${folder}/out2.tar`),
      await Deno.readFile(`${folder}/out.tar`),
    );
    await assertRejects(
      () => images.export("made:1", `${folder}/x`, "rootfs"),
      ImageError,
      "layers",
    );
  }));

Deno.test("import: many at once make one image, and no layer twice", () =>
  inStore(async ({ folder, images }) => {
    await Deno.writeFile(`${folder}/made.tar`, asTar(await layout(LAYERS)));
    const all = await Promise.all(
      Array.from(
        { length: 8 },
        (_, index) => images.import(`${folder}/made.tar`, { owners, name: `copy:${index}` }),
      ),
    );
    assertEquals(new Set(all.map(([image]) => image!.id)).size, 1);
    assertEquals((await images.list())[0]!.names.length, 8);
    const paths = leftovers(folder);
    assertEquals(paths.filter((path) => path.startsWith("layers/")).length, 2);
    assertEquals(paths.filter((path) => path.startsWith("tmp/")), []);
  }));

Deno.test("import: one that is killed leaves nothing to be seen, and the next one cleans up", () =>
  inFolder(async (folder) => {
    const source = `
      const { Images } = await import(${JSON.stringify(import.meta.resolve("../../mod.ts"))});
      await new Images(${JSON.stringify(`${folder}/store`)})
        .import("-", { owners: "${owners}", name: "dead" });`;
    const child = new Deno.Command(Deno.execPath(), {
      args: programArguments(source),
      stdin: "piped",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(archive({ name: "a", data: "x".repeat(99999) }).subarray(0, 60000));
    const tmp = `${folder}/store/tmp`;
    const begun = () => {
      try {
        const [entry] = [...Deno.readDirSync(tmp)];
        return entry !== undefined && Deno.statSync(`${tmp}/${entry.name}/0/fs/a`).size > 1000;
      } catch {
        return false;
      }
    };
    assert(await until(begun, 20000), "the import did not begin");
    child.kill("SIGKILL");
    await child.status;
    await writer.abort().catch(() => {});
    const images = new Images(`${folder}/store`);
    assertEquals(await images.list(), []);
    assertEquals(leftovers(folder).length, 1);
    await Deno.writeFile(`${folder}/good.tar`, archive({ name: "a", data: "x" }));
    await images.import(`${folder}/good.tar`, { owners, name: "good" });
    assertEquals(leftovers(folder).filter((path) => path.startsWith("tmp/")), []);
  }));

Deno.test("import: an abort signal stops it, and nothing stays", () =>
  inStore(async ({ put, folder }) => {
    const stop = new AbortController();
    const many = archive(...Array.from({ length: 50 }, (_, index) => ({ name: `f${index}` })));
    const error = await assertRejects(() =>
      put(many, { signal: stop.signal, progress: () => stop.abort() })
    );
    assertEquals((error as Error).name, "AbortError");
    assertEquals(leftovers(folder), []);
  }));

Deno.test("import: the store is closed to others, and its place follows the environment", () =>
  inStore(async ({ put, folder }) => {
    await put(archive({ name: "su", mode: 0o4755, data: "x" }));
    assertEquals(Deno.statSync(`${folder}/store`).mode! & 0o777, 0o700);
    const { storePath } = await import("../../lib/image/store/paths.ts");
    const before = Deno.env.get("PADDOCK_STORE");
    Deno.env.set("PADDOCK_STORE", "relative");
    try {
      const error = await assertRejects(async () => await Promise.resolve().then(storePath));
      assertStringIncludes((error as Error).message, "absolute");
    } finally {
      if (before === undefined) Deno.env.delete("PADDOCK_STORE");
      else Deno.env.set("PADDOCK_STORE", before);
    }
  }));

Deno.test("import: takes the same memory however large the archive is", () =>
  inFolder(async (folder) => {
    const source = `
      const { Images } = await import(${JSON.stringify(import.meta.resolve("../../mod.ts"))});
      await new Images(${JSON.stringify(`${folder}/store`)})
        .import(${JSON.stringify(`${folder}/large.tar`)}, { owners: "${owners}", name: "large" });
      console.log(/VmHWM:\\s+(\\d+)/.exec(Deno.readTextFileSync("/proc/self/status"))[1]);`;
    {
      using file = await Deno.open(`${folder}/large.tar`, { write: true, create: true });
      const put = (bytes: Uint8Array) => {
        for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
      };
      const body = crypto.getRandomValues(new Uint8Array(65536));
      // 200 MB: a file of 100, and 1600 of 64 KiB.
      put(rawEntry({ name: "large", size: 1600 * body.length }));
      for (let count = 0; count < 1600; count++) put(body);
      for (let count = 0; count < 1600; count++) put(rawEntry({ name: `f${count}`, data: body }));
      put(new Uint8Array(1024));
    }
    const { stdout, stderr, success } = await new Deno.Command(Deno.execPath(), {
      args: programArguments(source),
    }).output();
    assert(success, text(stderr));
    const megabytes = Number(text(stdout)) / 1024;
    assert(megabytes < 100, `it took ${megabytes} MB`);
  }));
