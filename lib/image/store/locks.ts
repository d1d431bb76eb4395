/**
 * Who may do what at the same time: images appear and disappear one after the other; an image that
 * is in use does not disappear; what an import that was killed left is told from one under way.
 *
 * @module
 */

import { O_CREAT, O_RDWR } from "../../sys/abi/fcntl.ts";
import { close, open } from "../../sys/file.ts";
import { tryLock } from "../../sys/lock.ts";

/** A lock that is held. The kernel gives it back if this program dies. */
export class HeldLock implements Disposable {
  #fd: number;

  /** Takes over the descriptor. */
  constructor(fd: number) {
    this.#fd = fd;
  }

  /** The descriptor that holds it; every duplicate of it does. */
  get fd(): number {
    return this.#fd;
  }

  /** Gives it back; twice is once. */
  [Symbol.dispose](): void {
    if (this.#fd >= 0) close(this.#fd);
    this.#fd = -1;
  }
}

/** Takes a lock on a file, which is made if it is missing; undefined if somebody else has it. */
export function take(path: string, kind: "shared" | "exclusive"): HeldLock | undefined {
  const fd = open(path, { flags: O_RDWR | O_CREAT });
  if (tryLock(fd, kind)) return new HeldLock(fd);
  close(fd);
}

/** Takes a lock and waits for it. */
export async function waitFor(path: string): Promise<HeldLock> {
  for (;;) {
    const held = take(path, "exclusive");
    if (held !== undefined) return held;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
