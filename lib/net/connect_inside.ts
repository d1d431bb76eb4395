/**
 * What every mode does in the sandbox when its device is there.
 *
 * @module
 */

import { AT_FDCWD, O_CLOEXEC, O_WRONLY } from "../sys/abi/fcntl.ts";
import { check, syscall } from "../sys/libc.ts";
import { addAddress } from "./address.ts";
import { linkIndex, setLink } from "./link.ts";
import type { NamespaceCalls, Network } from "./network.ts";
import { addRoute } from "./route.ts";

/** How a sandbox's device is to be used. */
export interface ConnectInsideInit {
  /** The device. */
  link: string;
  /** Its addresses with their networks. */
  addresses: readonly string[];
  /** The routers to everywhere else. */
  gateways?: readonly string[];
}

/** Puts a device of the sandbox up, with addresses and default routes. */
export async function connectInside(inside: Network, init: ConnectInsideInit): Promise<void> {
  const netlink = await inside.netlink();
  const link = linkIndex(netlink, init.link);
  setLink(netlink, link, { ipv6LinkLocal: false });
  setLink(netlink, link, { up: true });
  for (const address of init.addresses) {
    const wide = address.includes(":");
    addAddress(netlink, { link, address, noDad: wide ? true : undefined });
  }
  for (const via of init.gateways ?? []) addRoute(netlink, { to: "default", via, link });
}

const LOW_PORTS = "/proc/sys/net/ipv4/ip_unprivileged_port_start";

/**
 * Lets the command have ports below 1024: in a network of its own they mean nothing. Resolves to
 * why it could not be done, as where the sandbox has no `/proc`.
 */
export async function allowLowPorts(inside: NamespaceCalls): Promise<Error | undefined> {
  try {
    const flags = O_WRONLY | O_CLOEXEC;
    const fd = await inside.descriptor("openat", AT_FDCWD, LOW_PORTS, flags, 0);
    try {
      check(syscall("write", fd, new TextEncoder().encode("0"), 1), "write", { path: LOW_PORTS });
    } finally {
      syscall("close", fd);
    }
  } catch (error) {
    return error as Error;
  }
}
