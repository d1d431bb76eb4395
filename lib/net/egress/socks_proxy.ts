/**
 * Serves SOCKS version 5: CONNECT, without a password, for whoever can reach the socket is inside.
 *
 * @module
 */

import type { Connection } from "./connection.ts";
import type { Gate, Refusal } from "./gate.ts";
import { CONNECT, parseGreeting, parseSocksRequest, Reply, socksReply } from "./socks5.ts";
import { tunnel } from "./tunnel.ts";

const NO_METHOD = 0xff;

async function read<T>(client: Connection, parse: (bytes: Uint8Array) => T | undefined) {
  for (;;) {
    const found = parse(client.waiting);
    if (found !== undefined) return found;
    if (!await client.more()) return undefined;
  }
}

function replyFor({ refused, code }: Refusal): number {
  if (refused === "denied") return Reply.NOT_ALLOWED;
  if (refused === "unresolved" || code === "EHOSTUNREACH") return Reply.HOST_UNREACHABLE;
  if (code === "ECONNREFUSED") return Reply.CONNECTION_REFUSED;
  return code === "ENETUNREACH" ? Reply.NETWORK_UNREACHABLE : Reply.GENERAL_FAILURE;
}

/** Serves one client. */
export async function serveSocks(gate: Gate, client: Connection): Promise<void> {
  client.expire(gate.patience);
  const greeting = await read(client, parseGreeting);
  if (greeting === undefined) return client.close();
  client.take(greeting.length);
  await client.write(Uint8Array.of(5, greeting.withoutPassword ? 0 : NO_METHOD));
  if (!greeting.withoutPassword) return client.close();
  const request = await read(client, parseSocksRequest);
  client.expire();
  const end = async (code: number) => {
    await client.write(socksReply(code));
    client.close();
  };
  if (request === undefined) return client.close();
  if (typeof request === "number") return await end(request);
  const { command, host, port, length } = request;
  client.take(length);
  const asked = { protocol: "socks5", host: host ?? { name: "" }, port } as const;
  if (command !== CONNECT) {
    gate.deny(asked, "SOCKS is for TCP connections out; UDP and listening are refused");
    return await end(Reply.COMMAND_NOT_SUPPORTED);
  }
  if (host === undefined || port === 0) {
    gate.deny(asked, "it is no host and port");
    return await end(Reply.GENERAL_FAILURE);
  }
  const passage = await gate.reach(asked);
  if ("refused" in passage) return await end(replyFor(passage));
  await tunnel(gate, client, passage, {
    host: gate.meant(host) ?? host,
    port,
    greeting: socksReply(Reply.SUCCEEDED),
  });
}
