/**
 * Waiting for several descriptors at once, on this thread: ppoll(2).
 *
 * @module
 */

import { uninterrupted } from "./calls.ts";
import { check, syscall } from "./libc.ts";

/** A descriptor, and what is waited for. */
export interface PollRequest {
  /** The descriptor; a negative one is left out. */
  fd: number;
  /** `POLLIN`, `POLLOUT`, or'ed. */
  events: number;
}

/**
 * Blocks JavaScript until one of the descriptors is ready: what each is ready for, as `POLL*` bits
 * (`POLLHUP` and `POLLERR` come unasked).
 *
 * Permissions: `--allow-ffi`. Source: ppoll(2).
 */
export function poll(requests: readonly PollRequest[]): number[] {
  // `struct pollfd`: int fd, short events, short revents.
  const table = new Int32Array(requests.length * 2);
  requests.forEach(({ fd, events }, index) => {
    table[index * 2] = fd;
    table[index * 2 + 1] = events;
  });
  check(uninterrupted(() => syscall("ppoll", table, requests.length, 0, 0, 8)), "ppoll");
  return requests.map((_, index) => table[index * 2 + 1]! >>> 16);
}
