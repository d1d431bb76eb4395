/**
 * One side of a network: everything that can be configured in one network namespace, be it the
 * host's or that of a sandbox. The host and the inside are two instances of one class.
 *
 * @module
 */

import { NETLINK_ROUTE } from "../sys/abi/netlink.ts";
import type { SyscallName } from "../sys/syscall_numbers.ts";
import * as addresses from "./address.ts";
import * as links from "./link.ts";
import type {
  BridgePortSettings,
  LinkInfo,
  LinkInit,
  LinkRef,
  LinkSettings,
} from "./link_types.ts";
import * as neighbours from "./neighbour.ts";
import { Netlink } from "./netlink.ts";
import * as qdiscs from "./qdisc.ts";
import * as routes from "./route.ts";
import * as rules from "./rule.ts";

/** What a system call may be given: numbers, text (with a NUL added), or bytes. */
export type CallArgument = number | bigint | string | Uint8Array;

/** What makes system calls in a namespace. */
export interface NamespaceCalls {
  /** Makes a system call there. Resolves to the result; rejects with a `SyscallError`. */
  syscall(name: SyscallName, ...args: CallArgument[]): Promise<number>;
  /** Makes a system call that gives a descriptor there, and hands it to this program. */
  descriptor(name: SyscallName, ...args: CallArgument[]): Promise<number>;
}

type Connect = () => Promise<Netlink>;

