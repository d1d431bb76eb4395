/**
 * Bridges that sandboxes share: made by the first one, used by all, removed after the last one.
 *
 * Nothing is written down but in the kernel: an address is taken by making a device whose name holds
 * its place in the network, which the kernel refuses to make twice; a name is the alias of that
 * device; the bridge's settings are the bridge's alias. So two programs cannot take one address, and
 * what a killed program held is free when the kernel has removed its sandbox's namespace.
 *
 * @module
 */

import { NetlinkError, SandboxError, SpecError } from "../../errors.ts";
import { addAddress, listAddresses } from "../address.ts";
import {
  addressAt,
  type AddressBytes,
  formatAddress,
  formatHardwareAddress,
  formatPrefix,
  parsePrefix,
  type Prefix,
} from "../ip_address.ts";
import { addLink, deleteLink, findLink, listLinks, setLink } from "../link.ts";
import type { LinkInfo, VxlanInit } from "../link_types.ts";
import type { Netlink } from "../netlink.ts";
import { addFirewall, deleteFirewall, DEVICE_PREFIX } from "./firewall.ts";
import { closeUplinks, forwardsIpv6, openUplinks, prepareBridge, uplinks } from "./forwarding.ts";
import { underLock } from "./lock.ts";
import { chooseSubnet, placesOf, subnet6 } from "./pool.ts";

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
const TUNNEL_MTU = 1430;
const RANDOM_TRIES = 8;

/** The device of a bridge's name. */
export function bridgeDevice(name?: string): string {
  return name === undefined ? `${DEVICE_PREFIX}0` : `${DEVICE_PREFIX}-${name}`;
}

/** What a bridge's alias says. */
interface State {
  settings: string;
  opened: string[];
}

function readState(link: LinkInfo): State | undefined {
  const [mark, settings, opened] = link.alias?.split(";") ?? [];
  if (mark !== MARK || settings === undefined || opened === undefined) return undefined;
  return { settings, opened: opened === "" ? [] : opened.split(",") };
}

function writeState(netlink: Netlink, device: string, { settings, opened }: State): void {
  setLink(netlink, device, { alias: [MARK, settings, opened.join(",")].join(";") });
}

function isFinished(state: State | undefined): state is State {
  return state !== undefined && state.settings !== UNFINISHED.settings;
}

function settingsOf({ isolated, hostAccess, tunnel, pool }: ManagedBridgeInit): string {
  const words = [isolated ? "isolated" : "open", hostAccess ? "host" : "nohost"];
  if (tunnel) words.push(`${tunnel.id}@${tunnel.remote}:${tunnel.port ?? 4789}`, pool ?? "");
  return words.join(" ");
}

function managed(netlink: Netlink): (LinkInfo & { state: State })[] {
  return listLinks(netlink, "bridge").flatMap((link) => {
    const state = link.name.startsWith(DEVICE_PREFIX) ? readState(link) : undefined;
    return state === undefined ? [] : [{ ...link, state }];
  });
}

function portsOf(links: readonly LinkInfo[], bridge: LinkInfo): LinkInfo[] {
  return links.filter(({ master, kind }) => master === bridge.index && kind !== "vxlan");
}

function networksOf(netlink: Netlink, link: LinkInfo): Prefix[] {
  return listAddresses(netlink, link.index).filter(({ address }) => !address.startsWith("fe80"))
    .map(({ address }) => parsePrefix(address, "address"));
}

/** What the alias says until all the rest is there: who finds it later makes the bridge anew. */
const UNFINISHED: State = { settings: "unfinished", opened: [] };

