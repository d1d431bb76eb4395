/**
 * The log of every decision, with an end: what runs inside must not be able to fill the memory
 * outside.
 *
 * @module
 */

import { type Asked, requestOf } from "./policy.ts";
import type { EgressAnswer, EgressDecision, EgressReport } from "./request.ts";

/** A line that is still being written: bytes are counted until its connection ends. */
export type OpenDecision = { -readonly [key in keyof EgressDecision]: EgressDecision[key] };

/** How many lines there is room for. */
const MOST = 10_000;
/** What a line shows of a path, which could be as long as a request. */
const LONGEST_PATH = 1024;

/** The decisions of one launch. */
export class DecisionLog {
  readonly #lines: OpenDecision[] = [];
  readonly #onDecision: ((decision: EgressDecision) => void) | undefined;
  #allowed = 0;
  #denied = 0;
  /** Bytes of all connections. */
  readonly total = { sent: 0, received: 0 };

  /** Takes who is told of each decision as it is made. */
  constructor(onDecision?: (decision: EgressDecision) => void) {
    this.#onDecision = onDecision;
  }

  /** Writes a line and returns it, for the bytes to be counted in. */
  add(asked: Asked, { verdict, reason }: EgressAnswer, address?: string): OpenDecision {
    const request = requestOf(asked);
    if (request.path !== undefined && request.path.length > LONGEST_PATH) {
      Object.assign(request, { path: `${request.path.slice(0, LONGEST_PATH)}...` });
    }
    const line: OpenDecision = {
      time: Date.now(),
      ...request,
      verdict,
      reason,
      ...(address === undefined ? {} : { address }),
      sent: 0,
      received: 0,
    };
    if (verdict === "allow") this.#allowed++;
    else this.#denied++;
    if (this.#lines.length < MOST) this.#lines.push(line);
    try {
      this.#onDecision?.({ ...line });
    } catch { /* who listens does not decide */ }
    return line;
  }

  /** What there is so far. */
  report(): EgressReport {
    return {
      decisions: this.#lines.map((line) => ({ ...line })),
      omitted: this.#allowed + this.#denied - this.#lines.length,
      allowed: this.#allowed,
      denied: this.#denied,
      ...this.total,
    };
  }
}
