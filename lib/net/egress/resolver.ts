/**
 * Looks allowed names up on the host, with the host's own configuration. The answer is used, and
 * never asked for again between the check and the connection.
 *
 * @module
 */

import { addressInfo } from "../../sys/address_info.ts";
import { type Address, addressFromBytes, parseAddress } from "./address.ts";

/** Who gives addresses for names: texts such as `93.184.216.34`; none for a name that is unknown. */
export type Lookup = (name: string) => Promise<readonly string[]> | readonly string[];

/** How long an answer is good, in milliseconds: a page's requests share one. */
const KEEP = 5_000;
const MOST_KEPT = 1_000;
/** A lookup holds a thread of Deno's pool, which others need as well. */
const MOST_AT_A_TIME = 8;
/** How many may wait for their turn before it is better to say no. */
const MOST_WAITING = 256;

/** What is known of a name. */
export type Resolved = { readonly addresses: readonly Address[] } | { readonly error: string };

/** Looks names up, a few at a time. */
export class Resolver {
  readonly #lookup: Lookup | undefined;
  readonly #kept = new Map<string, { until: number; answer: Promise<Resolved> }>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  /** Takes who is asked; by default this machine's getaddrinfo(3). */
  constructor(lookup?: Lookup) {
    this.#lookup = lookup;
  }

  /** The addresses of a name. Never rejects. */
  resolve(name: string): Promise<Resolved> {
    const now = performance.now();
    const found = this.#kept.get(name);
    if (found !== undefined && found.until > now) return found.answer;
    if (this.#waiting.length >= MOST_WAITING) {
      return Promise.resolve({ error: "too many names are being looked up" });
    }
    const answer = this.#inTurn(name);
    this.#kept.delete(name);
    this.#kept.set(name, { until: now + KEEP, answer });
    for (const old of this.#kept.keys()) {
      if (this.#kept.size <= MOST_KEPT) break;
      this.#kept.delete(old);
    }
    return answer;
  }

  async #inTurn(name: string): Promise<Resolved> {
    if (this.#running >= MOST_AT_A_TIME) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#running++;
    try {
      return await this.#ask(name);
    } catch (error) {
      return { error: error instanceof Error ? error.message : String(error) };
    } finally {
      this.#running--;
      this.#waiting.shift()?.();
    }
  }

  async #ask(name: string): Promise<Resolved> {
    if (this.#lookup !== undefined) {
      const texts = await this.#lookup(name);
      const addresses = texts.map((text) => parseAddress(text));
      if (addresses.some((address) => address === undefined)) {
        return { error: `the lookup of "${name}" gave "${texts.join(", ")}"` };
      }
      if (addresses.length === 0) return { error: `"${name}" is not known` };
      return { addresses: addresses as Address[] };
    }
    const found = await addressInfo(name);
    if (typeof found === "string") return { error: `"${name}" cannot be resolved: ${found}` };
    if (found.length === 0) return { error: `"${name}" has no address` };
    return { addresses: found.map(addressFromBytes) };
  }
}
