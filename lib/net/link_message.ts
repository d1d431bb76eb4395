/**
 * Encodes and decodes devices for rtnetlink(7): `struct ifinfomsg` and what is behind it.
 *
 * @module
 */

import { SpecError } from "../errors.ts";
import * as abi from "../sys/abi/rtnetlink.ts";
import { AF_INET6, IFF_RUNNING, IFF_UP } from "../sys/abi/socket.ts";
import { formatHardwareAddress, needAddress, parseHardwareAddress } from "./ip_address.ts";
import type { BridgePortSettings, LinkInfo, LinkInit, LinkSettings } from "./link_types.ts";
import { Attributes, type MessageBuilder, type NetlinkMessage } from "./message.ts";

/** The size of `struct ifinfomsg`. */
export const IFINFOMSG_SIZE = 16;

/** Names and namespaces that were looked up before a message is built. */
export interface Resolved {
  /** The index of the device below. */
  parent?: number;
  /** The index of the bridge; 0 for none. */
  master?: number;
  /** The namespace's descriptor. */
  netns?: number;
  /** The namespace's descriptor for the other end of a veth. */
  peerNetns?: number;
}

/** Checks a device's name by the kernel's own rule: dev_valid_name. */
export function checkLinkName(name: string, field: string): void {
  const bytes = new TextEncoder().encode(name).length;
  if (bytes < 1 || bytes > 15 || name === "." || name === ".." || /[\s/:\0]/.test(name)) {
    throw new SpecError(field, `"${name}" is not a device's name: 1 to 15 bytes, no space, / or :`);
  }
}

/** `struct ifinfomsg`; only a flag that is given is changed. */
export function ifinfomsg(
  message: MessageBuilder,
  { family = 0, index = 0, up }: { family?: number; index?: number; up?: boolean },
): void {
  message.u8(family).u8(0).u16(0).u32(index).u32(up ? IFF_UP : 0)
    .u32(up === undefined ? 0 : IFF_UP);
}

/** What all kinds have in common. */
export function commonAttributes(
  message: MessageBuilder,
  settings: LinkSettings,
  { master, netns }: Pick<Resolved, "master" | "netns">,
): void {
  if (settings.name !== undefined) {
    checkLinkName(settings.name, "link.name");
    message.text(abi.IFLA_IFNAME, settings.name);
  }
  if (settings.mtu !== undefined) message.attribute32(abi.IFLA_MTU, settings.mtu);
  if (settings.address !== undefined) {
    message.attribute(
      abi.IFLA_ADDRESS,
      parseHardwareAddress(settings.address, "link.address"),
    );
  }
  if (master !== undefined) message.attribute32(abi.IFLA_MASTER, master);
  if (netns !== undefined) message.attribute32(abi.IFLA_NET_NS_FD, netns);
  // Without the NUL: it is counted, and kept. dev_set_alias.
  if (settings.alias !== undefined) {
    message.attribute(abi.IFLA_IFALIAS, new TextEncoder().encode(settings.alias));
  }
  if (settings.group !== undefined) message.attribute32(abi.IFLA_GROUP, settings.group);
  if (settings.txQueueLength !== undefined) {
    message.attribute32(abi.IFLA_TXQLEN, settings.txQueueLength);
  }
  if (settings.txQueues !== undefined) {
    message.attribute32(abi.IFLA_NUM_TX_QUEUES, settings.txQueues);
  }
  if (settings.rxQueues !== undefined) {
    message.attribute32(abi.IFLA_NUM_RX_QUEUES, settings.rxQueues);
  }
}

/** Whether the device makes itself an IPv6 address. */
export function linkLocalAttribute(message: MessageBuilder, on: boolean): void {
  message.nest(abi.IFLA_AF_SPEC, () =>
    message.nest(AF_INET6, () =>
      message.attribute8(
        abi.IFLA_INET6_ADDR_GEN_MODE,
        on ? abi.IN6_ADDR_GEN_MODE_EUI64 : abi.IN6_ADDR_GEN_MODE_NONE,
      )));
}

const MACVLAN_MODES = {
  private: abi.MACVLAN_MODE_PRIVATE,
  vepa: abi.MACVLAN_MODE_VEPA,
  bridge: abi.MACVLAN_MODE_BRIDGE,
  passthru: abi.MACVLAN_MODE_PASSTHRU,
};
const IPVLAN_MODES = {
  l2: abi.IPVLAN_MODE_L2,
  l3: abi.IPVLAN_MODE_L3,
  l3s: abi.IPVLAN_MODE_L3S,
};
const IFLA_VLAN_ID = 1;

function need<T>(value: T | undefined, field: string, given: unknown): T {
  if (value === undefined) throw new SpecError(field, `"${given}" is not known`);
  return value;
}

