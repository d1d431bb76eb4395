/**
 * Which settings each mode of a network has.
 *
 * @module
 */

import { EGRESS_KEYS, type NetworkMode } from "./network.ts";

const ALL = ["publish", "bandwidth"];
const BRIDGE = [...ALL, "bridge", "subnet", "name", "nameservers"];

/** The fields of each mode, and those that must be there. */
export const NETWORK_SETTINGS: Readonly<
  Record<NetworkMode, { known: string[]; needed?: string[] }>
> = {
  none: { known: [...ALL, ...EGRESS_KEYS] },
  host: { known: [] },
  bridge: { known: [...BRIDGE, "isolated", "hostAccess"] },
  pasta: { known: [...ALL, "nameservers"] },
  macvlan: {
    known: [...ALL, "parent", "addresses", "gateways", "nameservers"],
    needed: ["parent", "addresses"],
  },
  ipvlan: {
    known: [...ALL, "parent", "addresses", "gateways", "nameservers"],
    needed: ["parent", "addresses"],
  },
  join: { known: ["publish", "target"], needed: ["target"] },
  vxlan: {
    known: [...BRIDGE, "id", "remote", "local", "port", "pool"],
    needed: ["bridge", "id", "remote", "subnet", "pool"],
  },
};
