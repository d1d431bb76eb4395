/**
 * Connects to addresses that have been checked, and to nothing else: no name is looked up here.
 *
 * @module
 */

import { SyscallError } from "../../errors.ts";
import { ERRNO, errnoName } from "../../sys/abi/errno.ts";
import { IPPROTO_TCP, TCP_NODELAY } from "../../sys/abi/inet.ts";
import {
  AF_INET,
  AF_INET6,
  SO_ERROR,
  SO_KEEPALIVE,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
} from "../../sys/abi/socket.ts";
import { rawSyscall } from "../../sys/libc.ts";
import { SYS } from "../../sys/syscall_numbers.ts";
import type { Address } from "./address.ts";
import { Connection } from "./connection.ts";
import { encodeSocketAddress, SOCKET_ADDRESS_SIZE } from "./socket_address.ts";

/** How long one address has for itself before the next one is tried beside it. RFC 8305. */
const HEAD_START = 250;

/** Nobody answered: which addresses were tried, and how the last one failed. */
export class DialError extends Error {
  /** The class's name. */
  override name = "DialError";
  /** The errno's name, e.g. `ECONNREFUSED`. */
  readonly code: string;

  /** Takes the errno's name and the text. */
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

const ON = new Int32Array([1]);

/** Sends what is written at once, and notices a peer that is gone for good. */
export function tune(fd: number): void {
  rawSyscall(SYS.setsockopt, fd, IPPROTO_TCP, TCP_NODELAY, ON, 4);
  rawSyscall(SYS.setsockopt, fd, SOL_SOCKET, SO_KEEPALIVE, ON, 4);
}

async function attempt(address: Address, port: number, begun: (it: Connection) => void) {
  const fail = (errno: number) =>
    new DialError(
      errnoName(errno),
      new SyscallError({ syscall: "connect", errno, path: `${address.text} port ${port}` }).message,
    );
  const family = address.family === 4 ? AF_INET : AF_INET6;
  const fd = rawSyscall(SYS.socket, family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) throw fail(-fd);
  const connection = new Connection(fd);
  begun(connection);
  const target = encodeSocketAddress(address, port);
  const result = rawSyscall(SYS.connect, fd, target, target.length);
  if (result < 0 && result !== -ERRNO.EINPROGRESS) {
    connection.close();
    throw fail(-result);
  }
  if (result < 0) {
    const error = new Int32Array(1), size = new Int32Array([4]);
    const peer = new Uint8Array(SOCKET_ADDRESS_SIZE);
    for (;;) {
      await connection.writable();
      if (!connection.isOpen) throw fail(ERRNO.ETIMEDOUT);
      size[0] = 4;
      rawSyscall(SYS.getsockopt, fd, SOL_SOCKET, SO_ERROR, error, size);
      if (error[0] !== 0) {
        connection.close();
        throw fail(error[0]!);
      }
      size[0] = peer.length;
      if (rawSyscall(SYS.getpeername, fd, peer, size) === 0) break;
    }
  }
  tune(fd);
  return { connection, address };
}

/**
 * Connects to the first of these addresses that answers. One after the other, with a head start
 * each; those that come second are closed. Errors: `DialError`.
 */
export function dial(
  addresses: readonly Address[],
  port: number,
  patience: number,
): Promise<{ connection: Connection; address: Address }> {
  return new Promise((resolve, reject) => {
    const running = new Set<Connection>();
    let next = 0, pending = 0, over = false;
    let last = new DialError("EADDRNOTAVAIL", "there is no address to connect to");
    let timer: ReturnType<typeof setTimeout> | undefined;
    const end = setTimeout(() => {
      last = new DialError("ETIMEDOUT", `nobody answered on port ${port} in ${patience} ms`);
      finish();
    }, patience);
    const finish = (winner?: { connection: Connection; address: Address }): void => {
      if (over) {
        winner?.connection.close();
        return;
      }
      over = true;
      clearTimeout(end);
      if (timer !== undefined) clearTimeout(timer);
      for (const other of running) if (other !== winner?.connection) other.close();
      if (winner) resolve(winner);
      else reject(last);
    };
    const begin = (): void => {
      if (timer !== undefined) clearTimeout(timer);
      timer = undefined;
      if (over) return;
      const address = addresses[next++];
      if (address === undefined) {
        if (pending === 0) finish();
        return;
      }
      pending++;
      attempt(address, port, (connection) => running.add(connection)).then(finish, (error) => {
        pending--;
        if (over) return;
        last = error;
        begin();
      });
      if (next < addresses.length && !over) timer = setTimeout(begin, HEAD_START);
    };
    begin();
  });
}