/** The attributes of the kind itself, inside of `IFLA_INFO_DATA`. */
function kindAttributes(message: MessageBuilder, init: LinkInit, resolved: Resolved): void {
  switch (init.kind) {
    case "veth": {
      const { peer } = init;
      if (peer === undefined) return;
      message.nest(abi.VETH_INFO_PEER, () => {
        // Not up: the kernel would open this end before it knows the other one (ENOTCONN).
        ifinfomsg(message, {});
        commonAttributes(message, peer, { netns: resolved.peerNetns });
      });
      return;
    }
    case "bridge":
      if (init.stp !== undefined) message.attribute32(abi.IFLA_BR_STP_STATE, Number(init.stp));
      if (init.forwardDelay !== undefined) {
        // In hundredths of a second, whatever the kernel's own ticks are.
        message.attribute32(abi.IFLA_BR_FORWARD_DELAY, Math.round(init.forwardDelay * 100));
      }
      if (init.multicastSnooping !== undefined) {
        message.attribute8(abi.IFLA_BR_MCAST_SNOOPING, Number(init.multicastSnooping));
      }
      if (init.vlanFiltering !== undefined) {
        message.attribute8(abi.IFLA_BR_VLAN_FILTERING, Number(init.vlanFiltering));
      }
      return;
    case "macvlan": {
      const mode = MACVLAN_MODES[init.mode ?? "bridge"];
      message.attribute32(abi.IFLA_MACVLAN_MODE, need(mode, "link.mode", init.mode));
      return;
    }
    case "ipvlan": {
      const mode = IPVLAN_MODES[init.mode ?? "l2"];
      message.attribute16(abi.IFLA_IPVLAN_MODE, need(mode, "link.mode", init.mode));
      return;
    }
    case "vxlan": {
      message.attribute32(abi.IFLA_VXLAN_ID, init.id);
      for (const side of ["remote", "local"] as const) {
        if (init[side] === undefined) continue;
        const bytes = needAddress(init[side], `link.${side}`);
        const four = bytes.length === 4;
        const type = side === "remote"
          ? four ? abi.IFLA_VXLAN_GROUP : abi.IFLA_VXLAN_GROUP6
          : four
          ? abi.IFLA_VXLAN_LOCAL
          : abi.IFLA_VXLAN_LOCAL6;
        message.attribute(type, bytes);
      }
      if (resolved.parent !== undefined) message.attribute32(abi.IFLA_VXLAN_LINK, resolved.parent);
      // The kernel's own default is 8472, from before there was a standard.
      message.attributeBe16(abi.IFLA_VXLAN_PORT, init.port ?? 4789);
      message.attribute8(abi.IFLA_VXLAN_LEARNING, Number(init.learning ?? true));
      if (init.ttl !== undefined) message.attribute8(abi.IFLA_VXLAN_TTL, init.ttl);
      return;
    }
    case "vlan":
      message.attribute16(IFLA_VLAN_ID, init.id);
      return;
    case "dummy":
    case "ifb":
      return;
    default:
      throw new SpecError("link.kind", `"${(init as { kind: unknown }).kind}" is not known`);
  }
}

/** Adds all that describes a device that is to be made. */
export function newLink(message: MessageBuilder, init: LinkInit, resolved: Resolved): void {
  ifinfomsg(message, { up: init.up });
  commonAttributes(message, init, resolved);
  if (resolved.parent !== undefined && init.kind !== "vxlan") {
    message.attribute32(abi.IFLA_LINK, resolved.parent);
  }
  message.nest(abi.IFLA_LINKINFO, () => {
    message.text(abi.IFLA_INFO_KIND, init.kind);
    message.nest(abi.IFLA_INFO_DATA, () => kindAttributes(message, init, resolved));
  });
}

const PORT_ATTRIBUTES = {
  isolated: abi.IFLA_BRPORT_ISOLATED,
  hairpin: abi.IFLA_BRPORT_MODE,
  learning: abi.IFLA_BRPORT_LEARNING,
  flood: abi.IFLA_BRPORT_UNICAST_FLOOD,
};

/** The settings of a port of a bridge; the device must be one already. */
export function bridgePortAttributes(message: MessageBuilder, port: BridgePortSettings): void {
  message.nest(abi.IFLA_LINKINFO, () => {
    message.text(abi.IFLA_INFO_SLAVE_KIND, "bridge");
    message.nest(abi.IFLA_INFO_SLAVE_DATA, () => {
      for (const [name, type] of Object.entries(PORT_ATTRIBUTES)) {
        const on = port[name as keyof typeof PORT_ATTRIBUTES];
        if (on !== undefined) message.attribute8(type, Number(on));
      }
    });
  });
}

/** A device from the kernel's message about it. */
export function decodeLink({ payload }: NetlinkMessage): LinkInfo {
  const found = new Attributes(payload, IFINFOMSG_SIZE);
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const flags = view.getUint32(8, true);
  const info = found.nested(abi.IFLA_LINKINFO);
  const hardware = found.bytes(abi.IFLA_ADDRESS);
  const isolated = info.nested(abi.IFLA_INFO_SLAVE_DATA).u8(abi.IFLA_BRPORT_ISOLATED);
  const portKind = info.text(abi.IFLA_INFO_SLAVE_KIND);
  return {
    index: view.getInt32(4, true),
    name: found.text(abi.IFLA_IFNAME) ?? "",
    kind: info.text(abi.IFLA_INFO_KIND),
    up: (flags & IFF_UP) !== 0,
    running: (flags & IFF_RUNNING) !== 0,
    mtu: found.u32(abi.IFLA_MTU) ?? 0,
    address: hardware?.length === 6 ? formatHardwareAddress(hardware) : undefined,
    master: found.u32(abi.IFLA_MASTER),
    parent: found.u32(abi.IFLA_LINK),
    alias: found.text(abi.IFLA_IFALIAS),
    portKind,
    isolated: portKind !== "bridge" || isolated === undefined ? undefined : isolated !== 0,
  };
}
