/**
 * The one gate that every way out goes through, whatever protocol it was asked in: the policy is
 * asked, the name is looked up once, the addresses are checked, and one of those that were checked
 * is dialled. All of it is logged.
 *
 * @module
 */

import type { Address } from "./address.ts";
import type { Bandwidth } from "./bandwidth.ts";
import type { Connection } from "./connection.ts";
import type { DecisionLog, OpenDecision } from "./decision_log.ts";
import { dial, DialError } from "./dial.ts";
import type { Host } from "./host_name.ts";
import type { Asked, EgressPolicy } from "./policy.ts";
import type { Way } from "./relay.ts";
import type { Resolver } from "./resolver.ts";
import { StandInAddresses } from "./stand_in_addresses.ts";

/** What a gate is made of. */
export interface GateInit {
  readonly policy: EgressPolicy;
  readonly log: DecisionLog;
  readonly resolver: Resolver;
  /** The addresses of names that are reached without the gate. */
  readonly neighbours?: (name: string) => readonly Uint8Array[] | undefined;
  /** The cap on what goes out. */
  readonly up?: Bandwidth;
  /** The cap on what comes in. */
  readonly down?: Bandwidth;
  /** Milliseconds that a client may take to say what it wants. */
  readonly patience: number;
}

/** A way out that is open. */
export interface Passage {
  readonly server: Connection;
  readonly line: OpenDecision;
}

/** A way out that is not. */
export interface Refusal {
  /** The policy says no; the name has no address; nobody answers there. */
  readonly refused: "denied" | "unresolved" | "unreachable";
  readonly reason: string;
  /** For `unreachable`: the errno's name. */
  readonly code?: string;
}

/** How long the outside may take to answer. */
const DIAL_PATIENCE = 30_000;

/** A request that went wrong in a way that its log line tells already. */
export class RefusedError extends Error {
  /** The class's name. */
  override name = "RefusedError";
}

interface Open {
  readonly asked: Asked;
  /** Whether the lists alone allowed it. */
  readonly listed: boolean;
  readonly address: Address;
}

/** The gate of one sandbox. */
export class Gate {
  readonly policy: EgressPolicy;
  readonly log: DecisionLog;
  readonly neighbours: GateInit["neighbours"];
  readonly resolver: Resolver;
  /** Milliseconds that a client may take to say what it wants. */
  readonly patience: number;
  /** Which addresses inside stand for names. */
  readonly names: StandInAddresses = new StandInAddresses();
  readonly #up: Bandwidth | undefined;
  readonly #down: Bandwidth | undefined;
  readonly #open = new Map<Connection, Open>();
  readonly #forget: () => void;

  /** Opens it; {@linkcode Gate.close} ends it. */
  constructor(init: GateInit) {
    this.policy = init.policy;
    this.log = init.log;
    this.resolver = init.resolver;
    this.neighbours = init.neighbours;
    this.patience = init.patience;
    this.#up = init.up;
    this.#down = init.down;
    this.#forget = this.policy.watch(() => this.#review());
  }

  /** Cuts what is open. */
  close(): void {
    this.#forget();
    for (const server of this.#open.keys()) server.reset();
    this.#open.clear();
  }

  /** Connections that a changed policy does not allow are cut. */
  #review(): void {
    for (const [server, { asked, listed, address }] of this.#open) {
      const lost = listed
        ? this.policy.listed(asked).verdict === "deny"
        : this.policy.denied(asked) !== undefined;
      const reason = lost ? "the policy was changed" : this.policy.refusal(address);
      if (reason === undefined) continue;
      this.log.add(asked, { verdict: "deny", reason: `cut: ${reason}` }, address.text);
      server.reset();
      this.#open.delete(server);
    }
  }

  /** The host that is meant: a stand-in address means its name. Nothing if it stands for none. */
  meant(host: Host): Host | undefined {
    if (host.name !== undefined || !StandInAddresses.has(host.address)) return host;
    const name = this.names.nameOf(host.address);
    return name === undefined ? undefined : { name };
  }

  /** Writes a no into the log. */
  deny(asked: Asked, reason: string): Refusal {
    this.log.add(asked, { verdict: "deny", reason });
    return { refused: "denied", reason };
  }

  /** Asks, looks up, checks and connects. Never rejects. */
  async reach(given: Asked): Promise<Passage | Refusal> {
    const host = this.meant(given.host);
    if (host === undefined) return this.deny(given, "the address stands for no name");
    const asked = { ...given, host };
    const answer = await this.policy.decide(asked);
    if (answer.verdict === "deny") return this.deny(asked, answer.reason);
    const failed = (refused: "unresolved" | "unreachable", reason: string, code?: string) => {
      this.log.add(asked, { ...answer, reason: `${answer.reason}, but ${reason}` });
      return { refused, reason, code };
    };
    const resolved = host.name === undefined
      ? { addresses: [host.address] }
      : await this.resolver.resolve(host.name);
    if ("error" in resolved) return failed("unresolved", resolved.error);
    // These, and no others, are dialled: nobody is asked again after the check.
    const addresses = resolved.addresses.filter((it) => this.policy.refusal(it) === undefined);
    if (addresses.length === 0) {
      return this.deny(asked, this.policy.refusal(resolved.addresses[0]!)!);
    }
    try {
      const { connection, address } = await dial(addresses, asked.port, DIAL_PATIENCE);
      // The policy may have been changed while the outside took its time.
      const listed = this.policy.listed(asked).verdict === "allow";
      if ((!listed && !this.policy.asks) || this.policy.denied(asked)) {
        connection.reset();
        return this.deny(asked, "the policy was changed");
      }
      this.#open.set(connection, { asked, listed, address });
      return { server: connection, line: this.log.add(asked, answer, address.text) };
    } catch (error) {
      if (!(error instanceof DialError)) throw error;
      return failed("unreachable", error.message, error.code);
    }
  }

  /** A connection is over. */
  done({ server }: Passage): void {
    this.#open.delete(server);
    server.close();
  }

  /** The two ways of an open passage, counted and under the caps. */
  ways(client: Connection, { server, line }: Passage): { out: Way; back: Way } {
    const { total } = this.log;
    return {
      out: {
        from: client,
        to: server,
        cap: this.#up,
        count: (bytes) => {
          line.sent += bytes;
          total.sent += bytes;
        },
      },
      back: {
        from: server,
        to: client,
        cap: this.#down,
        count: (bytes) => {
          line.received += bytes;
          total.received += bytes;
        },
      },
    };
  }
}
