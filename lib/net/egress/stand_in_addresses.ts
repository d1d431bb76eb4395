/**
 * Addresses that stand for names inside. The resolver inside gives each allowed name an address of
 * its own, out of a range that is nobody's on the internet (RFC 2544); whoever connects to it has
 * told the name by that, whatever protocol it speaks. What the name's real addresses are is looked
 * up outside, when the connection is made.
 *
 * @module
 */

import { type Address, addressFromBytes } from "./address.ts";

/** The address of the loopback device inside, beside 127.0.0.1; it stands for no name. */
export const OWN_ADDRESS = "198.18.0.1";
const BASE = (198 << 24 | 18 << 16) >>> 0;
/** The first one that stands for a name, and how many there are. */
const FIRST = 256, MOST = 16_384;

/** Which address stands for which name, in one sandbox. */
export class StandInAddresses {
  readonly #byName = new Map<string, number>();
  readonly #byNumber = new Map<number, string>();

  /** The address that stands for a name, from now on. */
  of(name: string): Address {
    let number = this.#byName.get(name);
    // The oldest give way; where such an address is still known inside, it leads to another name
    // that is allowed as well.
    if (number === undefined) {
      if (this.#byName.size < MOST) number = FIRST + this.#byName.size;
      else {
        const [oldest, theirs] = this.#byName.entries().next().value!;
        this.#byName.delete(oldest);
        number = theirs;
      }
    } else this.#byName.delete(name);
    this.#byName.set(name, number);
    this.#byNumber.set(number, name);
    const word = BASE + number;
    return addressFromBytes(Uint8Array.of(word >>> 24, word >>> 16, word >>> 8, word));
  }

  /** The name that an address stands for. */
  nameOf({ family, bytes }: Address): string | undefined {
    if (family !== 4) return undefined;
    return this.#byNumber.get(new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) - BASE);
  }

  /** Whether an address is of the range, whether it stands for a name or not. */
  static has({ family, bytes }: Address): boolean {
    return family === 4 && bytes[0] === 198 && (bytes[1]! & 0xfe) === 18;
  }
}
