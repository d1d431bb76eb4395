/**
 * How a sandbox is connected, as plain data.
 *
 * @module
 */

import type { EgressSettings } from "./egress.ts";
import type { JoinTarget } from "./join.ts";

/** How fast a sandbox may send and receive, in bits per second: a number or e.g. `"10mbit"`. */
export interface BandwidthSpec {
  /** What it sends. Default: no limit. */
  up?: string | number;
  /** What it receives. Default: no limit. */
  down?: string | number;
}

/** What every mode can be given. */
export interface NetworkSettings {
  /**
   * Ports of the host that lead into the sandbox: `[IP:]HOST:BOX[/udp]`. Without an address they
   * are open on the host's loopback only.
   */
  publish?: string[];
  /** Limits; the mode must give the sandbox a device of its own. */
  bandwidth?: BandwidthSpec;
}

/**
 * Only its own loopback; and with {@linkcode EgressSettings}, a gate that leads to what they list.
 * `bandwidth` is then what may go through it.
 */
export interface NoneNetwork extends NetworkSettings, EgressSettings {
  /** Says which mode this is. */
  mode: "none";
}

/** The host's network itself. */
export interface HostNetwork {
  /** Says which mode this is. */
  mode: "host";
}

/**
 * A port of a bridge of the host's, with addresses from a pool, and NAT to the outside; or, with
 * {@linkcode EgressSettings}, a gate to what they list in NAT's place. Sandboxes of a named bridge
 * reach each other, also by their names; those of the unnamed one do not. Root only; needs `nft`.
 */
export interface BridgeNetwork extends NetworkSettings, EgressSettings {
  /** Says which mode this is. */
  mode: "bridge";
  /** The bridge's name, 1 to 11 letters and digits. Default: one for all, in which all are alone. */
  bridge?: string;
  /** The bridge's network, e.g. `10.7.0.0/24`, if it is not there yet. Default: a free one. */
  subnet?: string;
  /** Keeps the sandbox from the others of its bridge. Default: only on the unnamed one. */
  isolated?: boolean;
  /** Lets the sandbox connect to services of the host. Default: no. */
  hostAccess?: boolean;
  /** What others on the bridge call it. Default: its hostname. */
  name?: string;
  /** Name servers to ask for other names. Default: the host's. */
  nameservers?: string[];
}

/** The host's network as an ordinary user has it, by passt's `pasta`. */
export interface PastaNetwork extends NetworkSettings {
  /** Says which mode this is. */
  mode: "pasta";
  /** Name servers to ask. Default: the host's. */
  nameservers?: string[];
}

/** A device with an address of its own on a network of the host. Root only. */
export interface MacvlanNetwork extends NetworkSettings {
  /** `macvlan`: with a hardware address of its own; `ipvlan`: with the host's. */
  mode: "macvlan" | "ipvlan";
  /** The host's device. */
  parent: string;
  /** Addresses with their networks, e.g. `192.0.2.7/24`. */
  addresses: string[];
  /** The routers, one for each family at most. */
  gateways?: string[];
  /** Name servers to ask. Default: the host's. */
  nameservers?: string[];
}

/** The network of somebody else. */
export interface JoinNetwork extends Pick<NetworkSettings, "publish"> {
  /** Says which mode this is. */
  mode: "join";
  /**
   * Whose: a name of ip-netns(8), a path, a process (another sandbox's, say), or an open
   * descriptor.
   */
  target: JoinTarget;
}

/** A bridge that is one with another host's bridge, by a tunnel. Root only; needs `nft`. */
export interface VxlanNetwork extends NetworkSettings {
  /** Says which mode this is. */
  mode: "vxlan";
  /** The bridge's name, 1 to 11 letters and digits. */
  bridge: string;
  /** The tunnel's number, the same on both hosts. */
  id: number;
  /** The other host's address. */
  remote: string;
  /** This host's address. Default: the one that leads to the other. */
  local?: string;
  /** The tunnel's UDP port. Default: 4789. */
  port?: number;
  /** The network of both bridges, e.g. `10.7.0.0/24`. */
  subnet: string;
  /** This host's part of it, which no other host uses, e.g. `10.7.0.128/25`. */
  pool: string;
  /** What others on this host's bridge call it. Default: its hostname. */
  name?: string;
  /** Name servers to ask for other names. Default: the host's. */
  nameservers?: string[];
}

/** How the sandbox is connected. */
export type NetworkSpec =
  | NoneNetwork
  | HostNetwork
  | BridgeNetwork
  | PastaNetwork
  | MacvlanNetwork
  | JoinNetwork
  | VxlanNetwork;

/** The names of the modes. */
export type NetworkMode = NetworkSpec["mode"];

/** What a mode can be given, but for its name. */
export type NetworkSettingsOf<Mode extends NetworkMode> = NetworkSpec extends infer Each
  ? Each extends { mode: string } ? Mode extends Each["mode"] ? Omit<Each, "mode"> : never : never
  : never;

/** With any of these there is a gate. */
export const EGRESS_KEYS = [
  "allowDomains",
  "denyDomains",
  "allowAddresses",
  "denyAddresses",
  "transparent",
] as const;

/** Whether a sandbox has a gate to what is listed. */
export function hasGate(network: NetworkSpec): network is NoneNetwork | BridgeNetwork {
  return (network.mode === "none" || network.mode === "bridge") &&
    EGRESS_KEYS.some((key) => network[key] !== undefined);
}
