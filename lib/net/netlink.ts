/**
 * A connection with the kernel's network configuration: requests and their acknowledgements over a
 * netlink socket. netlink(7).
 *
 * A socket belongs to the network namespace that it was made in, whoever holds it; so a socket made
 * inside of a sandbox and passed out configures the sandbox's network from here, and no thread of
 * this program ever changes its namespace.
 *
 * The kernel works on a request while it is being sent, and the answer is there when the call
 * returns. So nothing here is asynchronous: there is nothing to wait for.
 *
 * @module
 */

import { NetlinkError, SandboxError, SyscallError } from "../errors.ts";
import { ERRNO } from "../sys/abi/errno.ts";
import {
  NETLINK_CAP_ACK,
  NETLINK_EXT_ACK,
  NETLINK_GET_STRICT_CHK,
  NETLINK_ROUTE,
  NLM_F_ACK,
  NLM_F_ACK_TLVS,
  NLM_F_CAPPED,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSG_MIN_TYPE,
  NLMSGERR_ATTR_MSG,
  NLMSGERR_ATTR_OFFS,
  SOL_NETLINK,
} from "../sys/abi/netlink.ts";
import { POLLIN } from "../sys/abi/poll.ts";
import { AF_NETLINK, MSG_DONTWAIT, MSG_TRUNC, SOCK_CLOEXEC, SOCK_RAW } from "../sys/abi/socket.ts";
import { check, rawSyscall, syscall } from "../sys/libc.ts";
import { SYS } from "../sys/syscall_numbers.ts";
import {
  Attributes,
  decodeMessages,
  HEADER_SIZE,
  type MessageBuilder,
  type NetlinkMessage,
} from "./message.ts";

/** What makes system calls: `ctx.inside`, or this program itself. */
export interface SocketMaker {
  /** Makes a system call that gives a descriptor, and resolves to that descriptor here. */
  descriptor(name: "socket", ...args: number[]): Promise<number>;
}

/** How errors tell about a request. */
export interface RequestAbout {
  /** The message's type as rtnetlink(7) spells it. */
  request: string;
  /** What it is about, e.g. a device's name. */
  subject?: string;
  /** What to do, by the errno's name. */
  hints?: Readonly<Record<string, string>>;
}

// The kernel fills at most 32 KiB with one part of a list.
const ROOM = 64 * 1024;
const PATIENCE_SECONDS = 5n;
/** How often a list is asked for again that changed while it was read. */
const MOST_TRIES = 20;

let sequence = 0;

/**
 * A netlink socket and its conversation.
 *
 * ```ts
 * import { MessageBuilder, Netlink } from "@paddock/paddock/net";
 *
 * using netlink = Netlink.open();
 * // RTM_GETLINK of all devices: an empty struct ifinfomsg.
 * const devices = netlink.dump(new MessageBuilder(18).pad(16), { request: "RTM_GETLINK" });
 * console.log(devices.length > 0); // lo at least
 * ```
 */
export class Netlink implements Disposable {
  #fd: number;
  readonly #buffer = new Uint8Array(ROOM);
  readonly #from = new Uint8Array(12);
  readonly #fromLength = new Uint32Array(1);

  /** Takes over a netlink socket and asks the kernel to explain its errors. */
  constructor(fd: number) {
    this.#fd = fd;
    const on = new Int32Array([1]);
    for (const option of [NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK]) {
      syscall("setsockopt", fd, SOL_NETLINK, option, on, 4);
    }
  }

  /**
   * Opens a connection in the namespace of this thread.
   *
   * Permissions: `--allow-ffi`. Source: netlink(7).
   *
   * @param protocol `NETLINK_ROUTE` (default), `NETLINK_NETFILTER`, ...
   */
  static open(protocol: number = NETLINK_ROUTE): Netlink {
    const fd = syscall("socket", AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
    return new Netlink(check(fd, "socket", { flags: "AF_NETLINK" }));
  }

  /** Opens a connection in the namespace of `maker`, e.g. `ctx.inside` of a `networkSetup` hook. */
  static async openIn(maker: SocketMaker, protocol: number = NETLINK_ROUTE): Promise<Netlink> {
    const type = SOCK_RAW | SOCK_CLOEXEC;
    return new Netlink(await maker.descriptor("socket", AF_NETLINK, type, protocol));
  }

  /** The socket, for calls that are not here; -1 once it is closed. */
  get fd(): number {
    return this.#fd;
  }

  /**
   * Sends a request and returns what the kernel answered besides its acknowledgement. Errors:
   * {@linkcode NetlinkError} with the kernel's own words.
   */
  request(message: MessageBuilder, about: RequestAbout): NetlinkMessage[] {
    message.flags |= NLM_F_ACK;
    const number = ++sequence >>> 0;
    const bytes = message.finish(number);
    this.send(bytes);
    const answers: NetlinkMessage[] = [];
    for (;;) {
      for (const answer of this.receive()) {
        if (answer.sequence !== number) continue;
        if (answer.type !== NLMSG_ERROR) {
          if (answer.type >= NLMSG_MIN_TYPE) answers.push(answer);
          continue;
        }
        const error = decodeError(answer, about);
        if (error !== undefined) throw error;
        return answers;
      }
    }
  }

  /** Asks for a list and returns all of it, from one moment. Errors: {@linkcode NetlinkError}. */
  dump(message: MessageBuilder, about: RequestAbout): NetlinkMessage[] {
    message.flags |= NLM_F_DUMP;
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const { answers, interrupted } = this.#dump(message, about);
      if (!interrupted) return answers;
    }
    throw new NetlinkError({
      ...about,
      errno: ERRNO.EINTR,
      hint: `the list changed ${MOST_TRIES} times while it was read; try again`,
    });
  }

