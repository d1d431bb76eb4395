/**
 * What the inside asks for and what it is answered: the words of the policy, the callback and the
 * log.
 *
 * @module
 */

/**
 * How something inside wants out. `http`: a plain request, through the proxy or redirected;
 * `connect` and `socks5`: a tunnel through the proxy; `tls` and `tcp`: a connection that was
 * redirected, with a name from its first bytes, or of the address it went to; `dns`: a name that
 * was looked up.
 */
export type EgressProtocol = "http" | "connect" | "socks5" | "tls" | "tcp" | "dns";

/** A request to get out. */
export interface EgressRequest {
  /** How. */
  readonly protocol: EgressProtocol;
  /** A name in lower case and without a dot at its end, or an address. */
  readonly host: string;
  /** The TCP port; 0 for `dns`. */
  readonly port: number;
  /** The method of a plain HTTP request. */
  readonly method?: string;
  /** The path and query of a plain HTTP request. */
  readonly path?: string;
}

/** Yes or no. */
export type EgressVerdict = "allow" | "deny";

/** A request with what the lists say about it, for the callback. */
export interface EgressQuestion extends EgressRequest {
  /** What the lists alone would answer. */
  readonly listed: EgressVerdict;
}

/** An answer. */
export interface EgressAnswer {
  /** Yes or no. */
  readonly verdict: EgressVerdict;
  /** Why: the entry of the list that decided, or what is wrong. */
  readonly reason: string;
}

/** One line of the log. */
export interface EgressDecision extends EgressRequest, EgressAnswer {
  /** When: milliseconds since 1970. */
  readonly time: number;
  /** The address that was checked and dialled. */
  readonly address?: string;
  /** Bytes that went out. */
  readonly sent: number;
  /** Bytes that came in. */
  readonly received: number;
}

/** What came of a launch's requests. */
export interface EgressReport {
  /** The decisions, oldest first. */
  readonly decisions: readonly EgressDecision[];
  /** How many more there were, for which the log had no room. */
  readonly omitted: number;
  /** How many requests were allowed, those without room included. */
  readonly allowed: number;
  /** How many were denied. */
  readonly denied: number;
  /** Bytes that went out, of all connections. */
  readonly sent: number;
  /** Bytes that came in, of all connections. */
  readonly received: number;
}
