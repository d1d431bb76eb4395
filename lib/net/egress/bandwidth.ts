/**
 * A cap on bytes per second, shared by all connections of a sandbox in one direction.
 *
 * @module
 */

/** How much may come at once after a pause: a tenth of a second's worth. */
const BURST_SECONDS = 0.1;
/** Waits are bundled, for no timer is worth a hundred bytes. */
const LEAST = 4096;

/** A bucket that fills at a rate. */
export class Bandwidth {
  readonly #rate: number;
  readonly #burst: number;
  #tokens: number;
  #at = performance.now();
  // In the order in which they came.
  #queue: Promise<unknown> = Promise.resolve();

  /** Takes bytes per second. */
  constructor(bytesPerSecond: number) {
    this.#rate = bytesPerSecond / 1000;
    this.#burst = Math.max(1, bytesPerSecond * BURST_SECONDS);
    this.#tokens = this.#burst;
  }

  /** Waits until some bytes may pass, and takes them, `most` at most. */
  take(most: number): Promise<number> {
    const mine = this.#queue.then(async () => {
      const least = Math.min(most, LEAST, this.#burst);
      for (;;) {
        const now = performance.now();
        this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#at) * this.#rate);
        this.#at = now;
        if (this.#tokens >= least) break;
        const time = Math.max(1, (least - this.#tokens) / this.#rate);
        await new Promise((resolve) => setTimeout(resolve, time));
      }
      const taken = Math.max(1, Math.floor(Math.min(most, this.#tokens)));
      this.#tokens -= taken;
      return taken;
    });
    this.#queue = mine;
    return mine;
  }

  /** Gives back what was taken and not used. */
  give(bytes: number): void {
    this.#tokens += bytes;
  }
}
