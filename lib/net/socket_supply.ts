/**
 * New sockets in a namespace that nobody of ours is in any more.
 *
 * A socket belongs to the namespace of the process that made it, and so does one that is accepted
 * from it. So two sockets that were made inside while that was possible give any number of others:
 * one connects with the other, and what is accepted there is disconnected again, by connect(2) to
 * AF_UNSPEC, into a fresh socket of that namespace.
 *
 * @module
 */

import { SandboxError } from "../errors.ts";
import { POLLIN } from "../sys/abi/poll.ts";
import { AF_UNSPEC } from "../sys/abi/socket.ts";
import { check, syscall } from "../sys/libc.ts";
import { parseAddress, socketAddress } from "./ip_address.ts";
import { acceptSocket, bindSocket, localAddress, shutdownSocket } from "./socket.ts";

const PATIENCE_NANOSECONDS = 50_000_000n;
/** Connections of others that came in the moment of listening. */
const MOST_STRANGERS = 16;

/** Makes TCP sockets in a namespace. */
export class SocketSupply implements Disposable {
  readonly #listener: number;
  readonly #connector: number;

  /** Takes over two TCP sockets of a namespace whose loopback device is up. */
  constructor(listener: number, connector: number, loopback = "127.0.0.1") {
    this.#listener = listener;
    this.#connector = connector;
    try {
      bindSocket(listener, parseAddress(loopback)!, 0);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** A new TCP socket, not connected, not blocking. */
  take(): number {
    const none = new Uint8Array(16);
    none[0] = AF_UNSPEC;
    // It listens for this moment only, so whoever is inside finds no port to connect to.
    check(syscall("listen", this.#listener, 1), "listen", { path: "the sandbox's loopback" });
    try {
      // Each time another port: the kernel takes one back that was not asked for by number.
      const { address, port } = localAddress(this.#listener)!;
      const target = socketAddress(address, port);
      syscall("connect", this.#connector, target, target.length);
      const own = localAddress(this.#connector)!.port;
      for (let strangers = 0; strangers < MOST_STRANGERS; strangers++) {
        const fd = this.#accept();
        if (fd === undefined || fd < 0) break;
        const peer = peerPort(fd);
        syscall("connect", fd, none, none.length);
        if (peer === own) return fd;
        syscall("close", fd);
      }
      throw new SandboxError("The sandbox's loopback device did not answer");
    } finally {
      syscall("connect", this.#connector, none, none.length);
      shutdownSocket(this.#listener);
    }
  }

  #accept(): number | undefined {
    const poll = new Uint8Array(8);
    const view = new DataView(poll.buffer);
    view.setInt32(0, this.#listener, true);
    view.setInt16(4, POLLIN, true);
    syscall("ppoll", poll, 1, new BigInt64Array([0n, PATIENCE_NANOSECONDS]), 0, 8);
    return acceptSocket(this.#listener);
  }

  /** Closes both. */
  [Symbol.dispose](): void {
    syscall("close", this.#listener);
    syscall("close", this.#connector);
  }
}

function peerPort(fd: number): number {
  const bytes = new Uint8Array(28), length = new Int32Array([28]);
  if (syscall("getpeername", fd, bytes, length) < 0) return -1;
  return bytes[2]! << 8 | bytes[3]!;
}
