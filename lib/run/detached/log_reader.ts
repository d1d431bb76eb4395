/**
 * Reads the log files of one stream, from the oldest to the newest, while the keeper writes them and
 * gives them other names.
 *
 * @module
 */

const CHUNK = 64 * 1024;
const NEWLINE = 10;

/** The files of a stream, read as one. */
export class LogReader {
  readonly #path: string;
  readonly #count: number;
  /** Open files, oldest first; the last one grows. */
  #files: Deno.FsFile[] = [];
  #inode: number | null = null;

  /** `path` is the newest file; there are so many at most. */
  constructor(path: string, count: number) {
    this.#path = path;
    this.#count = count;
  }

  /** Opens what there is, and goes to where the last lines begin. */
  begin(tail?: number): void {
    // A file that gets another name meanwhile is the same file, so they are told by their inodes.
    const seen = new Set<number | null>();
    for (let age = 0; age < this.#count; age++) {
      const file = open(age === 0 ? this.#path : `${this.#path}.${age}`);
      const inode = file?.statSync().ino ?? null;
      if (file === undefined || seen.has(inode)) file?.close();
      else {
        seen.add(inode);
        this.#files.unshift(file);
      }
    }
    this.#inode = this.#files.at(-1)?.statSync().ino ?? null;
    if (tail !== undefined) this.#toTail(tail);
  }

  /** All files are one text, whose lines are counted from its end. */
  #toTail(lines: number): void {
    let left = lines;
    let isEnd = true;
    for (let index = this.#files.length - 1; index >= 0; index--) {
      const file = this.#files[index]!;
      const { size } = file.statSync();
      for (let end = size; end > 0; end -= CHUNK) {
        const from = Math.max(0, end - CHUNK);
        const buffer = new Uint8Array(end - from);
        file.seekSync(from, Deno.SeekMode.Start);
        file.readSync(buffer);
        for (let at = buffer.length - 1; at >= 0; at--) {
          // The newline at the very end ends a line, and none comes behind it.
          const counts = left > 0 ? buffer[at] === NEWLINE && !isEnd : true;
          isEnd = false;
          if (!counts || --left > 0) continue;
          this.#beginAt(index, lines > 0 ? from + at + 1 : size);
          return;
        }
      }
    }
    for (const file of this.#files) file.seekSync(0, Deno.SeekMode.Start);
  }

  #beginAt(index: number, offset: number): void {
    for (const file of this.#files.splice(0, index)) file.close();
    this.#files.forEach((file, place) =>
      file.seekSync(place === 0 ? offset : 0, Deno.SeekMode.Start)
    );
  }

  /** What has come since the last time. */
  *read(): Generator<Uint8Array<ArrayBuffer>> {
    for (;;) {
      for (const file of this.#files) yield* rest(file);
      for (const file of this.#files.splice(0, this.#files.length - 1)) file.close();
      const newest = open(this.#path);
      const inode = newest?.statSync().ino ?? null;
      if (newest === undefined || inode === this.#inode) {
        newest?.close();
        return;
      }
      // What was written to the last one before it got its other name is read first.
      const [last] = this.#files;
      if (last !== undefined) yield* rest(last);
      last?.close();
      this.#files = this.#between(last === undefined ? null : this.#inode, newest);
      this.#inode = inode;
    }
  }

  /** The files that came after the one that was read last. */
  #between(after: number | null, newest: Deno.FsFile): Deno.FsFile[] {
    const files = [newest];
    for (let age = 1; age < this.#count; age++) {
      const file = open(`${this.#path}.${age}`);
      if (file === undefined) break;
      if (file.statSync().ino === after) {
        file.close();
        break;
      }
      files.unshift(file);
    }
    return files;
  }

  /** Closes them. */
  close(): void {
    for (const file of this.#files.splice(0)) file.close();
  }
}

function open(path: string): Deno.FsFile | undefined {
  try {
    return Deno.openSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function* rest(file: Deno.FsFile): Generator<Uint8Array<ArrayBuffer>> {
  for (;;) {
    const buffer = new Uint8Array(CHUNK);
    const count = file.readSync(buffer);
    if (count === null || count === 0) return;
    yield buffer.subarray(0, count);
  }
}
