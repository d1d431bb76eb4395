/**
 * Makes sandboxes ports of bridges.
 *
 * @module
 */

import { NetlinkError, SandboxError } from "../../errors.ts";
import { addressAt, formatAddress, formatPrefix, parsePrefix, type Prefix } from "../ip_address.ts";
import { addLink, findLink, listLinks, setLink } from "../link.ts";
import type { Netlink } from "../netlink.ts";
import {
  bridgeDevice,
  type BridgePort,
  hardwareAddress,
  isFinished,
  managed,
  type ManagedBridgeInit,
  networksOf,
  readState,
  TUNNEL_MTU,
} from "./bridge_state.ts";
import { abandonBridge, checkSettings, createBridge } from "./create_bridge.ts";
import { closeForGated, GATED_GROUP } from "./firewall.ts";
import { forwardsIpv6 } from "./forwarding.ts";
import { underLock } from "./lock.ts";
import { placesOf } from "./pool.ts";

const RANDOM_TRIES = 8;

/** A sandbox that becomes a port of a bridge. */
export interface BridgeBox {
  /** Its network namespace. */
  readonly netns: number;
  /** What others on the bridge call it. */
  readonly name?: string;
  /** It reaches the others on the bridge only. */
  readonly gated?: boolean;
}

/** Makes a sandbox a port of a bridge that is there; `undefined` where it is not. */
function attach(
  netlink: Netlink,
  device: string,
  init: ManagedBridgeInit,
  box: BridgeBox,
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
  const { name, gated = false } = box;
  // Before it is up: nothing of it gets further than the bridge.
  if (gated) closeForGated(device);
  const group = gated ? GATED_GROUP : undefined;
  setLink(netlink, link, { ipv6LinkLocal: false, alias: name, group });
  setLink(netlink, link, { up: true }, init.isolated ? { isolated: true } : undefined);
  const at = (prefix: Prefix) => formatPrefix({ ...prefix, address: addressAt(prefix, place) });
  const router = (prefix: Prefix) => formatAddress(addressAt(prefix, places.gateway));
  const gateways = gated ? [] : [router(subnet)];
  if (!gated && wide !== undefined && forwardsIpv6(device)) gateways.push(router(wide));
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
  box: BridgeBox,
): BridgePort {
  const device = bridgeDevice(init.name);
  try {
    return join(netlink, device, init, box);
  } catch (error) {
    // Nobody will sweep after a sandbox that there never was; the lock's file goes now.
    underLock("alone", ({ remove }) => managed(netlink).length === 0 && remove());
    throw error;
  }
}

function join(
  netlink: Netlink,
  device: string,
  init: ManagedBridgeInit,
  box: BridgeBox,
): BridgePort {
  for (;;) {
    const port = underLock("shared", () => attach(netlink, device, init, box));
    if (port !== undefined) return port;
    underLock("alone", () => {
      const link = findLink(netlink, device);
      if (link !== undefined && isFinished(readState(link))) return;
      try {
        createBridge(netlink, device, init);
      } catch (error) {
        abandonBridge(netlink, device);
        throw error;
      }
    });
  }
}
