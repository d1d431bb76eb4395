/**
 * One layer: an archive made a tree, hashed on the way.
 *
 * @module
 */

import { ArchiveError } from "../errors.ts";
import { shown } from "./byte_string.ts";
import { type ByteSource, ByteWindow, TappedSource } from "./byte_source.ts";
import { type Compression, decompressed } from "./decompress.ts";
import type { Meter } from "./limits.ts";
import { TarReader } from "./tar/reader.ts";
import { type TreeReport, TreeWriter, type TreeWriterOptions } from "./tree/tree_writer.ts";

/** What a layer is made of. */
export interface LayerInit extends TreeWriterOptions {
  /** The archive, compressed or not. */
  source: ByteSource;
  /** What it is compressed with. */
  compression: Compression;
  /** The directory of the tree, open. */
  root: number;
  /** Counts entries and bytes, and stops when there are too many. */
  meter: Meter;
  /** Stops it between two entries. */
  signal?: AbortSignal;
}

/** A layer that was written. */
export interface WrittenLayer {
  /** `sha256:` of the archive as it came. */
  digest: string;
  /** `sha256:` of the archive without compression. */
  diffId: string;
  /** What was left out. */
  report: TreeReport;
}

/** How many bytes may follow the end mark: tools fill up their last record. */
const LONGEST_TAIL = 64 * 1024 * 1024;

/** Writes the tree. What is there when it fails is the caller's to remove. */
export async function writeLayer(init: LayerInit): Promise<WrittenLayer> {
  const { createHash } = await import("node:crypto");
  const { meter, compression } = init;
  const inner = createHash("sha256");
  const outer = compression === "none" ? undefined : createHash("sha256");
  const raw = outer === undefined
    ? init.source
    : new TappedSource(init.source, (piece) => outer.update(piece));
  const plain = await decompressed(raw, compression);
  const window = new ByteWindow(new TappedSource(plain, (piece) => inner.update(piece)));
  const reader = new TarReader(window);
  const writer = new TreeWriter(init.root, init);
  let open = true;
  try {
    for (;;) {
      const entry = await reader.next();
      if (entry === undefined) break;
      init.signal?.throwIfAborted();
      meter.add(shown(entry.name), entry.size);
      await writer.add(entry, () => reader.body());
    }
    open = false;
    writer.finish();
    let tail = 0;
    while (await window.need(1) > 0) {
      tail += window.available;
      window.skip(window.available);
      if (tail > LONGEST_TAIL) throw new ArchiveError("(end)", "too much follows the end mark");
    }
  } finally {
    if (open) writer.close();
    plain.close();
  }
  const diffId = `sha256:${inner.digest("hex")}`;
  const digest = outer === undefined ? diffId : `sha256:${outer.digest("hex")}`;
  return { digest, diffId, report: writer.report };
}
