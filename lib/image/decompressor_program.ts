/**
 * Passes a source through a program, such as gzip: it works beside the import, and what it needs of
 * memory ends with it.
 *
 * @module
 */

import { ArchiveError } from "../errors.ts";
import { POLLERR, POLLHUP, POLLIN, POLLOUT } from "../sys/abi/poll.ts";
import { PR_SET_NO_NEW_PRIVS, PR_SET_PDEATHSIG } from "../sys/abi/prctl.ts";
import { ERRNO } from "../sys/abi/errno.ts";
import { SIGNALS } from "../sys/abi/signal.ts";
import { type RawChild, spawnRaw } from "../sys/clone.ts";
import { close, pipe, read, setNonblocking } from "../sys/file.ts";
import { syscall } from "../sys/libc.ts";
import { pidfdSendSignal, waitPidfd } from "../sys/pidfd.ts";
import { poll } from "../sys/poll.ts";
import type { ByteSource } from "./byte_source.ts";

const FOLDERS = ["/usr/bin", "/bin", "/usr/local/bin"];

/** Where a program is installed, or undefined. */
export function findProgram(name: string): string | undefined {
  return FOLDERS.map((folder) => `${folder}/${name}`).find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
}

/** A source that a program makes of another one. */
export class ProgramSource implements ByteSource {
  readonly #child: RawChild;
  #input: number;
  readonly #output: number;
  readonly #complaints: number;
  readonly #piece = new Uint8Array(64 * 1024);
  #waiting = new Uint8Array();
  #ended = false;

  /** Starts the program. */
  constructor(readonly source: ByteSource, readonly path: string, args: readonly string[]) {
    const [input, inputOurs] = pipe();
    const [outputOurs, output] = pipe();
    const [complaintsOurs, complaints] = pipe();
    try {
      this.#child = spawnRaw({
        path,
        argv: [path, ...args],
        stdio: [input, output, complaints],
        steps: [
          { name: "prctl", args: [PR_SET_PDEATHSIG, SIGNALS.SIGKILL] },
          { name: "prctl", args: [PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0] },
        ],
      });
    } catch (error) {
      for (const fd of [inputOurs, outputOurs, complaintsOurs]) close(fd);
      throw error;
    } finally {
      for (const fd of [input, output, complaints]) close(fd);
    }
    setNonblocking(inputOurs);
    setNonblocking(complaintsOurs);
    this.#input = inputOurs;
    this.#output = outputOurs;
    this.#complaints = complaintsOurs;
  }

  /** Feeds the program until it says something. */
  async read(into: Uint8Array<ArrayBuffer>): Promise<number> {
    while (!this.#ended) {
      if (this.#input >= 0 && this.#waiting.length === 0) {
        const count = await this.source.read(this.#piece);
        this.#waiting = this.#piece.subarray(0, count);
        if (count === 0) this.#closeInput();
      }
      const [output = 0, input = 0] = poll([
        { fd: this.#output, events: POLLIN },
        { fd: this.#input, events: POLLOUT },
      ]);
      if (input & (POLLOUT | POLLERR)) this.#write();
      if (output & (POLLIN | POLLHUP)) {
        const count = read(this.#output, into);
        if (count > 0) return count;
        await this.#finish();
      }
    }
    return 0;
  }

  #write(): void {
    const count = syscall("write", this.#input, this.#waiting, this.#waiting.length);
    // EPIPE: it has ended, and its exit status tells whether that is right.
    if (count === -ERRNO.EPIPE) this.#closeInput();
    else if (count > 0) this.#waiting = this.#waiting.subarray(count);
  }

  #closeInput(): void {
    if (this.#input >= 0) close(this.#input);
    this.#input = -1;
    this.#waiting = new Uint8Array();
  }

  async #finish(): Promise<void> {
    this.#ended = true;
    // What follows the compressed data belongs to the archive's digest all the same.
    while (this.#input >= 0 && await this.source.read(this.#piece) > 0);
    const status = waitPidfd(this.#child.pidfd);
    if (status?.code === 0) return;
    const complaint = new Uint8Array(4096);
    const length = Math.max(0, syscall("read", this.#complaints, complaint, complaint.length));
    const text = new TextDecoder().decode(complaint.subarray(0, length)).trim();
    throw new ArchiveError(
      "(compressed)",
      `the compressed data is damaged or ends too early: ${text || "the program failed"}`,
    );
  }

  /** Ends the program. */
  close(): void {
    if (!this.#ended) {
      this.#ended = true;
      pidfdSendSignal(this.#child.pidfd, "SIGKILL");
      waitPidfd(this.#child.pidfd);
    }
    this.#closeInput();
    for (const fd of [this.#output, this.#complaints, this.#child.pidfd]) close(fd);
    this.source.close();
  }
}
