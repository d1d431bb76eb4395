/**
 * Removes bridges that nobody uses.
 *
 * @module
 */

import { addressAt } from "../ip_address.ts";
import { listLinks } from "../link.ts";
import type { Netlink } from "../netlink.ts";
import { managed, networksOf, portsOf, removeDevices, writeState } from "./bridge_state.ts";
import { addFirewall, deleteFirewall } from "./firewall.ts";
import { closeUplinks } from "./forwarding.ts";
import { underLock } from "./lock.ts";

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
