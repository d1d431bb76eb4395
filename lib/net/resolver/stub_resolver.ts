/**
 * A resolver that a sandbox asks on its own loopback device, and that answers from out here: names
 * of the sandboxes on its bridge, and everything else by asking the host's name servers. So it does
 * not matter whether those can be reached from inside, or are a stub on the host's loopback.
 *
 * @module
 */

import { reactor } from "../../agent/reactor.ts";
import { EPOLLIN, EPOLLOUT } from "../../sys/abi/poll.ts";
import { check, rawSyscall, syscall } from "../../sys/libc.ts";
import { SYS } from "../../sys/syscall_numbers.ts";
import { type AddressBytes, familyOf, parseAddress, socketAddress } from "../ip_address.ts";
import {
  acceptSocket,
  beginConnect,
  bindSocket,
  DATAGRAM,
  socketError,
  STREAM,
} from "../socket.ts";
import { SplicePump } from "../splice_pump.ts";
import { decodeQuestion, encodeAnswer, NAME_ERROR, SERVER_FAILURE } from "./dns_message.ts";

/** Where it is asked. systemd-resolved has the same, in its own namespace. */
export const STUB_ADDRESS = "127.0.0.53";

const DNS_PORT = 53;
const LARGEST = 65_535;
/** Questions that are on their way to a name server. */
const MOST_OPEN = 256;
const MOST_CONNECTIONS = 32;
const PATIENCE_MILLISECONDS = 2500;
/** Until the next try, when this program has all the descriptors that it may have. */
const PAUSE_MILLISECONDS = 100;

/** What a resolver answers from. */
export interface StubResolverInit {
  /** Addresses of a local name in lower case; `undefined` where it is not known here. */
  names(name: string): readonly AddressBytes[] | undefined;
  /** The name servers, as IP addresses. */
  nameservers: readonly string[];
}

/** The name servers in a resolv.conf(5). */
export function parseNameservers(text: string): string[] {
  return text.split("\n").flatMap((line) => {
    const address = /^\s*nameserver\s+(\S+)/.exec(line)?.[1];
    return address !== undefined && parseAddress(address) !== undefined ? [address] : [];
  });
}

/** The host's name servers, as they are now. */
export function hostNameservers(): string[] {
  try {
    return parseNameservers(Deno.readTextFileSync("/etc/resolv.conf"));
  } catch {
    return [];
  }
}

interface Open {
  socket: number;
  query: Uint8Array<ArrayBuffer>;
  from: Uint8Array<ArrayBuffer>;
  next: number;
  timer: ReturnType<typeof setTimeout>;
}

/** Answers the questions of one sandbox. */
export class StubResolver implements Disposable {
  readonly #udp: number;
  readonly #tcp: number;
  readonly #init: StubResolverInit;
  readonly #open = new Map<number, Open>();
  readonly #pumps = new Set<SplicePump>();
  readonly #waiting = new Map<number, number>();
  readonly #buffer = new Uint8Array(LARGEST);
  readonly #from = new Uint8Array(28);
  readonly #fromLength = new Int32Array(1);
  #closed = false;

