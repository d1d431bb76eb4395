/**
 * The policy: what may be reached. Nothing that is not listed, and no address of the machine's own
 * surroundings, whatever name leads to it.
 *
 * @module
 */

import { type Address, isInRange, isWithin } from "./address.ts";
import { type Host, hostText } from "./host_name.ts";
import { type CompiledLists, compileLists, type EgressLists } from "./lists.ts";
import { isOwnAddress } from "./own_addresses.ts";
import type {
  EgressAnswer,
  EgressProtocol,
  EgressQuestion,
  EgressRequest,
  EgressVerdict,
} from "./request.ts";
import { matchesName } from "./rule.ts";
import { specialRange, translated } from "./special_ranges.ts";

/** The lists, and who is asked besides. */
export interface EgressPolicyOptions extends EgressLists {
  /**
   * Is asked about each request that no deny list refuses; its answer decides. The address is
   * checked all the same. What it throws, or an answer later than half a minute, is a no.
   */
  onRequest?: (request: EgressQuestion) => EgressVerdict | Promise<EgressVerdict>;
}

/** What is asked about, with its host taken apart. */
export interface Asked {
  /** How something inside wants out. */
  readonly protocol: EgressProtocol;
  /** A name in its one spelling, or an address. */
  readonly host: Host;
  /** The TCP port; 0 for `dns`. */
  readonly port: number;
  /** The method of a plain HTTP request. */
  readonly method?: string;
  /** Its path and query. */
  readonly path?: string;
}

const CALLBACK_PATIENCE = 30_000;

const no = (reason: string): EgressAnswer => ({ verdict: "deny", reason });
const yes = (reason: string): EgressAnswer => ({ verdict: "allow", reason });

/** A request as the callback and the log see it. */
export function requestOf({ protocol, host, port, method, path }: Asked): EgressRequest {
  return {
    protocol,
    host: hostText(host),
    port,
    ...(method === undefined ? {} : { method }),
    ...(path === undefined ? {} : { path }),
  };
}

/**
 * A policy, which can be changed while sandboxes run under it. Several sandboxes may share one.
 *
 * ```ts
 * import { EgressPolicy } from "@paddock/paddock/hooks/egress";
 *
 * const policy = new EgressPolicy({ allowDomains: ["*.example.com:443"] });
 * policy.update({ allowDomains: ["example.org"], denyDomains: ["old.example.org"] });
 * ```
 */
export class EgressPolicy {
  #lists: CompiledLists;
  #onRequest: EgressPolicyOptions["onRequest"];
  readonly #watchers = new Set<() => void>();
  readonly #isOwn: (address: Address) => boolean;

  /**
   * Checks the lists. Throws a `SpecError` for an entry that is no name or no range.
   *
   * @param isOwn Tells this machine's own addresses, which are refused as well.
   */
  constructor(options: EgressPolicyOptions, isOwn: (address: Address) => boolean = isOwnAddress) {
    this.#lists = compileLists(options);
    this.#onRequest = options.onRequest;
    this.#isOwn = isOwn;
  }

  /**
   * Puts other lists in the place of these, all at once: what is left out is empty then. Connections
   * that the new lists do not allow are cut. If an entry is wrong, nothing changes.
   */
  update(options: EgressPolicyOptions): void {
    const next = compileLists(options);
    this.#lists = next;
    if ("onRequest" in options) this.#onRequest = options.onRequest;
    for (const watcher of this.#watchers) watcher();
  }

  /** Calls back after each change, until the function that it returns is called. */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** Whether a callback may say yes to what is not listed. */
  get asks(): boolean {
    return this.#onRequest !== undefined;
  }

  /** The entry of a deny list that a request falls under. */
  denied({ host, port, protocol }: Asked): EgressAnswer | undefined {
    const { deny, denyRanges } = this.#lists;
    if (host.name !== undefined) {
      const rule = deny.find((it) =>
        matchesName(it, host.name) && (it.ports?.has(port) ?? true) &&
        // A list of ports says nothing about the name itself.
        (protocol !== "dns" || it.ports === undefined)
      );
      return rule && no(`"${rule.text}" is denied`);
    }
    const range = denyRanges.find((it) => isInRange(translated(host.address), it));
    return range && no(`"${range.text}" is denied`);
  }

  /** What the lists say. */
  listed(asked: Asked): EgressAnswer {
    const denied = this.denied(asked);
    if (denied !== undefined) return denied;
    const { protocol, host, port, method } = asked;
    const { allow, allowRanges } = this.#lists;
    if (host.name === undefined) {
      const range = allowRanges.find((it) => isInRange(translated(host.address), it));
      return range
        ? yes(`"${range.text}" is allowed`)
        : no(`the address ${host.address.text} is not in the list`);
    }
    const named = allow.filter((rule) => matchesName(rule, host.name));
    if (named.length === 0) return no(`"${host.name}" is not in the list`);
    if (protocol === "dns") return yes(`"${named[0]!.text}" is allowed`);
    const open = named.filter(({ ports }) => ports?.has(port) ?? true);
    if (open.length === 0) return no(`port ${port} of "${host.name}" is not in the list`);
    const free = open.find(({ methods }) => methods === undefined);
    if (free) return yes(`"${free.text}" is allowed`);
    if (protocol !== "http" || method === undefined) {
      return no(`"${open[0]!.text}" allows certain methods, which only plain HTTP shows`);
    }
    const rule = open.find(({ methods }) => methods!.has(method));
    return rule
      ? yes(`"${rule.text}" allows ${method}`)
      : no(`${method} of "${host.name}" is not in the list`);
  }

  /** What the lists and the callback say. */
  async decide(asked: Asked): Promise<EgressAnswer> {
    const listed = this.listed(asked);
    const ask = this.#onRequest;
    if (ask === undefined || this.denied(asked) !== undefined) return listed;
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      const late = new Promise<undefined>((resolve) => {
        timer = setTimeout(resolve, CALLBACK_PATIENCE, undefined);
      });
      const question = { ...requestOf(asked), listed: listed.verdict };
      const answer = await Promise.race([ask(question), late]);
      if (answer === "allow") return yes("onRequest allowed it");
      if (answer === "deny") return no("onRequest denied it");
      return no(
        answer === undefined ? "onRequest did not answer" : `onRequest answered ${String(answer)}`,
      );
    } catch (error) {
      return no(`onRequest failed: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Why an address may not be dialled; nothing if it may. */
  refusal(given: Address): string | undefined {
    const address = translated(given);
    const { allowRanges, denyRanges } = this.#lists;
    const denied = denyRanges.find((range) => isInRange(address, range));
    if (denied) return `"${denied.text}" is denied`;
    const special = specialRange(address);
    const listing = allowRanges.filter((range) => isInRange(address, range));
    if (special !== undefined) {
      return listing.some((range) => isWithin(range, special.range))
        ? undefined
        : `${given.text} is ${special.name}; allow it by --allow-address ${address.text}`;
    }
    if (!this.#isOwn(address) || listing.some(({ prefix }) => prefix > 0)) return undefined;
    return `${given.text} is this machine's own; allow it by --allow-address ${address.text}`;
  }
}
