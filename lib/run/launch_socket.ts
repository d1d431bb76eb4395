/**
 * This program's end of a launch's socket. Nobody else holds it, so its hang-up tells the sandbox
 * that this program is gone. What comes in are records, descriptors, and answers to hooks.
 *
 * @module
 */

import { type AgentEvent, decodeEvent, EVENT_SIZE } from "../agent/event.ts";
import { receive, send } from "../agent/fd_passing.ts";
import { HOOK_SIZE } from "../agent/layout.ts";
import { reactor } from "../agent/reactor.ts";
import { EPOLLIN } from "../sys/abi/poll.ts";
import { check, syscall } from "../sys/libc.ts";

/** What came back to a message. */
export interface Reply {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly fds: number[];
}

const record = new Uint8Array(EVENT_SIZE);

/** One launch's socket; whoever has it closes it. */
export class LaunchSocket {
  readonly #fd: number;
  readonly #told: (event: AgentEvent, fds: readonly number[]) => void;
  readonly #hungUp: () => void;
  #answer: { resolve: (reply: Reply) => void; reject: (error: Error) => void } | undefined;
  #watching = false;
  #watchesAlways = false;
  #open = true;

  /** `told` gets each record with its descriptors, `hungUp` is called when the other end is closed. */
  constructor(
    fd: number,
    told: (event: AgentEvent, fds: readonly number[]) => void,
    hungUp: () => void,
  ) {
    this.#fd = fd;
    this.#told = told;
    this.#hungUp = hungUp;
  }

  /** The descriptor, for whoever hands it over. */
  get fd(): number {
    return this.#fd;
  }

  /** Reads all that has come. */
  drain(): void {
    const buffer = this.#answer ? new Uint8Array(HOOK_SIZE) : record;
    while (this.#open) {
      const { length, fds } = receive(this.#fd, buffer);
      if (length === 0) this.unwatch();
      if (length === 0) this.#hungUp();
      if (length <= 0) return;
      const event = decodeEvent(buffer);
      if (event.kind === 0 && this.#answer) {
        const { resolve } = this.#answer;
        this.#answer = undefined;
        if (!this.#watchesAlways) this.unwatch();
        resolve({ bytes: buffer.slice(0, length), fds });
      } else this.#told(event, fds);
    }
  }

  /** Reads from now on whenever something comes; needed only where the status pipe does not tell. */
  watch(always = false): void {
    this.#watchesAlways ||= always;
    if (this.#watching || !this.#open) return;
    this.#watching = true;
    reactor().watch(this.#fd, EPOLLIN, () => this.drain());
  }

  /** Ends {@linkcode watch}. */
  unwatch(): void {
    if (!this.#watching) return;
    this.#watching = false;
    reactor().unwatch(this.#fd);
  }

  /** Sends a message, maybe with descriptors: minus an errno, or the bytes that were sent. */
  trySend(message: Uint8Array<ArrayBuffer>, fds: readonly number[] = []): number {
    return send(this.#fd, message, fds);
  }

  /** Sends a message, maybe with descriptors. */
  send(message: Uint8Array<ArrayBuffer>, fds: readonly number[] = []): void {
    check(this.trySend(message, fds), "sendmsg", { path: "the sandbox's socket" });
  }

  /** Sends a message and resolves to what comes back. */
  exchange(message: Uint8Array<ArrayBuffer>): Promise<Reply> {
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    this.#answer = { resolve, reject };
    this.send(message);
    this.watch();
    return promise;
  }

  /** Whoever waits for an answer gets none. */
  fail(error: Error): void {
    this.#answer?.reject(error);
  }

  /** Closes it. */
  close(): void {
    if (!this.#open) return;
    this.unwatch();
    this.#open = false;
    syscall("close", this.#fd);
  }
}
