/**
 * Serves connections of programs that know nothing of a proxy: the kernel hands them over with the
 * address that they were for. Whom they are for is said by an address that stands for a name, by
 * the name that TLS asks for, by the Host of plain HTTP, or by an address that is listed itself.
 *
 * @module
 */

import type { Address } from "./address.ts";
import type { Connection } from "./connection.ts";
import { firstBytes } from "./first_bytes.ts";
import type { Gate } from "./gate.ts";
import { type Host, parseHost } from "./host_name.ts";
import { serveHttp } from "./http_proxy.ts";
import type { Asked } from "./policy.ts";
import { StandInAddresses } from "./stand_in_addresses.ts";
import { tunnel, wrongName } from "./tunnel.ts";

/** How long a client may be silent before its protocol is held to be one where the server begins. */
const SILENCE = 200;

/** Serves one connection that was for `address` and `port`. */
export async function serveRedirected(
  gate: Gate,
  client: Connection,
  address: Address,
  port: number,
): Promise<void> {
  const meant = gate.meant({ address });
  const refuse = (asked: Omit<Asked, "port">, reason: string): void => {
    gate.deny({ ...asked, port }, reason);
    client.reset();
  };
  if (meant === undefined) {
    return refuse({ protocol: "tcp", host: { address } }, "the address stands for no name");
  }
  // For an address that nothing is known of, what the client says is all there is to go by.
  const isListed = gate.policy.listed({ protocol: "tcp", host: meant, port }).verdict === "allow";
  const isKnown = meant.name !== undefined || isListed;
  const silent = !await client.speaks(isListed || gate.policy.asks ? SILENCE : gate.patience);
  const first = silent ? { kind: "other" } as const : await firstBytes(client, gate.patience);
  let host: Host = meant;
  if (first.kind === "nothing") return client.close();
  if (first.kind === "bad") return refuse({ protocol: "tcp", host }, first.reason);
  if (first.kind === "http") {
    return await serveHttp(gate, client, isKnown ? { host, port } : { port });
  }
  const protocol = first.kind === "tls" ? "tls" : "tcp";
  if (first.kind === "tls") {
    const wrong = wrongName(first.name, host);
    if (wrong !== undefined) return refuse({ protocol, host }, wrong);
    if (!isKnown && first.name !== undefined) {
      const asked = parseHost(first.name);
      if (asked?.name === undefined || StandInAddresses.has(address)) {
        return refuse({ protocol, host }, `TLS asks for "${first.name}", which is no name`);
      }
      host = asked;
    }
  }
  const passage = await gate.reach({ protocol, host, port });
  if ("refused" in passage) return client.reset();
  await tunnel(gate, client, passage, { host, port });
}
