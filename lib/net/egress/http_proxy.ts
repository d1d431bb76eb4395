/**
 * Serves HTTP: requests to the proxy, CONNECT, and plain requests of connections that were
 * redirected. Every request is checked by itself.
 *
 * @module
 */

import type { Connection } from "./connection.ts";
import type { Gate } from "./gate.ts";
import {
  admit,
  answer,
  carryAnswers,
  FAREWELL_PATIENCE,
  logBad,
  readHead,
  sendRequest,
  statusOf,
} from "./http_exchange.ts";
import type { RequestHead } from "./http_head.ts";
import { connectDestination, type Entrance } from "./http_request.ts";
import { untilBothEnd } from "./relay.ts";
import { tunnel } from "./tunnel.ts";

/** Serves the request of a connection that leads to no server yet. */
export async function serveHttp(gate: Gate, client: Connection, entrance: Entrance): Promise<void> {
  const head = await readHead(client, gate.patience);
  if (head === undefined) return client.close();
  if ("status" in head) {
    logBad(gate, entrance, head.reason);
    return await answer(client, head.status, head.reason);
  }
  client.take(head.length);
  if (entrance.port === undefined && head.method === "CONNECT") {
    return await serveConnect(gate, client, head);
  }
  const to = await admit(gate, client, entrance, head);
  if (to === undefined) return;
  const passage = await gate.reach({
    protocol: "http",
    host: to.host,
    port: to.port,
    method: head.method,
    path: to.path,
  });
  if ("refused" in passage) return await answer(client, statusOf(passage), passage.reason);
  const { out, back } = gate.ways(client, passage);
  const { answered, upgraded } = carryAnswers(back);
  const { server, line } = passage;
  // The server ends the exchange: what the client still says is not waited for. By a close, not by a
  // reset, which would throw away what is still on its way to the client.
  const ended = answered.then(() => {
    if (client.isOpen) client.expire(FAREWELL_PATIENCE, "close");
  });
  const asked = sendRequest(out, head, to, upgraded);
  try {
    await untilBothEnd(client, server, [ended, asked], () => line.sent + line.received);
  } finally {
    gate.done(passage);
  }
}

async function serveConnect(gate: Gate, client: Connection, head: RequestHead): Promise<void> {
  const to = connectDestination(head);
  if ("status" in to) {
    logBad(gate, {}, to.reason);
    return await answer(client, to.status, to.reason);
  }
  const passage = await gate.reach({ protocol: "connect", ...to });
  if ("refused" in passage) return await answer(client, statusOf(passage), passage.reason);
  await tunnel(gate, client, passage, {
    host: gate.meant(to.host) ?? to.host,
    port: to.port,
    greeting: new TextEncoder().encode("HTTP/1.1 200 Connection established\r\n\r\n"),
  });
}
