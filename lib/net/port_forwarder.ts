/**
 * Published ports: what connects to a port of the host is connected with a port of a sandbox.
 *
 * @module
 */

import { reactor } from "../agent/reactor.ts";
import { SandboxError } from "../errors.ts";
import { ERRNO } from "../sys/abi/errno.ts";
import { EPOLLIN, EPOLLOUT } from "../sys/abi/poll.ts";
import { check, rawSyscall, syscall } from "../sys/libc.ts";
import { SYS } from "../sys/syscall_numbers.ts";
import { type AddressBytes, parseAddress, socketAddress } from "./ip_address.ts";
import { acceptSocket, beginConnect, resetSocket, socketError } from "./socket.ts";
import type { SocketSupply } from "./socket_supply.ts";
import { SplicePump } from "./splice_pump.ts";

const LOOPBACK = parseAddress("127.0.0.1")!;
/** Connections that are accepted before others have their turn. */
const TURNS = 64;
/** Connections of a port at the same time; further ones wait in the kernel. */
const MOST_CONNECTIONS = 512;
/** Until the next try, when this program has all the descriptors that it may have. */
const PAUSE_MILLISECONDS = 100;

/** Forwards the connections of a listening socket. */
export class TcpForwarder implements AsyncDisposable {
  readonly #listener: number;
  readonly #supply: SocketSupply;
  readonly #port: number;
  readonly #pumps = new Set<SplicePump>();
  readonly #waiting = new Map<number, number>();
  #closed = false;
  #idle: (() => void) | undefined;

  /** Takes over a listening socket of the host; connections go to `port` of the loopback inside. */
  constructor(listener: number, supply: SocketSupply, port: number) {
    this.#listener = listener;
    this.#supply = supply;
    this.#port = port;
    this.#listen();
  }

  #listen(): void {
    if (!this.#closed) reactor().watch(this.#listener, EPOLLIN, () => this.#accept());
  }

