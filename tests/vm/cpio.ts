/**
 * Writes the archive that the kernel unpacks into its first filesystem: the "new ASCII" format of
 * cpio. Documentation/driver-api/early-userspace/buffer-format.rst of the kernel.
 *
 * @module
 */

const S_IFREG = 0o100000;
const S_IFDIR = 0o040000;
const S_IFLNK = 0o120000;
const S_IFCHR = 0o020000;

/** A file of the archive, by what it is. */
export type Entry =
  | { readonly path: string; readonly data: Uint8Array; readonly mode: number }
  | { readonly path: string; readonly link: string }
  | { readonly path: string; readonly device: readonly [major: number, minor: number] };

/** One record: a header, the name and the contents, each padded to words. */
function record(
  path: string,
  mode: number,
  data: Uint8Array,
  inode: number,
  [major, minor]: readonly [number, number] = [0, 0],
): Uint8Array {
  const name = new TextEncoder().encode(`${path}\0`);
  const fields = [
    inode,
    mode,
    0, // uid
    0, // gid
    1, // links
    0, // mtime
    data.length,
    0, // the device that the file is on
    0,
    major,
    minor,
    name.length,
    0, // checksum, of another format
  ];
  const header = "070701" + fields.map((field) => field.toString(16).padStart(8, "0")).join("");
  const word = (length: number) => (length + 3) & ~3;
  const start = word(header.length + name.length);
  const bytes = new Uint8Array(start + word(data.length));
  bytes.set(new TextEncoder().encode(header));
  bytes.set(name, header.length);
  bytes.set(data, start);
  return bytes;
}

/** The archive of these files, and of the directories that they lie in. */
export function* cpio(entries: Iterable<Entry>): Generator<Uint8Array> {
  const directories = new Set<string>([""]);
  const nothing = new Uint8Array();
  let inode = 1;
  for (const entry of entries) {
    const path = entry.path.replace(/^\/+/, "");
    const parts = path.split("/");
    for (let depth = 1; depth < parts.length; depth++) {
      const parent = parts.slice(0, depth).join("/");
      if (directories.has(parent)) continue;
      directories.add(parent);
      yield record(parent, S_IFDIR | 0o755, nothing, inode++);
    }
    if ("data" in entry) yield record(path, S_IFREG | entry.mode, entry.data, inode++);
    else if ("link" in entry) {
      yield record(path, S_IFLNK | 0o777, new TextEncoder().encode(entry.link), inode++);
    } else yield record(path, S_IFCHR | 0o600, nothing, inode++, entry.device);
  }
  yield record("TRAILER!!!", 0, nothing, inode);
}