/** Makes the bridge, of which there may be a part from somebody who was killed. */
function create(netlink: Netlink, device: string, init: ManagedBridgeInit): void {
  const old = findLink(netlink, device);
  if (old !== undefined) {
    if (old.kind !== "bridge" || readState(old) === undefined) {
      throw new SpecError(
        "network.bridge",
        `there is a device "${device}" that is not Paddock's; take another name`,
      );
    }
    removeDevices(netlink, old);
  }
  const subnet = chooseSubnet(netlink, device, init.subnet);
  const pool = init.pool === undefined ? undefined : parsePrefix(init.pool, "network.pool");
  const { gateway } = placesOf(subnet, pool);
  const wide = subnet6(subnet);
  addLink(netlink, {
    kind: "bridge",
    name: device,
    stp: false,
    forwardDelay: 0,
    multicastSnooping: false,
    address: hardwareAddress(addressAt(subnet, gateway)),
    ipv6LinkLocal: false,
  });
  writeState(netlink, device, UNFINISHED);
  const at = (prefix: Prefix) => formatPrefix({ ...prefix, address: addressAt(prefix, gateway) });
  addAddress(netlink, { link: device, address: at(subnet) });
  let wideAdded = true;
  try {
    addAddress(netlink, { link: device, address: at(wide), noDad: true });
  } catch (error) {
    // A host without IPv6 has a bridge without it.
    if (!(error instanceof NetlinkError && ["EOPNOTSUPP", "EACCES"].includes(error.code))) {
      throw error;
    }
    wideAdded = false;
  }
  prepareBridge(device);
  const opened = openUplinks(uplinks(netlink));
  const subnets = wideAdded ? [subnet, wide] : [subnet];
  addFirewall({ device, subnets, isolated: init.isolated, hostAccess: init.hostAccess, opened });
  if (init.tunnel !== undefined) {
    const name = `pv-${device.slice(DEVICE_PREFIX.length + 1)}`;
    addLink(netlink, { kind: "vxlan", name, ...init.tunnel, master: device, mtu: TUNNEL_MTU });
    setLink(netlink, name, { ipv6LinkLocal: false });
    setLink(netlink, name, { up: true });
  }
  setLink(netlink, device, { up: true });
  writeState(netlink, device, { settings: settingsOf(init), opened });
}

function hardwareAddress(address: AddressBytes): string {
  return formatHardwareAddress(Uint8Array.of(0x02, 0x70, ...address));
}

function checkSettings(link: LinkInfo, state: State, init: ManagedBridgeInit, netlink: Netlink) {
  const wanted = settingsOf(init);
  if (state.settings !== wanted) {
    throw new SpecError(
      "network.bridge",
      `"${link.name}" is there already and is "${state.settings}", not "${wanted}"; take another name, or the same settings`,
    );
  }
  const given = init.subnet;
  const own = networksOf(netlink, link).find(({ address }) => address.length === 4);
  if (given === undefined || own === undefined) return;
  const subnet = formatPrefix({ address: addressAt(own, 0), length: own.length });
  const asked = parsePrefix(given, "network.subnet");
  if (formatPrefix({ address: addressAt(asked, 0), length: asked.length }) !== subnet) {
    throw new SpecError("network.subnet", `the bridge is there already with ${subnet}`);
  }
}

/** Makes a sandbox a port of a bridge that is there; `undefined` where it is not. */
function attach(
  netlink: Netlink,
  device: string,
  init: ManagedBridgeInit,
  box: { netns: number; name?: string },
): BridgePort | undefined {
  const bridge = findLink(netlink, device);
  const state = bridge && readState(bridge);
  if (bridge === undefined || !isFinished(state)) return undefined;
  checkSettings(bridge, state, init, netlink);
  const subnets = networksOf(netlink, bridge);
  const subnet = subnets.find(({ address }) => address.length === 4)!;
  const wide = subnets.find(({ address }) => address.length === 16);
  const pool = init.pool === undefined ? undefined : parsePrefix(init.pool, "network.pool");
  const places = placesOf(subnet, pool);
  const linkName = (place: number) => `pd${bridge.index}-${place}`;
  const mtu = init.tunnel === undefined ? undefined : TUNNEL_MTU;
  const take = (place: number): boolean => {
    try {
      addLink(netlink, {
        kind: "veth",
        name: linkName(place),
        master: bridge.index,
        // One queue each: a device with one for each processor takes longer to make.
        txQueues: 1,
        rxQueues: 1,
        mtu,
        peer: {
          name: "eth0",
          netns: { fd: box.netns },
          address: hardwareAddress(addressAt(subnet, place)),
          txQueues: 1,
          rxQueues: 1,
          mtu,
        },
      });
      return true;
    } catch (error) {
      if (error instanceof NetlinkError && error.code === "EEXIST") return false;
      throw error;
    }
  };
  const place = findPlace(netlink, places, linkName, take);
  const link = linkName(place);
  const { name } = box;
  setLink(netlink, link, { ipv6LinkLocal: false, alias: name });
  setLink(netlink, link, { up: true }, init.isolated ? { isolated: true } : undefined);
  const at = (prefix: Prefix) => formatPrefix({ ...prefix, address: addressAt(prefix, place) });
  const router = (prefix: Prefix) => formatAddress(addressAt(prefix, places.gateway));
  const gateways = [router(subnet)];
  if (wide !== undefined && forwardsIpv6(device)) gateways.push(router(wide));
  return {
    device,
    link,
    addresses: wide === undefined ? [at(subnet)] : [at(subnet), at(wide)],
    gateways,
  };
}

