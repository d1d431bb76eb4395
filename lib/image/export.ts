/**
 * Writes images to files.
 *
 * @module
 */

import { AT_FDCWD, O_CREAT, O_DIRECTORY, O_EXCL, O_RDONLY, O_WRONLY } from "../sys/abi/fcntl.ts";
import { rename } from "../sys/directory.ts";
import { close, open, pread, writeAll } from "../sys/file.ts";
import { fromText } from "./byte_string.ts";
import { digestOf } from "./formats/description.ts";
import { hex, places } from "./store/paths.ts";
import { fullName, type ImageRecord } from "./store/record.ts";
import { Workplace } from "./store/workplace.ts";
import { TarWriter, type WrittenEntry } from "./tar/writer.ts";
import { type InsideIds, SAME_IDS, writeArchive } from "./write_archive.ts";

/** What an image is exported as. */
export type ExportFormat = "oci" | "rootfs";

/** Writes an archive of a tree to a new file: the file's digest and size. */
export async function archiveTree(
  tree: string,
  out: string,
  asOwner: boolean,
  ids: InsideIds = SAME_IDS,
): Promise<{ digest: string; size: number }> {
  if (asOwner) {
    const { inUserNamespace } = await import("./owners/user_namespace.ts");
    await inUserNamespace({ verb: "archive", root: tree, out, mountPoints: [] });
  } else {
    const root = open(tree, { flags: O_RDONLY | O_DIRECTORY });
    const fd = open(out, { flags: O_WRONLY | O_CREAT | O_EXCL, mode: 0o644 });
    try {
      writeArchive(root, (bytes) => writeAll(fd, bytes), { ids });
    } finally {
      close(fd);
      close(root);
    }
  }
  return await fileDigest(out);
}

/** The digest of a file, and its size. */
export async function fileDigest(path: string): Promise<{ digest: string; size: number }> {
  const { createHash } = await import("node:crypto");
  const hash = createHash("sha256");
  let size = 0;
  eachPiece(path, (piece) => {
    hash.update(piece);
    size += piece.length;
  });
  return { digest: `sha256:${hash.digest("hex")}`, size };
}

function eachPiece(path: string, use: (piece: Uint8Array) => void): void {
  const fd = open(path);
  try {
    const buffer = new Uint8Array(128 * 1024);
    for (let at = 0;;) {
      const count = pread(fd, buffer, at);
      if (count === 0) return;
      use(buffer.subarray(0, count));
      at += count;
    }
  } finally {
    close(fd);
  }
}

/** Writes an image. */
export async function exportImage(
  store: string,
  record: ImageRecord,
  name: string,
  out: string,
  format: ExportFormat,
): Promise<void> {
  using workplace = await Workplace.create(store);
  const asOwner = Deno.uid() !== 0 && record.owners === "kept";
  // Flattened files are the caller's on disk, and root's in a sandbox.
  const zero = () => 0;
  const ids = record.owners === "flattened" ? { uid: zero, gid: zero } : SAME_IDS;
  const layers: { digest: string; size: number; path: string }[] = [];
  for (const [index, layer] of record.layers.entries()) {
    const path = `${workplace.path}/layer${index}.tar`;
    layers.push({
      ...await archiveTree(places(store).tree(layer.name), path, asOwner, ids),
      path,
    });
  }
  // Beside its place first, so that it is there as a whole or not at all.
  const fresh = `${out}.${crypto.randomUUID()}`;
  try {
    if (format === "rootfs") Deno.copyFileSync(layers[0]!.path, fresh);
    else await writeLayout(record, name, layers, fresh);
    rename(AT_FDCWD, fresh, AT_FDCWD, out);
  } catch (error) {
    try {
      Deno.removeSync(fresh);
    } catch { /* it was not made */ }
    throw error;
  }
}

/** A tar archive of an OCI layout. The OCI image format specification, "Image Layout". */
async function writeLayout(
  record: ImageRecord,
  name: string,
  layers: readonly { digest: string; size: number; path: string }[],
  out: string,
): Promise<void> {
  const json = async (value: unknown) => {
    const bytes = new TextEncoder().encode(JSON.stringify(value));
    return { bytes, digest: await digestOf(bytes), size: bytes.length };
  };
  const type = (rest: string) => `application/vnd.oci.image.${rest}`;
  const config = await json({
    architecture: record.architecture ?? "unknown",
    os: "linux",
    config: record.config,
    rootfs: { type: "layers", diff_ids: layers.map(({ digest }) => digest) },
  });
  const manifest = await json({
    schemaVersion: 2,
    mediaType: type("manifest.v1+json"),
    config: { mediaType: type("config.v1+json"), digest: config.digest, size: config.size },
    layers: layers.map(({ digest, size }) => ({ mediaType: type("layer.v1.tar"), digest, size })),
  });
  const annotations = { "org.opencontainers.image.ref.name": fullName(name) };
  const index = await json({
    schemaVersion: 2,
    mediaType: type("index.v1+json"),
    manifests: [{
      mediaType: type("manifest.v1+json"),
      digest: manifest.digest,
      size: manifest.size,
      ...(name.length < 65 && /^(sha256:)?[0-9a-f]+$/.test(name) ? {} : { annotations }),
    }],
  });
  const layout = await json({ imageLayoutVersion: "1.0.0" });
  const fd = open(out, { flags: O_WRONLY | O_CREAT | O_EXCL, mode: 0o644 });
  try {
    const tar = new TarWriter((bytes) => writeAll(fd, bytes));
    const entry = (path: string, size: number): WrittenEntry => ({
      name: fromText(path),
      type: "0",
      mode: 0o644,
      uid: 0,
      gid: 0,
      size,
      modified: { seconds: 0, nanoseconds: 0 },
    });
    const put = (path: string, { bytes }: { bytes: Uint8Array }) => {
      tar.add(entry(path, bytes.length));
      tar.data(bytes);
    };
    put("oci-layout", layout);
    put("index.json", index);
    put(`blobs/sha256/${hex(manifest.digest)}`, manifest);
    put(`blobs/sha256/${hex(config.digest)}`, config);
    const written = new Set<string>();
    for (const { digest, size, path } of layers) {
      if (written.has(digest)) continue;
      written.add(digest);
      tar.add(entry(`blobs/sha256/${hex(digest)}`, size));
      eachPiece(path, (piece) => tar.data(piece));
    }
    tar.end();
  } finally {
    close(fd);
  }
}