  /** Whoever is not accepted would wake this program again and again. */
  #pause(): void {
    reactor().unwatch(this.#listener);
    const timer = setTimeout(() => this.#listen(), PAUSE_MILLISECONDS);
    Deno.unrefTimer(timer as unknown as number);
  }

  #accept(): void {
    for (let turn = 0; turn < TURNS && !this.#closed; turn++) {
      if (this.#pumps.size + this.#waiting.size >= MOST_CONNECTIONS) return this.#pause();
      const client = acceptSocket(this.#listener);
      if (client === undefined) return;
      if (client < 0) return this.#pause();
      let inside: number | undefined;
      try {
        inside = this.#supply.take();
        beginConnect(inside, LOOPBACK, this.#port);
      } catch {
        // Nobody is there; whoever connected is told so.
        if (inside !== undefined) syscall("close", inside);
        resetSocket(client);
        continue;
      }
      const target = inside;
      this.#waiting.set(target, client);
      reactor().watch(target, EPOLLOUT, () => this.#connected(target));
    }
  }

  #connected(inside: number): void {
    const client = this.#waiting.get(inside);
    if (client === undefined) return;
    this.#waiting.delete(inside);
    reactor().unwatch(inside);
    if (socketError(inside) !== 0) {
      syscall("close", inside);
      resetSocket(client);
      return;
    }
    try {
      const pump = new SplicePump(client, inside, () => {
        this.#pumps.delete(pump);
        if (this.#pumps.size === 0) this.#idle?.();
      });
      this.#pumps.add(pump);
    } catch {
      // There are no descriptors left for it.
      syscall("close", inside);
      resetSocket(client);
    }
  }

  /**
   * Closes the port, delivers what the sandbox sent before its end, and closes every connection. A
   * client that does not take it has some seconds.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    reactor().close(this.#listener);
    for (const [inside, client] of this.#waiting) {
      reactor().close(inside);
      resetSocket(client);
    }
    for (const pump of [...this.#pumps]) pump.finish();
    if (this.#pumps.size === 0) return;
    // The sandbox, which held the program's loop, is gone.
    reactor().hold();
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      this.#idle = resolve;
      timer = setTimeout(resolve, PATIENCE_MILLISECONDS);
    });
    clearTimeout(timer);
    for (const pump of [...this.#pumps]) pump.close();
    reactor().release();
  }
}

/** How long a client has to take what it was sent. */
const PATIENCE_MILLISECONDS = 2000;
const LARGEST_DATAGRAM = 65_535;
const IDLE_MILLISECONDS = 60_000;

interface UdpClient {
  address: Uint8Array<ArrayBuffer>;
  socket: number;
  last: number;
}

/**
 * Forwards datagrams. Each client has a socket inside of its own, by which answers find back; the
 * one that was silent for the longest time makes room for a new one.
 */
export class UdpForwarder implements Disposable {
  readonly #socket: number;
  readonly #free: number[];
  readonly #all: readonly number[];
  readonly #target: Uint8Array<ArrayBuffer>;
  readonly #clients = new Map<string, UdpClient>();
  readonly #buffer = new Uint8Array(LARGEST_DATAGRAM);
  readonly #from = new Uint8Array(28);
  readonly #fromLength = new Int32Array(1);
  #closed = false;

  /** Takes over a bound socket of the host and datagram sockets of the inside. */
  constructor(socket: number, inside: readonly number[], port: number) {
    if (inside.length === 0) throw new SandboxError("A UDP forwarder needs sockets inside");
    this.#socket = socket;
    this.#all = inside;
    this.#free = [...inside];
    this.#target = socketAddress(LOOPBACK as AddressBytes, port);
    for (const fd of inside) {
      // Only the published port's answers come back by it.
      check(syscall("connect", fd, this.#target, this.#target.length), "connect");
    }
    reactor().watch(socket, EPOLLIN, () => this.#fromHost());
  }

  #client(key: string, address: Uint8Array<ArrayBuffer>): UdpClient {
    const known = this.#clients.get(key);
    if (known !== undefined) return known;
    const now = performance.now();
    if (this.#free.length === 0) {
      let oldest: [string, UdpClient] | undefined;
      for (const entry of this.#clients) {
        if (oldest === undefined || entry[1].last < oldest[1].last) oldest = entry;
        if (now - entry[1].last > IDLE_MILLISECONDS) this.#forget(entry);
      }
      if (this.#free.length === 0) this.#forget(oldest!);
    }
    const client = { address, socket: this.#free.pop()!, last: now };
    // What was still on its way to the client before is not for this one.
    while (rawSyscall(SYS.read, client.socket, this.#buffer, LARGEST_DATAGRAM) >= 0);
    this.#clients.set(key, client);
    reactor().watch(client.socket, EPOLLIN, () => this.#fromInside(client));
    return client;
  }

  #forget([key, { socket }]: [string, UdpClient]): void {
    this.#clients.delete(key);
    reactor().unwatch(socket);
    this.#free.push(socket);
  }

  #fromHost(): void {
    for (let turn = 0; turn < TURNS && !this.#closed; turn++) {
      this.#fromLength[0] = this.#from.length;
      const length = rawSyscall(
        SYS.recvfrom,
        this.#socket,
        this.#buffer,
        LARGEST_DATAGRAM,
        0,
        this.#from,
        this.#fromLength,
      );
      if (length < 0) return;
      const address = this.#from.slice(0, this.#fromLength[0]);
      const client = this.#client(address.join(), address);
      client.last = performance.now();
      // ECONNREFUSED of an earlier one is told by this call; then once more.
      const sent = rawSyscall(SYS.write, client.socket, this.#buffer, length);
      if (sent === -ERRNO.ECONNREFUSED) rawSyscall(SYS.write, client.socket, this.#buffer, length);
    }
  }

  #fromInside(client: UdpClient): void {
    for (let turn = 0; turn < TURNS && !this.#closed; turn++) {
      const length = rawSyscall(SYS.read, client.socket, this.#buffer, LARGEST_DATAGRAM);
      if (length < 0) return;
      client.last = performance.now();
      const { address } = client;
      rawSyscall(SYS.sendto, this.#socket, this.#buffer, length, 0, address, address.length);
    }
  }

  /** Closes the port and all sockets. */
  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const fd of [this.#socket, ...this.#all]) reactor().close(fd);
  }
}
