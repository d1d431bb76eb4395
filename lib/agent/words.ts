/**
 * Small structures of the kernel's that programs carry as bytes.
 *
 * @module
 */

/** The last descriptor there can be, for `close_range`. */
export const CLOSE_RANGE_ALL = 0xffff_ffff;

/** Bytes of the kernel's `sigset_t`. */
export const SIGNAL_SET_SIZE = 8;

/** A signal set with every signal in it. */
export const ALL_SIGNALS: Uint8Array<ArrayBuffer> = new Uint8Array(SIGNAL_SET_SIZE).fill(0xff);

/** An array of 64-bit words as bytes. */
export function words(...values: (number | bigint)[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new BigUint64Array(values.map(BigInt)).buffer);
}

/** A `struct pollfd` as a 64-bit word: descriptor, events, and room for the answer. */
export function pollfd(fd: number, events: number): number {
  return events * 0x1_0000_0000 + fd;
}

/** The answer's bits in a `struct pollfd` loaded as a 64-bit word. */
export const POLL_ANSWER = 0xffff_0000 * 0x1_0000_0000;

/** Starts a new session keyring. keyctl(2). */
export const KEYCTL_JOIN_SESSION_KEYRING = 1;
