/**
 * Archives that no honest program writes, block by block, and stores to import them into.
 *
 * @module
 */

import { inFolder } from "../integration/support.ts";
import { Images, type ImportedImage, type ImportOptions } from "../../lib/image/images.ts";

/** A raw entry: every field as it is to stand there. */
export interface RawEntry {
  name: string;
  type?: string;
  mode?: number;
  uid?: number;
  gid?: number;
  link?: string;
  data?: string | Uint8Array;
  /** What the header says of the size, if not the truth. */
  size?: number;
  mtime?: number;
}

const BLOCK = 512;
const bytesOf = (data: string | Uint8Array) =>
  typeof data === "string" ? new TextEncoder().encode(data) : data;

/** A header and its data. */
export function rawEntry(entry: RawEntry): Uint8Array {
  const data = bytesOf(entry.data ?? "");
  const padded = Math.ceil(data.length / BLOCK) * BLOCK;
  const out = new Uint8Array(BLOCK + padded);
  const text = (at: number, value: string) => out.set(new TextEncoder().encode(value), at);
  const octal = (at: number, digits: number, value: number) =>
    text(at, value.toString(8).padStart(digits, "0"));
  text(0, entry.name);
  octal(100, 7, entry.mode ?? (entry.type === "5" ? 0o755 : 0o644));
  octal(108, 7, entry.uid ?? 0);
  octal(116, 7, entry.gid ?? 0);
  octal(124, 11, entry.size ?? data.length);
  octal(136, 11, entry.mtime ?? 1_000_000_000);
  text(156, entry.type ?? "0");
  text(157, entry.link ?? "");
  text(257, "ustar\x0000");
  out.fill(0x20, 148, 156);
  octal(148, 6, out.subarray(0, BLOCK).reduce((sum, byte) => sum + byte, 0));
  out[154] = 0;
  out.set(data, BLOCK);
  return out;
}

/** Records of a PAX header, as an entry of their own. */
export function paxEntry(records: Record<string, string | Uint8Array>, type = "x"): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const [key, value] of Object.entries(records)) {
    const head = bytesOf(` ${key}=`), body = bytesOf(value);
    let length = head.length + body.length + 2;
    while (String(length).length + head.length + body.length + 1 !== length) {
      length = String(length).length + head.length + body.length + 1;
    }
    parts.push(bytesOf(String(length)), head, body, bytesOf("\n"));
  }
  return rawEntry({ name: "PaxHeader", type, data: join(parts) });
}

/** Bytes behind each other. */
export function join(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** An archive with its end mark. */
export function archive(...entries: (RawEntry | Uint8Array)[]): Uint8Array<ArrayBuffer> {
  const parts = entries.map((entry) => entry instanceof Uint8Array ? entry : rawEntry(entry));
  return join([...parts, new Uint8Array(2 * BLOCK)]);
}

/** A store in a folder of its own, and a function that imports bytes into it. */
export async function inStore<T>(
  use: (store: {
    images: Images;
    folder: string;
    put(bytes: Uint8Array, options?: ImportOptions): Promise<ImportedImage>;
    /** The tree of an image's topmost layer. */
    tree(image: ImportedImage): string;
  }) => Promise<T>,
): Promise<T> {
  return await inFolder(async (folder) => {
    const images = new Images(`${folder}/store`);
    let count = 0;
    return await use({
      images,
      folder,
      async put(bytes, options = {}) {
        const path = `${folder}/archive${count++}`;
        await Deno.writeFile(path, bytes);
        // Nobody's own files are what most tests look at, with whatever rights.
        const owners = Deno.uid() === 0 ? "keep" : "flatten";
        return (await images.import(path, { owners, ...options }))[0]!;
      },
      tree: (image) => `${folder}/store/layers/${image.layers.at(-1)!.name}/fs`,
    });
  });
}

/** What is in a store's folders that an import could have left. */
export function leftovers(folder: string): string[] {
  return ["tmp", "layers", "images"].flatMap((name) =>
    [...Deno.readDirSync(`${folder}/store/${name}`)].map((entry) => `${name}/${entry.name}`)
  );
}
