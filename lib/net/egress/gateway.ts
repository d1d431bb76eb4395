/**
 * Everything outside that serves one sandbox: its listening sockets, made inside, and the gate
 * behind them. What serves a connection is loaded when the first one comes.
 *
 * @module
 */

import { reactor } from "../../agent/reactor.ts";
import { EPOLLIN } from "../../sys/abi/poll.ts";
import { rawSyscall } from "../../sys/libc.ts";
import { SYS } from "../../sys/syscall_numbers.ts";
import type { InsideSockets } from "./inside_sockets.ts";
import type { GateOptions, GateServer, ServedBy } from "./server.ts";

/** What came while the server was being loaded waits in the kernel. */
export class Gateway {
  readonly #sockets: InsideSockets;
  readonly #options: GateOptions;
  #loading: Promise<void> | undefined;
  #server: GateServer | undefined;
  #closed = false;

  /** Takes the sockets over and watches them. */
  constructor(sockets: InsideSockets, options: GateOptions) {
    this.#sockets = sockets;
    this.#options = options;
    for (const fd of this.#fds()) reactor().watch(fd, EPOLLIN, () => this.#wake());
  }

  #fds(): number[] {
    return Object.values(this.#sockets).filter((fd): fd is number => fd !== undefined);
  }

  #wake(): void {
    this.#loading ??= this.#load();
  }

  async #load(): Promise<void> {
    // Level-triggered: they would tell of the same connection again and again meanwhile.
    for (const fd of this.#fds()) reactor().unwatch(fd);
    const { GateServer } = await import("./server.ts");
    if (this.#closed) return;
    this.#server = new GateServer(this.#options);
    const { datagrams, ...listeners } = this.#sockets;
    this.#server.serveNames(datagrams);
    for (const [by, fd] of Object.entries(listeners)) {
      if (fd !== undefined) this.#server.accept(fd, by as ServedBy);
    }
  }

  /** Closes the sockets and everything that came through them. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#server?.close();
    for (const fd of this.#fds()) {
      reactor().unwatch(fd);
      rawSyscall(SYS.close, fd);
    }
  }
}
