/**
 * The parts of serving an HTTP request: its head is read, it is sent on, it is answered. One request
 * a connection: what follows it goes nowhere.
 *
 * @module
 */

import { type Connection, ConnectionError } from "./connection.ts";
import type { Gate, Refusal } from "./gate.ts";
import type { Host } from "./host_name.ts";
import { carryBody } from "./http_body.ts";
import { type BadRequest, LARGEST_HEAD, parseRequestHead, type RequestHead } from "./http_head.ts";
import {
  type Destination,
  destination,
  encodeHead,
  type Entrance,
  isUpgrade,
} from "./http_request.ts";
import { carryAll, pass, type Way } from "./relay.ts";

/** How long a client may take to close, once it has its answer. */
export const FAREWELL_PATIENCE = 2_000;

const STATUS_TEXT: Record<number, string> = {
  400: "Bad Request",
  403: "Forbidden",
  431: "Request Header Fields Too Large",
  501: "Not Implemented",
  502: "Bad Gateway",
  504: "Gateway Timeout",
  505: "HTTP Version Not Supported",
};

/** Answers with an error, and closes the connection once the client has had time to read it. */
export async function answer(client: Connection, status: number, reason: string): Promise<void> {
  const body = new TextEncoder().encode(`paddock: ${reason}\n`);
  const head = `HTTP/1.1 ${status} ${STATUS_TEXT[status] ?? "Error"}\r\n` +
    "Content-Type: text/plain; charset=utf-8\r\n" +
    `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n`;
  client.expire(FAREWELL_PATIENCE, "close");
  await client.write(new TextEncoder().encode(head));
  await client.write(body);
  client.finish();
  // To close while bytes come in would throw the answer away before it is read.
  for (let left = 64; left > 0 && await client.more(); left--) client.take(Infinity);
  client.close();
}

export function statusOf({ refused, code }: Refusal): number {
  return refused === "denied" ? 403 : code === "ETIMEDOUT" ? 504 : 502;
}

/** Reads a head from what comes; nothing if the client goes away first. */
export async function readHead(
  client: Connection,
  patience: number,
): Promise<RequestHead | BadRequest | undefined> {
  client.expire(patience);
  for (;;) {
    const head = client.waiting.length === 0 ? undefined : parseRequestHead(client.waiting);
    if (head !== undefined) {
      client.expire();
      return head;
    }
    if (client.waiting.length > LARGEST_HEAD || !await client.more()) return undefined;
  }
}

/** A request that makes no sense is a decision, too. */
export function logBad(gate: Gate, entrance: Entrance, reason: string): void {
  const host: Host = entrance.host ?? { name: "" };
  gate.deny({ protocol: "http", host, port: entrance.port ?? 0 }, reason);
}

/** Sends a request that was checked, and nothing behind it; after an upgrade, all that follows. */
export async function sendRequest(
  way: Way,
  head: RequestHead,
  to: Destination,
  upgraded: Promise<boolean>,
): Promise<void> {
  try {
    await pass(way, encodeHead(head, to));
    await carryBody(way, head.body);
    if (isUpgrade(head) && await upgraded) return await carryAll(way);
  } catch (error) {
    // A server may answer and close before it has read all: that answer still comes through.
    if (!(error instanceof ConnectionError) || error.connection !== way.to) throw error;
  }
  // What follows was not asked for, and goes nowhere.
  while (await way.from.more()) way.from.take(Infinity);
}

/** Carries the answers back, and tells from their first bytes whether the upgrade was taken. */
export function carryAnswers(back: Way): { answered: Promise<void>; upgraded: Promise<boolean> } {
  const { promise: upgraded, resolve } = Promise.withResolvers<boolean>();
  let start = "";
  const see = (bytes: Uint8Array): void => {
    if (start.length >= 12) return;
    start += String.fromCharCode(...bytes.subarray(0, 12));
    if (start.length >= 12) resolve(/^HTTP\/1\.1 101/.test(start));
  };
  const answered = carryAll({ ...back, see }).finally(() => resolve(false));
  return { answered, upgraded };
}

/** Checks a request and makes its way; `undefined` if it was answered with an error. */
export async function admit(
  gate: Gate,
  client: Connection,
  entrance: Entrance,
  head: RequestHead,
): Promise<Destination | undefined> {
  const to = head.method === "CONNECT"
    ? { status: 400, reason: "CONNECT is for the proxy" } as const
    : destination(head, entrance);
  if (!("status" in to)) return to;
  logBad(gate, entrance, to.reason);
  await answer(client, to.status, to.reason);
}
