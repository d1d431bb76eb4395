/**
 * Network devices as data: what is asked for, and what the kernel tells. ip-link(8).
 *
 * @module
 */

/** A device by its name or its index. */
export type LinkRef = string | number;

/** A network namespace: a path such as `/run/netns/blue`, a process, or an open descriptor. */
export type NetworkNamespace = string | { pid: number } | { fd: number };

/** What every kind of device can be given. */
export interface LinkSettings {
  /** Its name: up to 15 bytes, no slash and no white space. */
  name?: string;
  /** The namespace that it is put into. Default: that of the connection. */
  netns?: NetworkNamespace;
  /** Whether it is up. */
  up?: boolean;
  /** The most bytes in a packet. */
  mtu?: number;
  /** The hardware address, e.g. `02:00:00:00:00:01`. */
  address?: string;
  /** The bridge that it becomes a port of; `null` takes it out of its bridge. */
  master?: LinkRef | null;
  /** A text of up to 255 bytes that the kernel keeps with the device. */
  alias?: string;
  /** The number of a group of devices, by which firewalls can tell them. */
  group?: number;
  /** How many packets wait to be sent. */
  txQueueLength?: number;
  /** How many queues for sending; a device with one is quicker to make. */
  txQueues?: number;
  /** How many queues for receiving. */
  rxQueues?: number;
  /** Whether it gets an IPv6 address of its own (`fe80::..`) when it is up. */
  ipv6LinkLocal?: boolean;
}

/** Settings of a port of a bridge. bridge(8). */
export interface BridgePortSettings {
  /** It exchanges packets only with ports that are not isolated. */
  isolated?: boolean;
  /** Packets may leave where they came in. */
  hairpin?: boolean;
  /** Addresses are learned from it. */
  learning?: boolean;
  /** Packets to unknown addresses go to it. */
  flood?: boolean;
}

/** Two devices that are connected with each other. veth(4). */
export interface VethInit extends LinkSettings {
  /** Says which kind of device this is. */
  kind: "veth";
  /** The other end; it may be in another namespace. */
  peer?: LinkSettings;
}

/** A switch. */
export interface BridgeInit extends LinkSettings {
  /** Says which kind of device this is. */
  kind: "bridge";
  /** The spanning tree protocol. */
  stp?: boolean;
  /** Seconds before a new port forwards; needs `stp` to matter. */
  forwardDelay?: number;
  /** Looks into IGMP and MLD to know who wants which multicast group. */
  multicastSnooping?: boolean;
  /** VLAN tags divide it. */
  vlanFiltering?: boolean;
}

/** A device with a hardware address of its own on a device of the host. */
export interface MacvlanInit extends LinkSettings {
  /** Says which kind of device this is. */
  kind: "macvlan";
  /** The device of the host. */
  parent: LinkRef;
  /** Who may talk with whom. Default: `bridge`. */
  mode?: "private" | "vepa" | "bridge" | "passthru";
}

/** A device that shares the hardware address of a device of the host. */
export interface IpvlanInit extends LinkSettings {
  /** Says which kind of device this is. */
  kind: "ipvlan";
  /** The device of the host. */
  parent: LinkRef;
  /** Default: `l2`. */
  mode?: "l2" | "l3" | "l3s";
}

/** A tunnel of Ethernet over UDP. RFC 7348. */
export interface VxlanInit extends LinkSettings {
  /** Says which kind of device this is. */
  kind: "vxlan";
  /** The network's number, up to 2^24 - 1. */
  id: number;
  /** The other host's address, or a multicast group. */
  remote?: string;
  /** This host's address. */
  local?: string;
  /** The device that packets leave by. */
  parent?: LinkRef;
  /** The UDP port. Default: 4789. */
  port?: number;
  /** Addresses are learned from what is received. Default: yes. */
  learning?: boolean;
  /** The time to live of the outer packets. */
  ttl?: number;
}

/** A VLAN on another device. */
export interface VlanInit extends LinkSettings {
  /** Says which kind of device this is. */
  kind: "vlan";
  /** The device below. */
  parent: LinkRef;
  /** The tag, 1 to 4094. */
  id: number;
}

/** A device without settings of its own. */
export interface PlainInit extends LinkSettings {
  /** `dummy` swallows what it gets, `ifb` is for traffic control of what comes in. */
  kind: "dummy" | "ifb";
}

/** A device to be made. */
export type LinkInit =
  | VethInit
  | BridgeInit
  | MacvlanInit
  | IpvlanInit
  | VxlanInit
  | VlanInit
  | PlainInit;

/** A device, as the kernel tells of it. */
export interface LinkInfo {
  /** Its index. */
  readonly index: number;
  /** Its name. */
  readonly name: string;
  /** Its kind, e.g. `"veth"`; `undefined` for hardware and `lo`. */
  readonly kind?: string;
  /** Whether it is up. */
  readonly up: boolean;
  /** Whether its other side is there too. */
  readonly running: boolean;
  /** The most bytes in a packet. */
  readonly mtu: number;
  /** The hardware address. */
  readonly address?: string;
  /** The index of the bridge that it is a port of. */
  readonly master?: number;
  /** The index of the device below, or of the other end of a veth, in its own namespace. */
  readonly parent?: number;
  /** The text that is kept with it. */
  readonly alias?: string;
  /** Its kind as a port, e.g. `"bridge"`. */
  readonly portKind?: string;
  /** Whether it is isolated from other isolated ports. */
  readonly isolated?: boolean;
}
