/**
 * Accepts what comes to a sandbox's sockets and hands each connection to who serves it; never more
 * at a time than the limit, the rest waits in the kernel.
 *
 * @module
 */

import { reactor } from "../../agent/reactor.ts";
import { ERRNO } from "../../sys/abi/errno.ts";
import { EPOLLIN } from "../../sys/abi/poll.ts";
import { SOCK_CLOEXEC, SOCK_NONBLOCK } from "../../sys/abi/socket.ts";
import { rawSyscall } from "../../sys/libc.ts";
import { SYS } from "../../sys/syscall_numbers.ts";
import { Bandwidth } from "./bandwidth.ts";
import { Connection } from "./connection.ts";
import type { DecisionLog } from "./decision_log.ts";
import { tune } from "./dial.ts";
import { Gate } from "./gate.ts";
import { serveHttp } from "./http_proxy.ts";
import { serveDatagrams, serveStream } from "./name_server.ts";
import type { EgressPolicy } from "./policy.ts";
import { serveRedirected } from "./redirected.ts";
import { type Lookup, Resolver } from "./resolver.ts";
import { decodeSocketAddress, SOCKET_ADDRESS_SIZE } from "./socket_address.ts";
import { SOCKS5 } from "./socks5.ts";
import { serveSocks } from "./socks_proxy.ts";

/** How a gate is set up. */
export interface GateOptions {
  readonly policy: EgressPolicy;
  readonly log: DecisionLog;
  /** How names are looked up outside. Default: as this machine does. */
  readonly lookup?: Lookup;
  /** The addresses of names that are reached without the gate. */
  readonly neighbours?: (name: string) => readonly Uint8Array[] | undefined;
  /** Bytes per second. */
  readonly bandwidth?: { readonly up?: number; readonly down?: number };
  /** The most connections at a time. */
  readonly maxConnections: number;
  /** Milliseconds that a client may take to say what it wants. */
  readonly patience: number;
}

/** What a listening socket is for. */
export type ServedBy = "names" | "proxy" | "redirect4" | "redirect6";

const ACCEPTS_A_TURN = 64;
/** How long to wait for descriptors when this program has none left. */
const SHORTAGE = 200;

/** Serves one sandbox. */
export class GateServer {
  readonly #gate: Gate;
  readonly #most: number;
  readonly #clients = new Set<Connection>();
  readonly #listeners = new Map<number, ServedBy>();
  #paused = false;
  #shortage: ReturnType<typeof setTimeout> | undefined;
  #endNames: (() => void) | undefined;
  #closed = false;

  /** Opens the gate. */
  constructor(
    { policy, log, lookup, neighbours, bandwidth, maxConnections, patience }: GateOptions,
  ) {
    const cap = (rate?: number) => rate === undefined ? undefined : new Bandwidth(rate);
    this.#gate = new Gate({
      policy,
      log,
      resolver: new Resolver(lookup),
      neighbours,
      up: cap(bandwidth?.up),
      down: cap(bandwidth?.down),
      patience,
    });
    this.#most = maxConnections;
  }

  /** Answers questions for names over UDP; the descriptor stays the caller's. */
  serveNames(fd: number): void {
    this.#endNames = serveDatagrams(this.#gate, fd);
  }

  /** Accepts connections; the descriptor stays the caller's. */
  accept(fd: number, by: ServedBy): void {
    this.#listeners.set(fd, by);
    this.#watch(fd);
  }

  #watch(fd: number): void {
    reactor().watch(fd, EPOLLIN, () => this.#acceptSome(fd));
  }

  #acceptSome(fd: number): void {
    const by = this.#listeners.get(fd)!;
    for (let turn = 0; turn < ACCEPTS_A_TURN; turn++) {
      if (this.#clients.size >= this.#most) return this.#pause();
      const accepted = rawSyscall(SYS.accept4, fd, 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (accepted >= 0) this.#take(accepted, by);
      else if (accepted === -ERRNO.EAGAIN) return;
      else if (accepted !== -ERRNO.EINTR && accepted !== -ERRNO.ECONNABORTED) {
        // No descriptors or no memory: what is there now has to end first.
        this.#pause();
        this.#shortage ??= setTimeout(() => this.#resume(), SHORTAGE);
        return;
      }
    }
  }

  #pause(): void {
    this.#paused = true;
    for (const fd of this.#listeners.keys()) reactor().unwatch(fd);
  }

  #resume(): void {
    clearTimeout(this.#shortage);
    this.#shortage = undefined;
    if (!this.#paused || this.#closed) return;
    this.#paused = false;
    for (const fd of this.#listeners.keys()) this.#watch(fd);
  }

  #take(fd: number, by: ServedBy): void {
    tune(fd);
    const client = new Connection(fd);
    this.#clients.add(client);
    this.#serve(client, by)
      // Whatever goes wrong with one connection is that connection's end, and nobody else's.
      .catch(() => client.reset())
      .finally(() => {
        client.close();
        this.#clients.delete(client);
        if (this.#paused && this.#shortage === undefined) this.#resume();
      });
  }

  async #serve(client: Connection, by: ServedBy): Promise<void> {
    if (by === "names") return await serveStream(this.#gate, client);
    if (by === "proxy") {
      client.expire(this.#gate.patience);
      if (!await client.more()) return;
      return await (client.waiting[0] === SOCKS5
        ? serveSocks(this.#gate, client)
        : serveHttp(this.#gate, client, {}));
    }
    const name = new Uint8Array(SOCKET_ADDRESS_SIZE);
    rawSyscall(SYS.getsockname, client.fd, name, new Int32Array([name.length]));
    const original = decodeSocketAddress(name);
    if (original === undefined) return client.reset();
    await serveRedirected(this.#gate, client, original.address, original.port);
  }

  /** Ends everything but the listening sockets. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#shortage);
    this.#endNames?.();
    for (const fd of this.#listeners.keys()) reactor().unwatch(fd);
    for (const client of this.#clients) client.reset();
    this.#gate.close();
  }
}
