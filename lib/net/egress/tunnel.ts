/**
 * A tunnel to a server that was checked. What goes through is checked once more by its first bytes:
 * the name that TLS asks for and the Host of plain HTTP have to be the tunnel's own, or the server
 * would be asked for a site that nobody has allowed.
 *
 * @module
 */

import { type Connection, ConnectionError } from "./connection.ts";
import { firstBytes } from "./first_bytes.ts";
import { type Gate, type Passage, RefusedError } from "./gate.ts";
import { type Host, parseHost } from "./host_name.ts";
import { admit, answer, carryAnswers, logBad, readHead, sendRequest } from "./http_exchange.ts";
import type { Entrance } from "./http_request.ts";
import { carryAll, untilBothEnd, type Way } from "./relay.ts";

/** Why a TLS name does not fit; nothing if it does. */
export function wrongName(name: string | undefined, host: Host): string | undefined {
  // An address that may be reached itself says nothing about names.
  if (host.name === undefined || name === undefined) return undefined;
  const asked = parseHost(name);
  if (asked?.name === host.name) return undefined;
  return `TLS asks for "${name}", the connection is for "${host.name}"`;
}

/** Serves plain HTTP in a tunnel, whose server is connected; its answers flow back already. */
async function serveRequest(
  gate: Gate,
  out: Way,
  entrance: Entrance,
  upgraded: Promise<boolean>,
): Promise<void> {
  const { from: client } = out;
  const head = await readHead(client, gate.patience);
  if (head === undefined) throw new ConnectionError("the client went away");
  if ("status" in head) {
    logBad(gate, entrance, head.reason);
    await answer(client, head.status, head.reason);
    throw new RefusedError(head.reason);
  }
  client.take(head.length);
  const to = await admit(gate, client, entrance, head);
  if (to === undefined) throw new RefusedError("the request was refused");
  const asked = {
    protocol: "http",
    host: to.host,
    port: to.port,
    method: head.method,
    path: to.path,
  } as const;
  const decision = await gate.policy.decide(asked);
  gate.log.add(asked, decision);
  if (decision.verdict === "deny") {
    await answer(client, 403, decision.reason);
    throw new RefusedError(decision.reason);
  }
  await sendRequest(out, head, to, upgraded);
}

async function checked(
  gate: Gate,
  out: Way,
  host: Host,
  port: number,
  upgraded: Promise<boolean>,
): Promise<void> {
  const { from: client } = out;
  const first = await firstBytes(client, gate.patience);
  if (first.kind === "nothing") {
    if (!client.isOpen) throw new ConnectionError("it was cut");
    return out.to.finish();
  }
  if (first.kind === "http") return await serveRequest(gate, out, { host, port }, upgraded);
  const reason = first.kind === "bad"
    ? first.reason
    : first.kind === "tls"
    ? wrongName(first.name, host)
    : undefined;
  if (reason !== undefined) {
    gate.deny({ protocol: first.kind === "tls" ? "tls" : "tcp", host, port }, reason);
    throw new RefusedError(reason);
  }
  await carryAll(out);
}

/**
 * Carries a tunnel to its end, after `greeting` has told the client that it is open. Errors end it,
 * and are in the log.
 */
export async function tunnel(
  gate: Gate,
  client: Connection,
  passage: Passage,
  { host, port, greeting }: { host: Host; port: number; greeting?: Uint8Array<ArrayBuffer> },
): Promise<void> {
  const { out, back } = gate.ways(client, passage);
  const { server, line } = passage;
  try {
    if (greeting !== undefined) await client.write(greeting);
    // Both ways at once, for there are servers that speak first.
    const { answered, upgraded } = carryAnswers(back);
    await untilBothEnd(
      client,
      server,
      [checked(gate, out, host, port, upgraded), answered],
      () => line.sent + line.received,
    );
  } catch (error) {
    if (!(error instanceof RefusedError) && !(error instanceof ConnectionError)) throw error;
  } finally {
    gate.done(passage);
  }
}
