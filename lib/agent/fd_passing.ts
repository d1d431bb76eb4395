/**
 * Messages with descriptors over the agent's sockets, on buffers that are made once. cmsg(3),
 * unix(7).
 *
 * @module
 */

import {
  MSG_CMSG_CLOEXEC,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  SCM_RIGHTS,
  SOL_SOCKET,
} from "../sys/abi/socket.ts";
import { ERRNO } from "../sys/abi/errno.ts";
import { addressOf, rawSyscall } from "../sys/libc.ts";
import { SYS } from "../sys/syscall_numbers.ts";

const MOST_FDS = 64;
const RECEIVE_FLAGS = MSG_CMSG_CLOEXEC | MSG_DONTWAIT;

class Message {
  readonly header = new Uint8Array(56);
  readonly iovec = new Uint8Array(16);
  readonly control = new Uint8Array(16 + MOST_FDS * 4);
  readonly #header = new DataView(this.header.buffer);
  readonly #iovec = new DataView(this.iovec.buffer);
  readonly #control = new DataView(this.control.buffer);
  readonly headerAddress = addressOf(this.header);

  constructor() {
    this.#header.setBigUint64(16, BigInt(addressOf(this.iovec)), true);
    this.#header.setBigUint64(24, 1n, true);
    this.#header.setBigUint64(32, BigInt(addressOf(this.control)), true);
  }

  /** The iovec holds its address only, which does not keep it from being collected. */
  body: Uint8Array<ArrayBuffer> | undefined;

  setBody(body: Uint8Array<ArrayBuffer>): void {
    this.body = body;
    this.#iovec.setBigUint64(0, BigInt(addressOf(body)), true);
    this.#iovec.setBigUint64(8, BigInt(body.length), true);
  }

  setFds(fds: readonly number[]): void {
    const length = 16 + fds.length * 4;
    this.#header.setBigUint64(40, fds.length === 0 ? 0n : BigInt(length), true);
    this.#control.setBigUint64(0, BigInt(length), true);
    this.#control.setInt32(8, SOL_SOCKET, true);
    this.#control.setInt32(12, SCM_RIGHTS, true);
    fds.forEach((fd, index) => this.#control.setInt32(16 + index * 4, fd, true));
  }

  expectFds(): void {
    this.#header.setBigUint64(40, BigInt(this.control.length), true);
  }

  receivedFds(): number[] {
    const total = Number(this.#header.getBigUint64(40, true));
    if (total < 16) return [];
    const length = Number(this.#control.getBigUint64(0, true));
    const fds: number[] = [];
    for (let at = 16; at + 4 <= length; at += 4) fds.push(this.#control.getInt32(at, true));
    return fds;
  }
}

let message: Message | undefined;

/** Sends one message; the result is the bytes sent or minus the errno. */
export function send(
  socket: number,
  body: Uint8Array<ArrayBuffer>,
  fds: readonly number[] = [],
  flags = 0,
): number {
  message ??= new Message();
  message.setBody(body);
  message.setFds(fds);
  return rawSyscall(SYS.sendmsg, socket, message.headerAddress, MSG_NOSIGNAL | flags);
}

/**
 * Receives one message without waiting: its length (0 at the end of the connection) or minus the
 * errno, and the descriptors that came along, close-on-exec.
 */
export function receive(
  socket: number,
  body: Uint8Array<ArrayBuffer>,
): { length: number; fds: number[] } {
  message ??= new Message();
  message.setBody(body);
  message.expectFds();
  let length = rawSyscall(SYS.recvmsg, socket, message.headerAddress, RECEIVE_FLAGS);
  // The other side ended without having read all that was sent to it. That is told once, and before
  // what it has sent itself. unix_release_sock() in net/unix/af_unix.c
  if (length === -ERRNO.ECONNRESET) {
    length = rawSyscall(SYS.recvmsg, socket, message.headerAddress, RECEIVE_FLAGS);
  }
  return { length, fds: length < 0 ? [] : message.receivedFds() };
}
