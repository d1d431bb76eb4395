/**
 * Undoes what an archive is compressed with, by the program of that name: it works beside the
 * import. Where gzip or zstd is not installed, Deno's own zlib does it, in more time and memory.
 *
 * `DecompressionStream` is not used: it takes twice the time, and refuses gzip files of several
 * members, which pigz and eStargz make.
 *
 * @module
 */

import { ArchiveError, UnsupportedError } from "../errors.ts";
import type { ByteSource } from "./byte_source.ts";
import { findProgram, ProgramSource } from "./decompressor_program.ts";

/** How an archive is compressed. */
export type Compression = "none" | "gzip" | "zstd" | "xz";

const MAGIC: readonly (readonly [Compression | "bzip2", readonly number[]])[] = [
  ["gzip", [0x1f, 0x8b]],
  ["zstd", [0x28, 0xb5, 0x2f, 0xfd]],
  ["xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ["bzip2", [0x42, 0x5a, 0x68]],
];

/** How many bytes tell the compression. */
export const MAGIC_LENGTH = 6;

/** What the first bytes of a file say it is compressed with. */
export function compressionOf(head: Uint8Array): Compression {
  const found = MAGIC.find(([, magic]) => magic.every((byte, at) => head[at] === byte))?.[0];
  if (found === "bzip2") {
    throw new UnsupportedError("archives compressed by bzip2", "compress it by gzip, zstd or xz");
  }
  return found ?? "none";
}

/** The bytes of a source without its compression. */
export async function decompressed(
  source: ByteSource,
  compression: Compression,
): Promise<ByteSource> {
  if (compression === "none") return source;
  const program = findProgram(compression);
  if (program !== undefined) return new ProgramSource(source, program, ["-dc"]);
  if (compression === "xz") {
    throw new UnsupportedError(
      "archives compressed by xz",
      "the program xz is not installed; it is in the package xz-utils (Debian) or xz",
    );
  }
  return await decompressedByDeno(source, compression);
}

/** The same without a program. */
export async function decompressedByDeno(
  source: ByteSource,
  compression: "gzip" | "zstd",
): Promise<ByteSource> {
  const { createGunzip, createZstdDecompress } = await import("node:zlib");
  const create = compression === "gzip" ? createGunzip : createZstdDecompress;
  return new ZlibSource(source, create({ chunkSize: PIECE, highWaterMark: PIECE } as never));
}

/** Larger ones are no faster, and leave more memory behind for the garbage collector. */
const PIECE = 16 * 1024;

interface ZlibStream extends AsyncIterable<Uint8Array> {
  write(piece: Uint8Array, done: (error?: Error | null) => void): void;
  end(): void;
  destroy(error?: Error): void;
}

/** Passes a source through a stream of node:zlib, no faster than it is read. */
class ZlibSource implements ByteSource {
  readonly #pieces: AsyncIterator<Uint8Array>;
  readonly #stream: ZlibStream;
  #rest = new Uint8Array();

  constructor(readonly source: ByteSource, stream: unknown) {
    this.#stream = stream as ZlibStream;
    this.#pieces = this.#stream[Symbol.asyncIterator]();
    this.#feed().catch((error) => this.#stream.destroy(error));
  }

  async #feed(): Promise<void> {
    const piece = new Uint8Array(PIECE);
    for (;;) {
      const count = await this.source.read(piece);
      if (count === 0) break;
      // The memory is free again when this is done.
      await new Promise<void>((resolve, reject) =>
        this.#stream.write(piece.subarray(0, count), (error) => error ? reject(error) : resolve())
      );
    }
    this.#stream.end();
  }

  async read(into: Uint8Array<ArrayBuffer>): Promise<number> {
    if (this.#rest.length === 0) {
      try {
        const { value, done } = await this.#pieces.next();
        if (done) return 0;
        this.#rest = value as Uint8Array<ArrayBuffer>;
      } catch (error) {
        throw damaged(error);
      }
    }
    const piece = this.#rest.subarray(0, into.length);
    into.set(piece);
    this.#rest = this.#rest.subarray(piece.length);
    return piece.length;
  }

  close(): void {
    this.#stream.destroy();
    this.source.close();
  }
}

function damaged(cause: unknown): ArchiveError {
  if (cause instanceof ArchiveError) return cause;
  const text = cause instanceof Error ? cause.message : String(cause);
  return new ArchiveError(
    "(compressed)",
    `the compressed data is damaged or ends too early: ${text}`,
    {
      cause,
    },
  );
}
