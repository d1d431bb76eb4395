/**
 * A system call that a handler in the host program is asked about. There are two kinds of handlers,
 * and a call looks different to each:
 *
 * - one that observes sees registers and memory, and decides nothing: the call is made in any case,
 *   and what it reads may be something else by the time the kernel looks
 * - one that decides sees the registers, on which `proceed` can rest, for nobody can change them any
 *   more; once it has looked into the memory it can only deny, return or inject, for another thread
 *   may write something else there before the kernel reads it
 *
 * seccomp_unotify(2).
 *
 * @module
 */

import { SandboxError } from "../errors.ts";
import { errnoNumber } from "../seccomp/actions.ts";
import { checkKeys } from "../known_keys.ts";
import type { FilterableCall } from "../spec.ts";
import type { ErrnoName } from "../sys/abi/errno.ts";
import { isNotificationValid, type Notification, readProcessMemory } from "../sys/seccomp.ts";
import { decodeSocketAddress, type SocketAddress } from "./socket_address.ts";

export type { SocketAddress };

const PAGE = 4096n, PATH_MAX = 4096;

/** What every handler sees: what the registers hold. */
export interface SupervisedCall {
  /** Its name. */
  readonly name: FilterableCall;
  /** The thread that makes it, as the host numbers it. */
  readonly pid: number;
  /** The six registers. Those that the call does not have hold anything. */
  readonly arguments: readonly bigint[];
  /** An argument that is an `int`, with its sign: a descriptor, a flag. */
  int(argument: number): number;
}

/** What a call points to. All of it is copied when it is asked for, and may be changed right after. */
export interface CallMemory {
  /** Bytes from where an argument points to; an argument's address may be given, too. */
  bytes(argument: number | bigint, length: number): Uint8Array<ArrayBuffer>;
  /** The text up to a zero byte, as a path is: at most 4096 bytes. */
  path(argument: number): string;
  /** The address that connect, bind and sendto take: where it is, and which argument has its length. */
  socketAddress(argument: number, length: number): SocketAddress;
}

/** A call as a handler sees it that decides nothing. */
export interface ObservedCall extends SupervisedCall, CallMemory {}

/** A decision. Made by the methods of a {@linkcode DecidedCall}, and good for that call only. */
export interface Verdict {
  /** @internal What to do. */
  readonly answer:
    | { readonly proceed: true }
    | { readonly errno: number }
    | { readonly value: bigint }
    | { readonly fd: number; readonly closeOnExec: boolean; readonly keep: boolean };
}

/** The decisions that may rest on anything. */
export interface Decisions {
  /** It fails with this errno. */
  deny(errno?: ErrnoName | number): Verdict;
  /** It is not made, and returns this. */
  return(value: number | bigint): Verdict;
  /**
   * It is not made, and returns a duplicate of this program's descriptor, which is closed here then
   * unless it is to be kept.
   */
  inject(fd: number, options?: { closeOnExec?: boolean; keep?: boolean }): Verdict;
}

/** A call's memory, and what can be decided by somebody who has looked into it. */
export interface DecidedMemory extends CallMemory, Decisions {}

/** A call as a handler sees it that decides. */
export interface DecidedCall extends SupervisedCall, Decisions {
  /** It is made, as its registers say. Throws once the memory has been looked into. */
  proceed(): Verdict;
  /** Looks into the memory, which gives `proceed` up. */
  memory(): DecidedMemory;
}

/** Told of every such call before it is made. */
export type ObserveHandler = (call: ObservedCall) => void | Promise<void>;

/** Decides every such call. */
export type DecideHandler = (call: DecidedCall) => Verdict | Promise<Verdict>;

class Registers implements SupervisedCall {
  readonly pid: number;
  readonly arguments: readonly bigint[];

  constructor(readonly name: FilterableCall, { pid, arguments: registers }: Notification) {
    this.pid = pid;
    this.arguments = registers;
  }

  int(argument: number): number {
    return Number(BigInt.asIntN(32, this.arguments[argument]!));
  }
}

