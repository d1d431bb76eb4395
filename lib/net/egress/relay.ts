/**
 * Carries bytes between the inside and the outside: only as fast as they are taken on the other
 * side, counted, and under the cap.
 *
 * @module
 */

import type { Bandwidth } from "./bandwidth.ts";
import { CHUNK, type Connection } from "./connection.ts";

/** One way, from here to there. */
export interface Way {
  readonly from: Connection;
  readonly to: Connection;
  /** Is told of bytes as they pass. */
  readonly count: (bytes: number) => void;
  readonly cap?: Bandwidth;
  /** Sees bytes as they pass; it may not keep them. */
  readonly see?: (bytes: Uint8Array) => void;
}

/** A connection that reads without end gives way to the others after so many chunks. */
const CHUNKS_A_TURN = 16;
/** How long one half of a connection may be silent after the other has ended. */
const HALF_OPEN_PATIENCE = 60_000;

/** Sends bytes that are known already on their way. */
export async function pass({ to, count, cap }: Way, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const size = cap ? await cap.take(bytes.length - at) : bytes.length - at;
    await to.write(bytes.subarray(at, at + size));
    count(size);
    at += size;
  }
}

/** Carries at most so many bytes one way: whether they all came. */
export async function carry(way: Way, most = Infinity): Promise<boolean> {
  const { from, to, count, cap, see } = way;
  let left = most;
  while (left > 0) {
    const { length } = from.waiting;
    if (length === 0) break;
    const bytes = from.take(Math.min(length, left));
    await pass(way, bytes);
    left -= bytes.length;
  }
  for (let chunks = 1; left > 0; chunks++) {
    const want = Math.min(CHUNK, left);
    const size = cap ? await cap.take(want) : want;
    const bytes = from.readNow(size);
    cap?.give(size - (bytes?.length ?? 0));
    if (bytes === undefined) {
      await from.readable();
      continue;
    }
    if (bytes.length === 0) return most === Infinity;
    see?.(bytes);
    const written = to.writeNow(bytes);
    // The buffer is everybody's: what has to wait is copied.
    if (written < bytes.length) {
      const { length } = bytes;
      await to.write(bytes.slice(written));
      count(length);
      left -= length;
    } else {
      count(written);
      left -= written;
    }
    if (chunks % CHUNKS_A_TURN === 0) await from.turn();
  }
  return true;
}

/** Carries one way until its end, and tells the other side of it. */
export async function carryAll(way: Way): Promise<void> {
  await carry(way);
  way.to.finish();
}

/**
 * Waits for both ways to end, and closes both sides. If one side is lost, the other is cut, too; and
 * if one way has ended and nothing moves on the other, it is over.
 */
export async function untilBothEnd(
  client: Connection,
  server: Connection,
  ways: readonly Promise<void>[],
  moved: () => number,
): Promise<void> {
  let timer: ReturnType<typeof setInterval> | undefined;
  const halfOpen = (): void => {
    let before = moved();
    timer ??= setInterval(() => {
      if (moved() === before) client.reset();
      before = moved();
    }, HALF_OPEN_PATIENCE);
  };
  try {
    await Promise.all(ways.map((way) => way.then(halfOpen)));
  } catch (error) {
    client.reset();
    server.reset();
    await Promise.allSettled(ways);
    throw error;
  } finally {
    clearInterval(timer);
    client.close();
    server.close();
  }
}
