/**
 * Unix sockets and the descriptors they carry: socketpair(2), sendmsg(2), recvmsg(2), unix(7).
 *
 * @module
 */

import { SandboxError } from "../errors.ts";
import * as abi from "./abi/socket.ts";
import { keepAlive, uninterrupted } from "./calls.ts";
import { close } from "./file.ts";
import { flagNames } from "./flag_names.ts";
import { addressOf, check, syscall } from "./libc.ts";

/** The most descriptors that the kernel takes in one message (SCM_MAX_FD). */
export const MAX_FDS_PER_MESSAGE = 253;

/**
 * Makes two unix sockets that are connected to each other, close-on-exec.
 *
 * Permissions: `--allow-ffi`. Source: socketpair(2).
 *
 * @param type `SOCK_STREAM`, `SOCK_DGRAM` or `SOCK_SEQPACKET`, or'ed with `SOCK_NONBLOCK`.
 */
export function socketpair(type: number = abi.SOCK_STREAM): [number, number] {
  const fds = new Int32Array(2);
  check(syscall("socketpair", abi.AF_UNIX, type | abi.SOCK_CLOEXEC, 0, fds), "socketpair");
  return [fds[0]!, fds[1]!];
}

const CMSG_HEADER = 16;

/** The space of a control message with this much data: `CMSG_SPACE`. */
function controlSpace(length: number): number {
  return CMSG_HEADER + Math.ceil(length / 8) * 8;
}

/** One `SCM_RIGHTS` control message. */
function encodeRights(fds: readonly number[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(controlSpace(fds.length * 4));
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(CMSG_HEADER + fds.length * 4), true);
  view.setInt32(8, abi.SOL_SOCKET, true);
  view.setInt32(12, abi.SCM_RIGHTS, true);
  fds.forEach((fd, index) => view.setInt32(CMSG_HEADER + index * 4, fd, true));
  return bytes;
}

/** The descriptors in a buffer of control messages. */
function decodeRights(control: Uint8Array<ArrayBuffer>): number[] {
  const fds: number[] = [];
  const view = new DataView(control.buffer, control.byteOffset, control.byteLength);
  for (let at = 0; at + CMSG_HEADER <= control.length;) {
    const length = Number(view.getBigUint64(at, true));
    if (length < CMSG_HEADER) break;
    const rights = view.getInt32(at + 8, true) === abi.SOL_SOCKET &&
      view.getInt32(at + 12, true) === abi.SCM_RIGHTS;
    const end = Math.min(at + length, control.length);
    for (let item = at + CMSG_HEADER; rights && item + 4 <= end; item += 4) {
      fds.push(view.getInt32(item, true));
    }
    at += controlSpace(length - CMSG_HEADER);
  }
  return fds;
}

/** `struct msghdr` (56 bytes) with one `struct iovec` behind it. Both hold addresses. */
function encodeMessage(
  data: Uint8Array,
  control: Uint8Array,
): { header: Uint8Array<ArrayBuffer>; view: DataView } {
  const header = new Uint8Array(56 + 16);
  const view = new DataView(header.buffer);
  const start = addressOf(header);
  view.setBigUint64(16, BigInt(start + 56), true); // msg_iov
  view.setBigUint64(24, 1n, true); // msg_iovlen
  view.setBigUint64(32, BigInt(control.length === 0 ? 0 : addressOf(control)), true); // msg_control
  view.setBigUint64(40, BigInt(control.length), true); // msg_controllen
  view.setBigUint64(56, BigInt(data.length === 0 ? 0 : addressOf(data)), true); // iov_base
  view.setBigUint64(64, BigInt(data.length), true); // iov_len
  return { header, view };
}

/**
 * Sends bytes and descriptors in one message and returns how many bytes were taken. The receiver
 * gets duplicates; ours stay open. On a stream socket send one byte at least, or the descriptors
 * do not travel.
 *
 * Errors: EPIPE (nobody at the other end), EAGAIN, EBADF, EINVAL (over
 * {@linkcode MAX_FDS_PER_MESSAGE} descriptors), ETOOMANYREFS, EMSGSIZE. Permissions: `--allow-ffi`.
 * Source: sendmsg(2), unix(7).
 *
 * @param flags `MSG_*`, or'ed; `MSG_NOSIGNAL` is always added.
 *
 * @example
 * ```ts
 * import { close, receiveWithFds, sendWithFds, socketpair } from "@paddock/paddock/sys";
 *
 * const [here, there] = socketpair();
 * sendWithFds(here, new Uint8Array([1]), [0]);
 * const { fds } = receiveWithFds(there);
 * for (const fd of [here, there, ...fds]) close(fd);
 * ```
 */
export function sendWithFds(
  socket: number,
  bytes: Uint8Array,
  fds: readonly number[] = [],
  flags = 0,
): number {
  const control = fds.length === 0 ? new Uint8Array(0) : encodeRights(fds);
  const { header } = encodeMessage(bytes, control);
  const all = flags | abi.MSG_NOSIGNAL;
  const result = uninterrupted(() => syscall("sendmsg", socket, header, all));
  keepAlive(bytes, control);
  return check(result, "sendmsg", {
    path: `fd ${socket}`,
    get flags() {
      return flagNames(all, abi, "MSG_");
    },
  });
}

/** How {@linkcode receiveWithFds} receives. */
export interface ReceiveOptions {
  /** The most bytes to take; 65536 when not given. */
  size?: number;
  /** The most descriptors to take; {@linkcode MAX_FDS_PER_MESSAGE} when not given. */
  maxFds?: number;
  /** `MSG_*`, or'ed; `MSG_CMSG_CLOEXEC` is always added. */
  flags?: number;
}

/** A message. */
export interface ReceivedMessage {
  /** The bytes; none, on a stream socket, is the end. */
  bytes: Uint8Array<ArrayBuffer>;
  /** The descriptors, close-on-exec. The receiver closes them. */
  fds: number[];
  /** Whether a datagram was longer than the buffer, and its rest lost. */
  truncated: boolean;
}

/**
 * Receives bytes and descriptors. Blocks JavaScript where the socket blocks.
 *
 * When descriptors were lost, because there was no room or this process may not have more, those
 * that came are closed and a {@linkcode SandboxError} is thrown. Further errors: EAGAIN,
 * ECONNRESET, EBADF. Permissions: `--allow-ffi`. Source: recvmsg(2), unix(7).
 */
export function receiveWithFds(socket: number, options: ReceiveOptions = {}): ReceivedMessage {
  const bytes = new Uint8Array(options.size ?? 65536);
  const control = new Uint8Array(controlSpace((options.maxFds ?? MAX_FDS_PER_MESSAGE) * 4));
  const { header, view } = encodeMessage(bytes, control);
  const all = (options.flags ?? 0) | abi.MSG_CMSG_CLOEXEC;
  const result = uninterrupted(() => syscall("recvmsg", socket, header, all));
  keepAlive(bytes, control);
  check(result, "recvmsg", {
    path: `fd ${socket}`,
    get flags() {
      return flagNames(all, abi, "MSG_");
    },
  });
  const fds = decodeRights(control.subarray(0, Number(view.getBigUint64(40, true))));
  const flags = view.getInt32(48, true);
  if (flags & abi.MSG_CTRUNC) {
    for (const fd of fds) close(fd);
    throw new SandboxError(`recvmsg "fd ${socket}": descriptors of the message were lost`);
  }
  return {
    bytes: bytes.subarray(0, result),
    fds,
    truncated: (flags & abi.MSG_TRUNC) !== 0,
  };
}