/** Network devices. ip-link(8). Errors: `NetlinkError`. */
export class Links {
  readonly #connect: Connect;
  /** Made by {@linkcode Network}. */
  constructor(connect: Connect) {
    this.#connect = connect;
  }
  /** Makes a device. */
  async add(init: LinkInit): Promise<void> {
    links.addLink(await this.#connect(), init);
  }
  /** Changes a device: puts it up or down, renames it, moves it, makes it a port of a bridge. */
  async set(link: LinkRef, settings: LinkSettings): Promise<void> {
    links.setLink(await this.#connect(), link, settings);
  }
  /** Changes a port of a bridge. */
  async setPort(link: LinkRef, settings: BridgePortSettings): Promise<void> {
    links.setLink(await this.#connect(), link, {}, settings);
  }
  /** Tells of a device; `undefined` where there is none. */
  async get(link: LinkRef): Promise<LinkInfo | undefined> {
    return links.findLink(await this.#connect(), link);
  }
  /** Tells of all devices, or those of a kind. */
  async list(kind?: string): Promise<LinkInfo[]> {
    return links.listLinks(await this.#connect(), kind);
  }
  /** Removes a device; the other end of a veth goes with it. */
  async delete(link: LinkRef): Promise<void> {
    links.deleteLink(await this.#connect(), link);
  }
}

/** Addresses of devices. ip-address(8). Errors: `NetlinkError`. */
export class Addresses {
  readonly #connect: Connect;
  /** Made by {@linkcode Network}. */
  constructor(connect: Connect) {
    this.#connect = connect;
  }
  /** Gives a device an address. */
  async add(init: addresses.AddressInit): Promise<void> {
    addresses.addAddress(await this.#connect(), init);
  }
  /** Takes an address from a device. */
  async delete(init: addresses.AddressInit): Promise<void> {
    addresses.deleteAddress(await this.#connect(), init);
  }
  /** Tells of all addresses, or those of a device. */
  async list(link?: LinkRef): Promise<addresses.AddressInfo[]> {
    return addresses.listAddresses(await this.#connect(), link);
  }
}

/** Routes. ip-route(8). Errors: `NetlinkError`. */
export class Routes {
  readonly #connect: Connect;
  /** Made by {@linkcode Network}. */
  constructor(connect: Connect) {
    this.#connect = connect;
  }
  /** Adds a route. */
  async add(init: routes.RouteInit): Promise<void> {
    routes.addRoute(await this.#connect(), init);
  }
  /** Adds a route, or puts it in the place of another. */
  async replace(init: routes.RouteInit): Promise<void> {
    routes.replaceRoute(await this.#connect(), init);
  }
  /** Removes a route. */
  async delete(init: routes.RouteInit): Promise<void> {
    routes.deleteRoute(await this.#connect(), init);
  }
  /** Tells of all routes, or those of a table. */
  async list(table?: number): Promise<routes.RouteInfo[]> {
    return routes.listRoutes(await this.#connect(), table);
  }
}

/** Neighbours. ip-neighbour(8), bridge(8). Errors: `NetlinkError`. */
export class Neighbours {
  readonly #connect: Connect;
  /** Made by {@linkcode Network}. */
  constructor(connect: Connect) {
    this.#connect = connect;
  }
  /** Adds a neighbour, or changes it. */
  async add(init: neighbours.NeighbourInit): Promise<void> {
    neighbours.addNeighbour(await this.#connect(), init);
  }
  /** Removes a neighbour. */
  async delete(init: neighbours.NeighbourInit): Promise<void> {
    neighbours.deleteNeighbour(await this.#connect(), init);
  }
  /** Tells of all neighbours by their addresses, or those of a device. */
  async list(link?: LinkRef): Promise<neighbours.NeighbourInfo[]> {
    return neighbours.listNeighbours(await this.#connect(), link);
  }
}

/** Rules of routing. ip-rule(8). Errors: `NetlinkError`. */
export class Rules {
  readonly #connect: Connect;
  /** Made by {@linkcode Network}. */
  constructor(connect: Connect) {
    this.#connect = connect;
  }
  /** Adds a rule. */
  async add(init: rules.RuleInit): Promise<void> {
    rules.addRule(await this.#connect(), init);
  }
  /** Removes a rule. */
  async delete(init: rules.RuleInit): Promise<void> {
    rules.deleteRule(await this.#connect(), init);
  }
  /** Tells of all rules of a family. */
  async list(family?: "inet" | "inet6"): Promise<rules.RuleInfo[]> {
    return rules.listRules(await this.#connect(), family);
  }
}

/** Traffic control. tc(8). Errors: `NetlinkError`. */
export class Qdiscs {
  readonly #connect: Connect;
  /** Made by {@linkcode Network}. */
  constructor(connect: Connect) {
    this.#connect = connect;
  }
  /** Puts a discipline in front of a device. */
  async add(init: qdiscs.QdiscInit): Promise<void> {
    qdiscs.addQdisc(await this.#connect(), init);
  }
  /** The same, in the place of what was there. */
  async replace(init: qdiscs.QdiscInit): Promise<void> {
    qdiscs.replaceQdisc(await this.#connect(), init);
  }
  /** Removes a discipline. */
  async delete(link: LinkRef, place?: "root" | "ingress"): Promise<void> {
    qdiscs.deleteQdisc(await this.#connect(), link, place);
  }
  /** Sends what a device receives out by another one first. */
  async redirectIngress(link: LinkRef, to: LinkRef): Promise<void> {
    qdiscs.redirectIngress(await this.#connect(), link, to);
  }
  /** Tells of all disciplines, or those of a device. */
  async list(link?: LinkRef): Promise<qdiscs.QdiscInfo[]> {
    return qdiscs.listQdiscs(await this.#connect(), link);
  }
}

/**
 * The network of one namespace. In a `networkSetup` hook, `ctx.host` and `ctx.inside` are two of
 * these; {@linkcode hostNetwork} makes one for any program.
 *
 * ```ts
 * import { hostNetwork } from "@paddock/paddock/net";
 *
 * using host = hostNetwork();
 * console.log((await host.link.list()).map(({ name }) => name)); // lo, ...
 * ```
 */
export class Network implements Disposable {
  readonly #calls: NamespaceCalls;
  #route: Promise<Netlink> | undefined;
  /** Network devices. */
  readonly link: Links;
  /** Addresses of devices. */
  readonly address: Addresses;
  /** Routes. */
  readonly route: Routes;
  /** Neighbours. */
  readonly neighbour: Neighbours;
  /** Rules of routing. */
  readonly rule: Rules;
  /** Traffic control. */
  readonly qdisc: Qdiscs;

  /** The network of the namespace in which `calls` are made. Nothing is opened yet. */
  constructor(calls: NamespaceCalls) {
    this.#calls = calls;
    const connect = () => this.#route ??= Netlink.openIn(this);
    this.link = new Links(connect);
    this.address = new Addresses(connect);
    this.route = new Routes(connect);
    this.neighbour = new Neighbours(connect);
    this.rule = new Rules(connect);
    this.qdisc = new Qdiscs(connect);
  }

  /** Makes a system call there. Resolves to the result; rejects with a `SyscallError`. */
  syscall(name: SyscallName, ...args: CallArgument[]): Promise<number> {
    return this.#calls.syscall(name, ...args);
  }

  /** Makes a system call that gives a descriptor there, and hands it to this program. */
  descriptor(name: SyscallName, ...args: CallArgument[]): Promise<number> {
    return this.#calls.descriptor(name, ...args);
  }

  /**
   * A netlink connection of the namespace, for what is not here. That of `NETLINK_ROUTE` is shared
   * and closed with this object; others are the caller's to close.
   */
  netlink(protocol: number = NETLINK_ROUTE): Promise<Netlink> {
    if (protocol !== NETLINK_ROUTE) return Netlink.openIn(this, protocol);
    return this.#route ??= Netlink.openIn(this);
  }

  /** Closes the connection; a later use opens another. */
  close(): void {
    this.#route?.then((netlink) => netlink.close(), () => {});
    this.#route = undefined;
  }

  /** Closes the connection at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close();
  }
}
