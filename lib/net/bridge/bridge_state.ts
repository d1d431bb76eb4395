/**
 * What is known of bridges, all of it from the kernel: their settings are the bridge's alias, an address
 * is taken by a device whose name holds its place in the network, a name is that device's alias. So two
 * programs cannot take one address, and what a killed program held is free when the kernel has removed
 * its sandbox's namespace.
 *
 * @module
 */

import { listAddresses } from "../address.ts";
import {
  type AddressBytes,
  formatHardwareAddress,
  parsePrefix,
  type Prefix,
} from "../ip_address.ts";
import { deleteLink, listLinks, setLink } from "../link.ts";
import type { LinkInfo, VxlanInit } from "../link_types.ts";
import type { Netlink } from "../netlink.ts";
import { DEVICE_PREFIX } from "./firewall.ts";

/** A bridge that is to be there. */
export interface ManagedBridgeInit {
  /** Its name; without one, the bridge in which all are alone. */
  name?: string;
  /** Its network, if it is not there yet. Default: a free one. */
  subnet?: string;
  /** Its ports do not reach each other. */
  isolated: boolean;
  /** Its sandboxes reach services of the host. */
  hostAccess: boolean;
  /** A tunnel to another host's bridge, which becomes one with this. */
  tunnel?: Pick<VxlanInit, "id" | "remote" | "local" | "port">;
  /** This host's part of the network. */
  pool?: string;
}

/** A sandbox's place on a bridge. */
export interface BridgePort {
  /** The bridge's device. */
  readonly device: string;
  /** The device on the host's side of the sandbox. */
  readonly link: string;
  /** The sandbox's addresses with their networks; IPv4 first. */
  readonly addresses: readonly string[];
  /** The routers to the outside. */
  readonly gateways: readonly string[];
}

const MARK = "paddock";
/** A VXLAN packet is 50 bytes longer than what it holds; 70 over IPv6. */
export const TUNNEL_MTU = 1430;

/** The device of a bridge's name. */
export function bridgeDevice(name?: string): string {
  return name === undefined ? `${DEVICE_PREFIX}0` : `${DEVICE_PREFIX}-${name}`;
}

/** What a bridge's alias says. */
export interface State {
  settings: string;
  opened: string[];
}

/** What the alias of a device says, if it is one of ours. */
export function readState(link: LinkInfo): State | undefined {
  const [mark, settings, opened] = link.alias?.split(";") ?? [];
  if (mark !== MARK || settings === undefined || opened === undefined) return undefined;
  return { settings, opened: opened === "" ? [] : opened.split(",") };
}

/** Writes it down. */
export function writeState(netlink: Netlink, device: string, { settings, opened }: State): void {
  setLink(netlink, device, { alias: [MARK, settings, opened.join(",")].join(";") });
}

/** Whether all of the bridge is there. */
export function isFinished(state: State | undefined): state is State {
  return state !== undefined && state.settings !== UNFINISHED.settings;
}

/** What must be the same for all who use a bridge, in a few words. */
export function settingsOf({ isolated, hostAccess, tunnel, pool }: ManagedBridgeInit): string {
  const words = [isolated ? "isolated" : "open", hostAccess ? "host" : "nohost"];
  if (tunnel) words.push(`${tunnel.id}@${tunnel.remote}:${tunnel.port ?? 4789}`, pool ?? "");
  return words.join(" ");
}

/** All bridges of ours. */
export function managed(netlink: Netlink): (LinkInfo & { state: State })[] {
  return listLinks(netlink, "bridge").flatMap((link) => {
    const state = link.name.startsWith(DEVICE_PREFIX) ? readState(link) : undefined;
    return state === undefined ? [] : [{ ...link, state }];
  });
}

/** The sandboxes of a bridge. */
export function portsOf(links: readonly LinkInfo[], bridge: LinkInfo): LinkInfo[] {
  return links.filter(({ master, kind }) => master === bridge.index && kind !== "vxlan");
}

/** A bridge's networks, each with the router's address. */
export function networksOf(netlink: Netlink, link: LinkInfo): Prefix[] {
  return listAddresses(netlink, link.index).filter(({ address }) => !address.startsWith("fe80"))
    .map(({ address }) => parsePrefix(address, "address"));
}

/** What the alias says until all the rest is there: who finds it later makes the bridge anew. */
export const UNFINISHED: State = { settings: "unfinished", opened: [] };

/** The hardware address that goes with an address: the same each time, for others remember it. */
export function hardwareAddress(address: AddressBytes): string {
  return formatHardwareAddress(Uint8Array.of(0x02, 0x70, ...address));
}

/** Removes a bridge, with its tunnel. */
export function removeDevices(netlink: Netlink, bridge: LinkInfo): void {
  for (const { name, master, kind } of listLinks(netlink)) {
    if (master === bridge.index && kind === "vxlan") deleteLink(netlink, name);
  }
  deleteLink(netlink, bridge.index);
}