  #dump(message: MessageBuilder, about: RequestAbout) {
    const number = ++sequence >>> 0;
    this.send(message.finish(number));
    const answers: NetlinkMessage[] = [];
    let interrupted = false;
    for (;;) {
      for (const answer of this.receive()) {
        if (answer.sequence !== number) continue;
        if (answer.flags & NLM_F_DUMP_INTR) interrupted = true;
        if (answer.type === NLMSG_ERROR || answer.type === NLMSG_DONE) {
          const error = decodeError(answer, about);
          if (error !== undefined) throw error;
          return { answers, interrupted };
        }
        answers.push(answer);
      }
    }
  }

  /**
   * Sends bytes that hold whole messages. For what has no plain acknowledgement, such as the
   * batches of nfnetlink; else use {@linkcode Netlink.request}.
   */
  send(bytes: Uint8Array<ArrayBuffer>): void {
    const fd = this.#fd;
    if (fd < 0) throw new SandboxError("The netlink connection is closed");
    let sent: number;
    do sent = syscall("sendto", fd, bytes, bytes.length, 0, 0, 0); while (sent === -ERRNO.EINTR);
    check(sent, "sendto", { path: "a netlink socket" });
  }

  /**
   * What one receive gives, as copies. The kernel's answer is there already; so when nothing is,
   * after some seconds, that is an error.
   */
  receive(): NetlinkMessage[] {
    const buffer = this.#buffer;
    for (;;) {
      this.#fromLength[0] = this.#from.length;
      const flags = MSG_DONTWAIT | MSG_TRUNC;
      const length = rawSyscall(
        SYS.recvfrom,
        this.#fd,
        buffer,
        buffer.length,
        flags,
        this.#from,
        this.#fromLength,
      );
      if (length === -ERRNO.EINTR) continue;
      if (length === -ERRNO.EAGAIN) {
        this.#wait();
        continue;
      }
      check(length, "recvfrom", { path: "a netlink socket" });
      // Only the kernel has the address 0; others who may send here are not to be believed.
      if (new DataView(this.#from.buffer).getUint32(4, true) !== 0) continue;
      if (length > buffer.length) {
        throw new SandboxError(
          `A netlink answer of ${length} bytes; ${buffer.length} were expected`,
        );
      }
      return decodeMessages(buffer.slice(0, length));
    }
  }

  #wait(): void {
    const poll = new Uint8Array(8);
    const view = new DataView(poll.buffer);
    view.setInt32(0, this.#fd, true);
    view.setInt16(4, POLLIN, true);
    const ready = syscall("ppoll", poll, 1, new BigInt64Array([PATIENCE_SECONDS, 0n]), 0, 8);
    if (ready === 0) {
      throw new SandboxError(`The kernel did not answer over netlink in ${PATIENCE_SECONDS} s`);
    }
    if (ready < 0 && ready !== -ERRNO.EINTR) {
      throw new SyscallError({ syscall: "ppoll", errno: -ready });
    }
  }

  /** Closes the socket; twice is once. */
  close(): void {
    if (this.#fd >= 0) syscall("close", this.#fd);
    this.#fd = -1;
  }

  /** Closes the socket at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * The error in an acknowledgement (`NLMSG_ERROR`, or the end of a list), or `undefined` for
 * success.
 */
export function decodeError(
  { type, flags, payload }: NetlinkMessage,
  about: RequestAbout,
): NetlinkError | undefined {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const errno = payload.length < 4 ? 0 : -view.getInt32(0, true);
  if (errno <= 0) return undefined;
  // Behind the error is the request's header, with all of the request unless it is capped.
  let from = 4;
  if (type === NLMSG_ERROR) {
    from += HEADER_SIZE;
    if (!(flags & NLM_F_CAPPED) && payload.length >= 8) {
      // Bit operations make a negative number of a length beyond 2 GiB.
      from = 4 + (((view.getUint32(4, true) + 3) & ~3) >>> 0);
    }
  }
  const explained = (flags & NLM_F_ACK_TLVS) !== 0 && from <= payload.length;
  const attributes = explained ? new Attributes(payload, from) : undefined;
  const error = new NetlinkError({ request: about.request, errno });
  return new NetlinkError({
    request: about.request,
    subject: about.subject,
    errno,
    detail: attributes?.text(NLMSGERR_ATTR_MSG),
    offset: attributes?.u32(NLMSGERR_ATTR_OFFS),
    hint: about.hints?.[error.code],
  });
}
