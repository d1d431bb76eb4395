/**
 * Waiting for many descriptors at once, without blocking JavaScript: epoll(7), eventfd(2).
 *
 * @module
 */

import * as abi from "./abi/poll.ts";
import { ARCH, type Arch } from "./arch.ts";
import { read, write } from "./file.ts";
import { flagNames } from "./flag_names.ts";
import { check, epollWaitAsync, syscall } from "./libc.ts";

/** What happened on a descriptor. */
export interface EpollEvent {
  /** `EPOLL*`, or'ed. */
  events: number;
  /** What was given along when the descriptor was added; the descriptor, when nothing was. */
  data: number;
}

/**
 * The size of `struct epoll_event` in bytes. x86_64 packs it, so that 32-bit programs see the same
 * layout; aarch64 aligns `data`.
 */
export function epollEventSize(arch: Arch = ARCH): number {
  return arch === "x86_64" ? 12 : 16;
}

function dataOffset(arch: Arch): number {
  return arch === "x86_64" ? 4 : 8;
}

/** Writes a `struct epoll_event`. */
export function encodeEpollEvent(event: EpollEvent, arch: Arch = ARCH): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(epollEventSize(arch));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, event.events, true);
  view.setBigUint64(dataOffset(arch), BigInt(event.data), true);
  return bytes;
}

/** Reads `count` of `struct epoll_event`. */
export function decodeEpollEvents(
  bytes: Uint8Array,
  count: number,
  arch: Arch = ARCH,
): EpollEvent[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: count }, (_, index) => {
    const at = index * epollEventSize(arch);
    return {
      events: view.getUint32(at, true),
      data: Number(view.getBigUint64(at + dataOffset(arch), true)),
    };
  });
}

/** Makes an epoll instance, close-on-exec. Permissions: `--allow-ffi`. Source: epoll_create1(2). */
export function epollCreate(): number {
  return check(syscall("epoll_create1", abi.EPOLL_CLOEXEC), "epoll_create1");
}

function control(epfd: number, operation: number, fd: number, event: EpollEvent | null): void {
  const bytes = event === null ? null : encodeEpollEvent(event);
  check(syscall("epoll_ctl", epfd, operation, fd, bytes), "epoll_ctl", {
    path: `fd ${fd}`,
    get flags() {
      const name = flagNames(operation, abi, "EPOLL_CTL_");
      return event === null ? name : `${name}, ${flagNames(event.events, abi, "EPOLL")}`;
    },
  });
}

/**
 * Adds a descriptor.
 *
 * Errors: EEXIST, EPERM (a regular file or directory), ELOOP, ENOSPC. Permissions: `--allow-ffi`.
 * Source: epoll_ctl(2), EPOLL_CTL_ADD.
 *
 * @param events `EPOLL*`, or'ed.
 * @param data What events carry; the descriptor when not given.
 */
export function epollAdd(epfd: number, fd: number, events: number, data: number = fd): void {
  control(epfd, abi.EPOLL_CTL_ADD, fd, { events, data });
}

/** Changes what a descriptor is watched for. Errors: ENOENT. Permissions: `--allow-ffi`. Source: epoll_ctl(2), EPOLL_CTL_MOD. */
export function epollModify(epfd: number, fd: number, events: number, data: number = fd): void {
  control(epfd, abi.EPOLL_CTL_MOD, fd, { events, data });
}

/** Removes a descriptor. Errors: ENOENT. Permissions: `--allow-ffi`. Source: epoll_ctl(2), EPOLL_CTL_DEL. */
export function epollRemove(epfd: number, fd: number): void {
  control(epfd, abi.EPOLL_CTL_DEL, fd, null);
}

/** How {@linkcode epollWait} waits. */
export interface EpollWaitOptions {
  /** The most events to return; 64 when not given. */
  most?: number;
  /** How long to wait, in milliseconds; -1, for ever, when not given. */
  timeoutMs?: number;
}

/**
 * Waits on a thread of Deno's pool until something happens; none when the time is over or a signal
 * came. A pending wait keeps the program alive: to end one, watch an {@linkcode eventfd} as well
 * and write to it.
 *
 * Permissions: `--allow-ffi`. Source: epoll_wait(2).
 *
 * @example
 * ```ts
 * import { close, epollAdd, epollCreate, EPOLLIN, epollWait, eventfd, eventfdWrite } from "@paddock/paddock/sys";
 *
 * const epoll = epollCreate(), event = eventfd();
 * epollAdd(epoll, event, EPOLLIN);
 * eventfdWrite(event, 1n);
 * console.log(await epollWait(epoll)); // [ { events: 1, data: (event) } ]
 * close(event);
 * close(epoll);
 * ```
 */
export async function epollWait(
  epfd: number,
  options: EpollWaitOptions = {},
): Promise<EpollEvent[]> {
  const most = options.most ?? 64;
  const bytes = new Uint8Array(most * epollEventSize());
  const count = await epollWaitAsync(epfd, bytes, most, options.timeoutMs ?? -1);
  return decodeEpollEvents(bytes, Math.max(count, 0));
}

/**
 * Makes an event counter, close-on-exec and non-blocking.
 *
 * Permissions: `--allow-ffi`. Source: eventfd(2).
 *
 * @param initial The counter's first value.
 * @param flags `EFD_SEMAPHORE`.
 */
export function eventfd(initial = 0, flags = 0): number {
  const all = flags | abi.EFD_CLOEXEC | abi.EFD_NONBLOCK;
  return check(syscall("eventfd2", initial, all), "eventfd2");
}

/** Adds to an event counter, which makes it readable. Permissions: `--allow-ffi`. Source: eventfd(2). */
export function eventfdWrite(fd: number, value: bigint): void {
  write(fd, new Uint8Array(BigUint64Array.of(value).buffer));
}

/** Takes an event counter's value and resets it. Errors: EAGAIN (it is 0). Permissions: `--allow-ffi`. Source: eventfd(2). */
export function eventfdRead(fd: number): bigint {
  const value = new BigUint64Array(1);
  read(fd, new Uint8Array(value.buffer));
  return value[0]!;
}
