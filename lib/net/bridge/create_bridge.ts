/**
 * Makes bridges: the device, its addresses, its firewall, the way out, and a tunnel.
 *
 * @module
 */

import { NetlinkError, SpecError } from "../../errors.ts";
import { addAddress } from "../address.ts";
import { addressAt, formatPrefix, parsePrefix, type Prefix } from "../ip_address.ts";
import { addLink, findLink, setLink } from "../link.ts";
import type { LinkInfo } from "../link_types.ts";
import type { Netlink } from "../netlink.ts";
import {
  hardwareAddress,
  type ManagedBridgeInit,
  networksOf,
  readState,
  removeDevices,
  settingsOf,
  type State,
  TUNNEL_MTU,
  UNFINISHED,
  writeState,
} from "./bridge_state.ts";
import { addFirewall, deleteFirewall, DEVICE_PREFIX } from "./firewall.ts";
import { closeUplinks, openUplinks, prepareBridge, uplinks } from "./forwarding.ts";
import { chooseSubnet, placesOf, subnet6 } from "./pool.ts";

/** Makes the bridge, of which there may be a part from somebody who was killed. */
export function createBridge(netlink: Netlink, device: string, init: ManagedBridgeInit): void {
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
  writeState(netlink, device, { ...UNFINISHED, opened });
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

/** Takes back what there is of a bridge whose making failed. */
export function abandonBridge(netlink: Netlink, device: string): void {
  const link = findLink(netlink, device);
  const state = link && readState(link);
  if (link === undefined || state?.settings !== UNFINISHED.settings) return;
  closeUplinks(state.opened);
  removeDevices(netlink, link);
  try {
    deleteFirewall(device);
  } catch {
    // What failed may be nft itself; that error is the one to tell.
  }
}

/** Refuses what contradicts the settings of a bridge that is there. */
export function checkSettings(
  link: LinkInfo,
  state: State,
  init: ManagedBridgeInit,
  netlink: Netlink,
) {
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