/** Memory, read so that it is the caller's: its pid may have become another process's. */
class Memory implements CallMemory {
  readonly #listener: number;
  readonly #notification: Notification;

  constructor(listener: number, notification: Notification) {
    this.#listener = listener;
    this.#notification = notification;
  }

  #read(address: bigint, length: number): Uint8Array<ArrayBuffer> {
    const { id, pid } = this.#notification;
    const bytes = readProcessMemory(pid, address, length);
    // Only now is it known whose memory that was. seccomp_unotify(2).
    if (isNotificationValid(this.#listener, id)) return bytes;
    throw new SandboxError("The system call has ended while its memory was read");
  }

  bytes(argument: number | bigint, length: number): Uint8Array<ArrayBuffer> {
    const address = typeof argument === "bigint"
      ? argument
      : this.#notification.arguments[argument]!;
    const bytes = this.#read(address, length);
    if (bytes.length === length) return bytes;
    throw new SandboxError(`Only ${bytes.length} of ${length} bytes are mapped there`);
  }

  path(argument: number): string {
    const start = this.#notification.arguments[argument]!;
    const whole = new Uint8Array(PATH_MAX);
    let length = 0;
    while (length < PATH_MAX) {
      // Up to the end of the page, for the next one may not be there.
      const address = start + BigInt(length);
      const rest = Math.min(Number(PAGE - (address % PAGE)), PATH_MAX - length);
      const bytes = this.#read(address, rest);
      whole.set(bytes, length);
      const end = bytes.indexOf(0);
      if (end >= 0) return new TextDecoder().decode(whole.subarray(0, length + end));
      length += bytes.length;
    }
    throw new SandboxError(`The path is longer than ${PATH_MAX} bytes`);
  }

  socketAddress(argument: number, length: number): SocketAddress {
    const size = Number(BigInt.asUintN(32, this.#notification.arguments[length]!));
    // struct sockaddr_storage is the largest.
    if (size > 128) throw new SandboxError(`${size} bytes are no socket address`);
    return decodeSocketAddress(this.bytes(argument, size));
  }
}

const decisions: Decisions = {
  deny(errno = "EPERM") {
    const number = errnoNumber(errno);
    if (number === undefined || number === 0) throw new TypeError(`${errno} is no errno`);
    return { answer: { errno: number } };
  },
  return(value) {
    return { answer: { value: BigInt(value) } };
  },
  inject(fd, options = {}) {
    checkKeys(options, "inject", ["closeOnExec", "keep"]);
    const { closeOnExec = true, keep = false } = options;
    if (!Number.isInteger(fd) || fd < 0) throw new TypeError(`${fd} is no descriptor`);
    return { answer: { fd, closeOnExec, keep } };
  },
};

/** The call for a handler that observes. */
export function observedCall(
  name: FilterableCall,
  notification: Notification,
  listener: number,
): ObservedCall {
  const memory = new Memory(listener, notification);
  return Object.assign(new Registers(name, notification), {
    bytes: memory.bytes.bind(memory),
    path: memory.path.bind(memory),
    socketAddress: memory.socketAddress.bind(memory),
  });
}

/** The call for a handler that decides, and whether it has looked into the memory by now. */
export function decidedCall(
  name: FilterableCall,
  notification: Notification,
  listener: number,
): { call: DecidedCall; hasRead: () => boolean } {
  let hasRead = false;
  const call = Object.assign(new Registers(name, notification), decisions, {
    proceed(): Verdict {
      if (hasRead) {
        throw new TypeError(
          "proceed() cannot rest on memory, which may change before the kernel reads it; deny, return or inject",
        );
      }
      return { answer: { proceed: true } };
    },
    memory(): DecidedMemory {
      hasRead = true;
      const memory = new Memory(listener, notification);
      return {
        ...decisions,
        bytes: memory.bytes.bind(memory),
        path: memory.path.bind(memory),
        socketAddress: memory.socketAddress.bind(memory),
      };
    },
  });
  return { call, hasRead: () => hasRead };
}
