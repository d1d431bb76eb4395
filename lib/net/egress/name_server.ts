/**
 * The resolver inside: answers for names that may be reached, by addresses that stand for them, and
 * denies all others. No question ever leaves the machine by it but the host's own, for a name that
 * is allowed.
 *
 * @module
 */

import { reactor } from "../../agent/reactor.ts";
import { ERRNO } from "../../sys/abi/errno.ts";
import { EPOLLIN } from "../../sys/abi/poll.ts";
import { MSG_DONTWAIT, MSG_NOSIGNAL } from "../../sys/abi/socket.ts";
import { rawSyscall } from "../../sys/libc.ts";
import { SYS } from "../../sys/syscall_numbers.ts";
import { addressFromBytes } from "./address.ts";
import type { Connection } from "./connection.ts";
import {
  type BadQuery,
  encodeName,
  encodeResponse,
  parseQuery,
  type Query,
  RecordType,
  ResponseCode,
} from "./dns_message.ts";
import type { Gate } from "./gate.ts";
import { parseHost } from "./host_name.ts";
import { SOCKET_ADDRESS_SIZE } from "./socket_address.ts";

const DATAGRAM = 4096;
const MOST_AT_A_TIME = 256;
const DATAGRAMS_A_TURN = 64;
const TCP_PATIENCE = 10_000;
/** An answer is good for so many seconds inside. */
const TTL = 60;

const { NO_ERROR, NAME_ERROR, SERVER_FAILURE } = ResponseCode;

/** The name of an address, from `4.3.2.1.in-addr.arpa`. */
function reverse(gate: Gate, name: string): string | undefined {
  const bytes = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\.in-addr\.arpa$/i.exec(name)?.slice(1).map(Number);
  return bytes && gate.names.nameOf(addressFromBytes(Uint8Array.from(bytes.reverse())));
}

async function respond(gate: Gate, query: Query): Promise<Uint8Array<ArrayBuffer>> {
  if (query.type === RecordType.PTR) {
    const name = reverse(gate, query.name);
    return name === undefined
      ? encodeResponse(query, NAME_ERROR)
      : encodeResponse(query, NO_ERROR, [encodeName(name)], TTL);
  }
  const host = parseHost(query.name);
  const asked = { protocol: "dns", host: host ?? { name: query.name }, port: 0 } as const;
  const isAddress = query.type === RecordType.A;
  if (host?.name === undefined) {
    if (isAddress) gate.deny(asked, "it is no host name");
    return encodeResponse(query, NAME_ERROR);
  }
  const near = gate.neighbours?.(host.name);
  if (near !== undefined) {
    const size = isAddress ? 4 : query.type === RecordType.AAAA ? 16 : 0;
    return encodeResponse(query, NO_ERROR, near.filter(({ length }) => length === size), 1);
  }
  const answer = gate.policy.listed({ ...asked, host });
  // A callback decides when a connection is made; until then, a name is only a name.
  const later = answer.verdict === "deny" && gate.policy.asks &&
    gate.policy.denied({ ...asked, host }) === undefined;
  if (answer.verdict === "deny" && !later) {
    // Programs ask for both kinds of addresses at once: one line is enough.
    if (isAddress) gate.log.add(asked, answer);
    return encodeResponse(query, NAME_ERROR);
  }
  // Everything is reached over IPv4 inside; how it is reached outside is the host's matter.
  if (!isAddress) return encodeResponse(query, NO_ERROR);
  if (!later) {
    const resolved = await gate.resolver.resolve(host.name);
    if ("error" in resolved) {
      gate.log.add(asked, { ...answer, reason: `${answer.reason}, but ${resolved.error}` });
      const temporary = /EAI_(AGAIN|FAIL|MEMORY|SYSTEM)|too many/.test(resolved.error);
      return encodeResponse(query, temporary ? SERVER_FAILURE : NAME_ERROR);
    }
    const refusals = resolved.addresses.map((address) => gate.policy.refusal(address));
    if (refusals.every((reason) => reason !== undefined)) {
      gate.deny(asked, refusals[0]!);
      return encodeResponse(query, NAME_ERROR);
    }
    gate.log.add(asked, answer);
  }
  return encodeResponse(query, NO_ERROR, [gate.names.of(host.name).bytes], TTL);
}

async function serve(gate: Gate, bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const query: Query | BadQuery | undefined = parseQuery(bytes);
  if (query === undefined) return undefined;
  if ("code" in query) return encodeResponse(query, query.code);
  try {
    return await respond(gate, query);
  } catch {
    return encodeResponse(query, SERVER_FAILURE);
  }
}

/** Serves questions over UDP; returns what ends that. The descriptor stays the caller's. */
export function serveDatagrams(gate: Gate, fd: number): () => void {
  let running = 0, open = true;
  const answerLater = async (bytes: Uint8Array, peer: Uint8Array<ArrayBuffer>): Promise<void> => {
    running++;
    const response = await serve(gate, bytes);
    running--;
    if (response === undefined || !open) return;
    rawSyscall(
      SYS.sendto,
      fd,
      response,
      response.length,
      MSG_DONTWAIT | MSG_NOSIGNAL,
      peer,
      peer.length,
    );
  };
  const read = (): void => {
    const buffer = new Uint8Array(DATAGRAM), peer = new Uint8Array(SOCKET_ADDRESS_SIZE);
    const size = new Int32Array(1);
    for (let turn = 0; turn < DATAGRAMS_A_TURN; turn++) {
      size[0] = peer.length;
      const length = rawSyscall(SYS.recvfrom, fd, buffer, buffer.length, MSG_DONTWAIT, peer, size);
      if (length < 0 && length !== -ERRNO.EINTR) return;
      // Too many at a time: whoever asked asks again.
      if (length <= 0 || running >= MOST_AT_A_TIME) continue;
      answerLater(buffer.slice(0, length), peer.slice(0, size[0])).catch(() => {});
    }
  };
  reactor().watch(fd, EPOLLIN, read);
  return () => {
    open = false;
    reactor().unwatch(fd);
  };
}

/** Serves questions of one TCP connection, one after the other. */
export async function serveStream(gate: Gate, client: Connection): Promise<void> {
  for (;;) {
    client.expire(TCP_PATIENCE);
    const [high, low] = client.waiting;
    const length = low === undefined ? undefined : (high! << 8) | low;
    if (length !== undefined && client.waiting.length >= 2 + length) {
      const response = await serve(gate, client.take(2 + length).subarray(2));
      if (response === undefined) return client.close();
      await client.write(Uint8Array.of(response.length >> 8, response.length & 255));
      await client.write(response);
    } else if (!await client.more()) return client.close();
  }
}
