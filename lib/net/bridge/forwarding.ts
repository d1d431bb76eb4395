/**
 * Forwarding between a bridge and the outside. Only the devices that are needed for it forward, and
 * those that did not before are written down, to be put back.
 *
 * @module
 */

import type { Netlink } from "../netlink.ts";
import { listLinks } from "../link.ts";
import { listRoutes } from "../route.ts";

function path(family: 4 | 6, device: string, name: string): string {
  return `/proc/sys/net/ipv${family}/conf/${device}/${name}`;
}

// Asked for in this thread's namespace, for it is done synchronously.
function read(file: string): string | undefined {
  try {
    return Deno.readTextFileSync(file).trim();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function write(file: string, value: string): void {
  try {
    Deno.writeTextFileSync(file, value);
  } catch (error) {
    // Without IPv6 in the kernel, and where a device has just gone.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Devices by which the outside is reached. */
export function uplinks(netlink: Netlink): string[] {
  const routes = listRoutes(netlink, 254).filter(({ to, type }) =>
    to === "default" && type === "unicast"
  );
  const names = new Map(listLinks(netlink).map(({ index, name }) => [index, name]));
  const found = routes.flatMap(({ index }) => index === undefined ? [] : names.get(index) ?? []);
  return [...new Set(found)];
}

/** Settings of the bridge itself: it forwards, and believes nobody about routes. */
export function prepareBridge(device: string): void {
  write(path(4, device, "forwarding"), "1");
  for (const family of [4, 6] as const) write(path(family, device, "accept_redirects"), "0");
  write(path(4, device, "send_redirects"), "0");
  write(path(6, device, "accept_ra"), "0");
  // Linux 6.17: forwards IPv6 without the switch for all devices, which would end autoconfiguration.
  write(path(6, device, "force_forwarding"), "1");
}

/** Lets devices forward; returns those that did not before. */
export function openUplinks(devices: readonly string[]): string[] {
  return devices.filter((device) => {
    let opened = false;
    for (const [family, name] of [[4, "forwarding"], [6, "force_forwarding"]] as const) {
      const file = path(family, device, name);
      if (read(file) !== "0") continue;
      write(file, "1");
      opened = true;
    }
    return opened;
  });
}

/** Puts back what {@linkcode openUplinks} did. */
export function closeUplinks(devices: readonly string[]): void {
  for (const device of devices) {
    write(path(4, device, "forwarding"), "0");
    write(path(6, device, "force_forwarding"), "0");
  }
}

/** Whether IPv6 from the bridge gets out. */
export function forwardsIpv6(device: string): boolean {
  return read("/proc/sys/net/ipv6/conf/all/forwarding") === "1" ||
    read(path(6, device, "force_forwarding")) === "1";
}