  private constructor(udp: number, tcp: number, init: StubResolverInit) {
    this.#udp = udp;
    this.#tcp = tcp;
    this.#init = init;
    reactor().watch(udp, EPOLLIN, () => this.#asked());
    reactor().watch(tcp, EPOLLIN, () => this.#accept());
  }

  /** Takes over two sockets of a namespace whose loopback device is up, and begins to answer. */
  static open(
    { udp, tcp }: { udp: number; tcp: number },
    init: StubResolverInit,
  ): StubResolver {
    const address = parseAddress(STUB_ADDRESS)!;
    try {
      for (const fd of [udp, tcp]) bindSocket(fd, address, DNS_PORT);
      check(syscall("listen", tcp, MOST_CONNECTIONS), "listen", { path: STUB_ADDRESS });
      return new StubResolver(udp, tcp, init);
    } catch (error) {
      for (const fd of [udp, tcp]) syscall("close", fd);
      throw error;
    }
  }

  #receive(fd: number): Uint8Array<ArrayBuffer> | undefined {
    this.#fromLength[0] = this.#from.length;
    const { recvfrom } = SYS;
    const length = rawSyscall(recvfrom, fd, this.#buffer, LARGEST, 0, this.#from, this.#fromLength);
    return length < 0 ? undefined : this.#buffer.slice(0, length);
  }

  #asked(): void {
    for (let turn = 0; turn < MOST_OPEN && !this.#closed; turn++) {
      const query = this.#receive(this.#udp);
      if (query === undefined) return;
      const from = this.#from.slice(0, this.#fromLength[0]);
      const question = decodeQuestion(query);
      if (question === undefined) continue;
      let known: readonly AddressBytes[] | undefined;
      try {
        known = this.#init.names(question.name);
      } catch {
        // Nothing thrown here may end the loop that all sandboxes of this program wait in.
        this.#fail(query, from);
        continue;
      }
      if (known !== undefined) this.#say(encodeAnswer(query, question, known), from);
      // A name without a dot is somebody's near here, or nobody's. The root's servers need not know.
      else if (!question.name.includes(".")) {
        this.#say(encodeAnswer(query, question, [], NAME_ERROR), from);
      } else this.#ask(query, from, 0);
    }
  }

  #say(answer: Uint8Array<ArrayBuffer>, to: Uint8Array<ArrayBuffer>): void {
    if (this.#closed) return;
    rawSyscall(SYS.sendto, this.#udp, answer, answer.length, 0, to, to.length);
  }

  #fail(query: Uint8Array<ArrayBuffer>, from: Uint8Array<ArrayBuffer>): void {
    const question = decodeQuestion(query);
    if (question) this.#say(encodeAnswer(query, question, [], SERVER_FAILURE), from);
  }

  /** Asks a name server: the `next` one of the list. */
  #ask(query: Uint8Array<ArrayBuffer>, from: Uint8Array<ArrayBuffer>, next: number): void {
    const server = this.#init.nameservers[next];
    const address = server === undefined ? undefined : parseAddress(server);
    if (address === undefined || this.#open.size >= MOST_OPEN) return this.#fail(query, from);
    const socket = syscall("socket", familyOf(address), DATAGRAM, 0);
    if (socket < 0) return this.#fail(query, from);
    // Connected: only that server's answers come in, and each question has a port of its own.
    const target = socketAddress(address, DNS_PORT);
    if (
      syscall("connect", socket, target, target.length) < 0 ||
      rawSyscall(SYS.write, socket, query, query.length) < 0
    ) {
      syscall("close", socket);
      return this.#ask(query, from, next + 1);
    }
    const timer = setTimeout(() => this.#give(socket, undefined), PATIENCE_MILLISECONDS);
    Deno.unrefTimer(timer as unknown as number);
    this.#open.set(socket, { socket, query, from, next, timer });
    reactor().watch(socket, EPOLLIN, () => {
      const length = rawSyscall(SYS.read, socket, this.#buffer, LARGEST);
      this.#give(socket, length < 0 ? undefined : this.#buffer.slice(0, length));
    });
  }

  /** Hands an answer on, or asks the next server where there was none. */
  #give(socket: number, answer: Uint8Array<ArrayBuffer> | undefined): void {
    const open = this.#open.get(socket);
    if (open === undefined) return;
    const { query } = open;
    if (answer !== undefined && (answer[0] !== query[0] || answer[1] !== query[1])) return;
    this.#open.delete(socket);
    clearTimeout(open.timer);
    reactor().close(socket);
    if (answer === undefined) this.#ask(query, open.from, open.next + 1);
    else this.#say(answer, open.from);
  }

  /** Long answers come over a connection, which is joined with one to the first name server. */
  #accept(): void {
    const client = acceptSocket(this.#tcp);
    if (client === undefined) return;
    if (client < 0) {
      reactor().unwatch(this.#tcp);
      const again = () => this.#closed || reactor().watch(this.#tcp, EPOLLIN, () => this.#accept());
      Deno.unrefTimer(setTimeout(again, PAUSE_MILLISECONDS) as unknown as number);
      return;
    }
    const server = this.#init.nameservers[0];
    const address = server === undefined ? undefined : parseAddress(server);
    const full = this.#pumps.size + this.#waiting.size >= MOST_CONNECTIONS;
    const target = address === undefined || full
      ? -1
      : syscall("socket", familyOf(address), STREAM, 0);
    try {
      if (target < 0) throw new Error("no name server");
      beginConnect(target, address!, DNS_PORT);
    } catch {
      if (target >= 0) syscall("close", target);
      syscall("close", client);
      return;
    }
    this.#waiting.set(target, client);
    reactor().watch(target, EPOLLOUT, () => {
      this.#waiting.delete(target);
      reactor().unwatch(target);
      if (socketError(target) !== 0) {
        syscall("close", target);
        syscall("close", client);
        return;
      }
      const pump = new SplicePump(client, target, () => this.#pumps.delete(pump));
      this.#pumps.add(pump);
    });
  }

  /** Ends it; what is asked now is never answered. */
  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const { socket, timer } of this.#open.values()) {
      clearTimeout(timer);
      reactor().close(socket);
    }
    for (const [target, client] of this.#waiting) {
      reactor().close(target);
      syscall("close", client);
    }
    for (const pump of [...this.#pumps]) pump.close();
    reactor().close(this.#udp);
    reactor().close(this.#tcp);
  }
}
