/**
 * Limits how fast a sandbox may send and receive.
 *
 * ```ts
 * import { sandbox } from "@paddock/paddock";
 *
 * // The same as .use(bandwidth({ .. })) after a plugin that makes a device.
 * const box = sandbox().network("pasta", { bandwidth: { up: "10mbit", down: "50mbit" } });
 * console.log(box.spec.network);
 * ```
 *
 * @module
 */

import { type BandwidthSpec, checkKeys, defineHook, type Plugin, SpecError } from "../mod.ts";
import {
  addLink,
  addQdisc,
  deleteQdisc,
  listLinks,
  type Netlink,
  parseRate,
  redirectIngress,
  replaceQdisc,
} from "../lib/net/mod.ts"; // in your project: "@paddock/paddock/net"

/** The device that what is received is sent through first. */
const IFB = "paddock-down";

/**
 * Puts a token bucket in front of every device of the sandbox but its loopback: what it sends
 * waits, and is dropped if there is too much of it. What it receives is first sent through a device
 * of the kind `ifb` that has such a bucket. The command has no rights to change either.
 *
 * Errors: `SpecError` for what is no rate, or if there is no device; `NetlinkError` if the kernel
 * has no such disciplines.
 */
export function bandwidth(limits: BandwidthSpec): Plugin {
  checkKeys(limits, "bandwidth", ["up", "down"]);
  const { up, down } = limits;
  const rates = {
    up: up === undefined ? undefined : parseRate(up, "network.bandwidth.up"),
    down: down === undefined ? undefined : parseRate(down, "network.bandwidth.down"),
  };
  return defineHook({
    name: "bandwidth",
    async networkSetup({ inside }) {
      const netlink = await inside.netlink();
      const links = listLinks(netlink).filter(({ name }) => name !== "lo");
      if (links.length === 0) {
        throw new SpecError("network.bandwidth", "the sandbox has no device to limit");
      }
      if (rates.down !== undefined) limitDown(netlink, links.map(({ index }) => index), rates.down);
      if (rates.up !== undefined) {
        for (const { index } of links) {
          replaceQdisc(netlink, { link: index, kind: "tbf", rate: rates.up });
        }
      }
    },
  });
}

function limitDown(netlink: Netlink, links: readonly number[], rate: number): void {
  addLink(netlink, { kind: "ifb", name: IFB, up: true });
  addQdisc(netlink, { link: IFB, kind: "tbf", rate });
  for (const link of links) {
    addQdisc(netlink, { link, kind: "ingress" });
    try {
      redirectIngress(netlink, link, IFB);
    } catch (error) {
      deleteQdisc(netlink, link, "ingress");
      throw error;
    }
  }
}
