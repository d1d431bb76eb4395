/**
 * What a sandbox without a network may reach all the same, as plain data.
 *
 * @module
 */

/** An entry of a list of names. */
export interface DomainRule {
  /** `example.com` for that name alone, `*.example.com` for all below it, `*` for every name. */
  name: string;
  /** Only these ports. Default: all. */
  ports?: readonly number[];
  /**
   * Only these HTTP methods. They can be seen in plain HTTP only, so with them, TLS and every other
   * protocol is refused. Default: all, and every protocol.
   */
  methods?: readonly string[];
}

/**
 * Names and addresses that may be reached by TCP, through a gate in the host program. With any of
 * these fields, even an empty list, there is a gate; what is not listed is refused, and so are
 * loopback, link-local, private, multicast and metadata addresses that are not listed themselves,
 * whatever name leads to them.
 */
export interface EgressSettings {
  /** Names that may be reached: `example.com`, `*.example.com`, `example.com:443`. */
  allowDomains?: readonly (string | DomainRule)[];
  /** Names that may not, whatever else says so. */
  denyDomains?: readonly (string | DomainRule)[];
  /**
   * Ranges of addresses, e.g. `10.0.0.0/8`, that may be reached without a name. Addresses that are
   * refused otherwise may be reached, by a name too, if a range that is all of one such kind lists
   * them: `0.0.0.0/0` does not.
   */
  allowAddresses?: readonly string[];
  /** Ranges that may not be reached, whatever name leads there. */
  denyAddresses?: readonly string[];
  /**
   * Hand all TCP connections to the gate, for programs that know nothing of a proxy. Default: true.
   */
  transparent?: boolean;
}
