/**
 * What is handed in to be imported: a file, a directory, or standard input; and which of the forms
 * an image comes in it is.
 *
 * @module
 */

import { ImageError } from "../errors.ts";
import { O_CREAT, O_EXCL, O_RDWR } from "../sys/abi/fcntl.ts";
import { close, open, writeAll } from "../sys/file.ts";
import { fileStatus } from "../sys/stat.ts";
import { byteString } from "./byte_string.ts";
import {
  type ByteSource,
  ByteWindow,
  DescriptorSource,
  FileSlice,
  TappedSource,
} from "./byte_source.ts";
import { type Compression, compressionOf, decompressed, MAGIC_LENGTH } from "./decompress.ts";
import { type ArchiveFiles, DirectoryFiles, TarFiles } from "./formats/archive_files.ts";
import type { Meter } from "./limits.ts";
import { BLOCK, isZero, parseHeader } from "./tar/header.ts";

/** Told while bytes are read: how many so far, and of how many, where that is known. */
export type Progress = (done: number, total: number | undefined) => void;

/** Something to import: a tree's archive, or the files of an image. */
export type Input =
  | { kind: "tree"; source: ByteSource; compression: Compression }
  | { kind: "image"; files: ArchiveFiles };

/** The first entry of an image's archive; that of a root filesystem is no such thing. */
const IMAGE_ENTRY =
  /^(\.\/)?(blobs(\/|$)|oci-layout$|index\.json$|manifest\.json$|repositories$|[0-9a-f]{64}(\.json|\.tar|\/|$))/;

/** Bytes that were looked at, and the rest behind them. */
class PushedBack implements ByteSource {
  constructor(public head: Uint8Array, readonly rest: ByteSource) {}

  read(into: Uint8Array<ArrayBuffer>): number | Promise<number> {
    if (this.head.length === 0) return this.rest.read(into);
    const piece = this.head.subarray(0, into.length);
    into.set(piece);
    this.head = this.head.subarray(piece.length);
    return piece.length;
  }

  close(): void {
    this.rest.close();
  }
}

async function headOf(source: ByteSource, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const head = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const count = await source.read(head.subarray(filled));
    if (count === 0) break;
    filled += count;
  }
  return head.subarray(0, filled);
}

/** Opens what is to be imported. Everything it opens is closed by `defer`. */
export async function openInput(
  path: string,
  folder: string,
  meter: Meter,
  progress: Progress | undefined,
  defer: (close: () => void) => void,
): Promise<Input> {
  const fd = path === "-" ? 0 : open(path);
  if (fd !== 0) defer(() => close(fd));
  const { mode, size } = fileStatus(fd);
  if ((mode & 0o170000) === 0o040000) {
    const files = new DirectoryFiles(path);
    defer(() => files[Symbol.dispose]());
    return { kind: "image", files };
  }
  const isFile = (mode & 0o170000) === 0o100000;
  let done = 0;
  const counted = (source: ByteSource) =>
    progress === undefined
      ? source
      : new TappedSource(source, (piece) =>
        progress(done += piece.length, isFile ? size : undefined));
  const raw = isFile ? new FileSlice(fd) : new DescriptorSource(fd);
  const head = await headOf(raw, MAGIC_LENGTH);
  if (head.length === 0) throw new ImageError(path, "the file is empty");
  const compression = compressionOf(head);
  const whole = counted(new PushedBack(head, raw));
  if (compression === "none") {
    const block = await headOf(whole, BLOCK);
    checkArchive(block, path);
    if (!looksLikeImage(block)) {
      return { kind: "tree", source: new PushedBack(block, whole), compression };
    }
    if (isFile) return { kind: "image", files: await TarFiles.read(fd) };
    return await spooled(new PushedBack(block, whole), folder, meter, defer);
  }
  // A file can be read again from its start; what is behind a pipe is there once.
  if (isFile) {
    const block = await peek(new FileSlice(fd), compression);
    checkArchive(block, path);
    if (!looksLikeImage(block)) return { kind: "tree", source: whole, compression };
    return await spooled(await decompressed(whole, compression), folder, meter, defer);
  }
  const plain = await decompressed(whole, compression);
  const block = await headOf(plain, BLOCK);
  checkArchive(block, path);
  const rest = new PushedBack(block, plain);
  if (looksLikeImage(block)) return await spooled(rest, folder, meter, defer);
  return { kind: "tree", source: rest, compression: "none" };
}

async function peek(
  source: ByteSource,
  compression: Compression,
): Promise<Uint8Array<ArrayBuffer>> {
  const plain = await decompressed(source, compression);
  try {
    return await headOf(plain, BLOCK);
  } finally {
    plain.close();
  }
}

/** Throws where not even the beginning is one of an archive; what is damaged behind it, is named. */
function checkArchive(block: Uint8Array<ArrayBuffer>, path: string): void {
  if (block.length === BLOCK && isZero(block)) return;
  try {
    if (block.length === BLOCK) return void parseHeader(block, 0);
  } catch { /* said below, with what would be one */ }
  throw new ImageError(
    path === "-" ? "standard input" : path,
    "it is no tar archive; give one of a root filesystem, what `docker save` writes, or an OCI layout",
  );
}

function looksLikeImage(block: Uint8Array): boolean {
  return IMAGE_ENTRY.test(byteString(block, 0, 100));
}

/** Writes an image's archive to a file, for its description may stand behind its layers. */
async function spooled(
  source: ByteSource,
  folder: string,
  meter: Meter,
  defer: (close: () => void) => void,
): Promise<Input> {
  const fd = open(`${folder}/archive`, { flags: O_RDWR | O_CREAT | O_EXCL });
  defer(() => close(fd));
  const window = new ByteWindow(source);
  try {
    let total = 0;
    while (await window.need(1) > 0) {
      const piece = window.look(window.available);
      total += piece.length;
      if (total > meter.size) {
        throw new ImageError("archive", `it has more than ${meter.size} bytes; see limits`);
      }
      writeAll(fd, piece);
      window.skip(piece.length);
    }
  } finally {
    source.close();
  }
  return { kind: "image", files: await TarFiles.read(fd) };
}