/** Takes a place that nobody has. Not the lowest: one just left is still in others' caches. */
function findPlace(
  netlink: Netlink,
  { first, count }: { first: number; count: number },
  linkName: (place: number) => string,
  take: (place: number) => boolean,
): number {
  for (let tries = 0; tries < RANDOM_TRIES; tries++) {
    const place = first + Math.floor(Math.random() * count);
    if (take(place)) return place;
  }
  const used = new Set(listLinks(netlink, "veth").map(({ name }) => name));
  for (let place = first; place < first + count; place++) {
    if (!used.has(linkName(place)) && take(place)) return place;
  }
  throw new SandboxError(`All ${count} addresses of the bridge's network are taken`);
}

/** Makes a sandbox a port of a bridge, which is made if it is not there. Needs root. */
export function joinBridge(
  netlink: Netlink,
  init: ManagedBridgeInit,
  box: { netns: number; name?: string },
): BridgePort {
  const device = bridgeDevice(init.name);
  for (;;) {
    const port = underLock("shared", () => attach(netlink, device, init, box));
    if (port !== undefined) return port;
    underLock("alone", () => {
      const link = findLink(netlink, device);
      if (link === undefined || !isFinished(readState(link))) create(netlink, device, init);
    });
  }
}

function removeDevices(netlink: Netlink, bridge: LinkInfo): void {
  for (const { name, master, kind } of listLinks(netlink)) {
    if (master === bridge.index && kind === "vxlan") deleteLink(netlink, name);
  }
  deleteLink(netlink, bridge.index);
}

/**
 * Removes the bridges that nobody uses any more, with their firewalls, and puts back the settings
 * of devices. Returns the names of what it removed.
 */
export function sweepBridges(netlink: Netlink): string[] {
  if (managed(netlink).length === 0) return [];
  return underLock("alone", ({ remove }) => {
    const links = listLinks(netlink);
    const bridges = managed(netlink);
    const idle = bridges.filter((bridge) => portsOf(links, bridge).length === 0);
    const rest = bridges.filter((bridge) => !idle.includes(bridge));
    for (const bridge of idle) {
      const { opened } = bridge.state;
      const heir = rest[0];
      // Another bridge may need what this one opened.
      if (opened.length > 0 && heir !== undefined) {
        heir.state.opened.push(...opened);
        addFirewall({
          device: heir.name,
          subnets: networksOf(netlink, heir).map((prefix) => ({
            ...prefix,
            address: addressAt(prefix, 0),
          })),
          isolated: heir.state.settings.split(" ").includes("isolated"),
          hostAccess: heir.state.settings.split(" ").includes("host"),
          opened: heir.state.opened,
        });
        writeState(netlink, heir.name, heir.state);
      } else closeUplinks(opened);
      deleteFirewall(bridge.name);
      removeDevices(netlink, bridge);
    }
    if (rest.length === 0) remove();
    return idle.map(({ name }) => name);
  });
}

/** The addresses of a name on a bridge, IPv4 and IPv6. */
export function namesOnBridge(netlink: Netlink, device: string, name: string): AddressBytes[] {
  const bridge = findLink(netlink, device);
  if (bridge === undefined) return [];
  const subnets = networksOf(netlink, bridge);
  return listLinks(netlink, "veth")
    .filter(({ master, alias }) => master === bridge.index && alias?.toLowerCase() === name)
    .flatMap((link) => {
      const place = Number(/-(\d+)$/.exec(link.name)?.[1]);
      return subnets.map((subnet) => addressAt(subnet, place));
    });
}
