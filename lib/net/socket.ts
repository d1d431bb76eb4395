/**
 * The calls on sockets that servers and forwarders are made of. Everything is close-on-exec and
 * does not block: who has to wait watches the descriptor. socket(7), ip(7).
 *
 * @module
 */

import { SyscallError } from "../errors.ts";
import { ERRNO } from "../sys/abi/errno.ts";
import {
  SHUT_RDWR,
  SHUT_WR,
  SO_ERROR,
  SO_LINGER,
  SO_REUSEADDR,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
} from "../sys/abi/socket.ts";
import { check, rawSyscall, syscall } from "../sys/libc.ts";
import { SYS } from "../sys/syscall_numbers.ts";
import {
  type AddressBytes,
  decodeSocketAddress,
  familyOf,
  formatAddress,
  socketAddress,
} from "./ip_address.ts";

/** Flags of every socket that is made here. */
export const STREAM = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
/** The same for datagrams. */
export const DATAGRAM = SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK;

const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const BACKLOG = 128;

/** `IP:PORT`, with brackets around IPv6. */
export function endpoint(address: Uint8Array, port: number): string {
  const text = formatAddress(address);
  return address.length === 4 ? `${text}:${port}` : `[${text}]:${port}`;
}

/** Binds a socket; an IPv6 one for IPv6 alone, so that both families can have the same port. */
export function bindSocket(fd: number, address: AddressBytes, port: number, hint?: string): void {
  const one = new Int32Array([1]);
  if (address.length === 16) syscall("setsockopt", fd, IPPROTO_IPV6, IPV6_V6ONLY, one, 4);
  const bytes = socketAddress(address, port);
  check(syscall("bind", fd, bytes, bytes.length), "bind", { path: endpoint(address, port), hint });
}

/** A listening socket in this program's namespace. Errors: EADDRINUSE, EADDRNOTAVAIL, EACCES. */
export function listenTcp(address: AddressBytes, port: number, hint?: string): number {
  const fd = check(syscall("socket", familyOf(address), STREAM, 0), "socket");
  try {
    syscall("setsockopt", fd, SOL_SOCKET, SO_REUSEADDR, new Int32Array([1]), 4);
    bindSocket(fd, address, port, hint);
    check(syscall("listen", fd, BACKLOG), "listen", { path: endpoint(address, port), hint });
    return fd;
  } catch (error) {
    syscall("close", fd);
    throw error;
  }
}

/** A bound datagram socket in this program's namespace. */
export function bindUdp(address: AddressBytes, port: number, hint?: string): number {
  const fd = check(syscall("socket", familyOf(address), DATAGRAM, 0), "socket");
  try {
    bindSocket(fd, address, port, hint);
    return fd;
  } catch (error) {
    syscall("close", fd);
    throw error;
  }
}

/**
 * The next connection of a listening socket, or `undefined` when there is none; negative when there
 * is one that cannot be had, for this program has all the descriptors that it may have.
 */
export function acceptSocket(fd: number): number | undefined {
  const result = syscall("accept4", fd, 0, 0, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (result >= 0) return result;
  return result === -ERRNO.EMFILE || result === -ERRNO.ENFILE || result === -ERRNO.ENOBUFS
    ? result
    : undefined;
}

/** Begins to connect. Whether it succeeded is known when the socket can be written to. */
export function beginConnect(fd: number, address: AddressBytes, port: number): void {
  const bytes = socketAddress(address, port);
  const result = syscall("connect", fd, bytes, bytes.length);
  if (result < 0 && result !== -ERRNO.EINPROGRESS) {
    throw new SyscallError({ syscall: "connect", errno: -result, path: endpoint(address, port) });
  }
}

const option = new Int32Array(1);
const optionLength = new Int32Array(1);

/** What went wrong with a socket since it was last asked: an errno, or 0. */
export function socketError(fd: number): number {
  optionLength[0] = 4;
  const result = syscall("getsockopt", fd, SOL_SOCKET, SO_ERROR, option, optionLength);
  return result < 0 ? -result : option[0]!;
}

/** The address and port that a socket is bound to. */
export function localAddress(fd: number): { address: AddressBytes; port: number } | undefined {
  const bytes = new Uint8Array(28);
  optionLength[0] = bytes.length;
  check(syscall("getsockname", fd, bytes, optionLength), "getsockname");
  return decodeSocketAddress(bytes.subarray(0, optionLength[0]));
}

/** Tells the other side that nothing more comes. */
export function endWriting(fd: number): void {
  rawSyscall(SYS.shutdown, fd, SHUT_WR);
}

/** Ends a connection, or stops listening; the descriptor stays. */
export function shutdownSocket(fd: number): void {
  rawSyscall(SYS.shutdown, fd, SHUT_RDWR);
}

/** Closes a connection such that the other side sees that it was broken, not ended. */
export function resetSocket(fd: number): void {
  syscall("setsockopt", fd, SOL_SOCKET, SO_LINGER, new Int32Array([1, 0]), 8);
  syscall("close", fd);
}
