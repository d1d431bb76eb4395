/**
 * What every mode does in the sandbox when its device is there.
 *
 * @module
 */

import type { Operation } from "../agent/operation.ts";
import { AT_FDCWD, O_CLOEXEC, O_WRONLY } from "../sys/abi/fcntl.ts";
import { NETLINK_ROUTE } from "../sys/abi/netlink.ts";
import { AF_INET, AF_NETLINK, SOCK_CLOEXEC, SOCK_RAW } from "../sys/abi/socket.ts";
import { syscall } from "../sys/libc.ts";
import { addAddress } from "./address.ts";
import { linkIndex, setLink } from "./link.ts";
import { Netlink } from "./netlink.ts";
import { addRoute } from "./route.ts";
import { DATAGRAM, STREAM } from "./socket.ts";

/** What runs programs in a sandbox: `ctx.inside`. */
export interface ProgramRunner {
  /** Runs a program there, and hands descriptors out. */
  run(
    program: { operations: readonly Operation[]; send?: readonly string[] },
  ): Promise<{ fds: number[] }>;
}

/** How a sandbox's device is to be used. */
export interface ConnectInsideInit {
  /** The device. */
  link: string;
  /** Its addresses with their networks. */
  addresses: readonly string[];
  /** The routers to everywhere else. */
  gateways?: readonly string[];
}

/** Sockets of a sandbox's network namespace, all the caller's to close. */
export interface InsideSockets {
  /** For its configuration. */
  readonly netlink: Netlink;
  /** For datagrams, not bound. */
  readonly udp: number;
  /** For connections, not bound. */
  readonly tcp: number;
}

/** What comes out of a sandbox in one message. */
const MOST_AT_ONCE = 60;

/**
 * Makes sockets inside, and lets everybody there have ports below 1024, in as few programs as can
 * be, for each one that is sent in costs a fifth of a millisecond.
 *
 * @param sockets Family, type and protocol of each, as socket(2) takes them.
 */
export async function openSockets(
  inside: ProgramRunner,
  sockets: readonly (readonly [family: number, type: number, protocol?: number])[],
): Promise<number[]> {
  const opened: number[] = [];
  try {
    for (let from = 0; from < sockets.length; from += MOST_AT_ONCE) {
      const some = sockets.slice(from, from + MOST_AT_ONCE);
      const { fds } = await inside.run({
        operations: [
          ...some.map(([family, type, protocol = 0], index): Operation => ({
            call: "socket",
            args: [family, type, protocol],
            store: `socket ${index}`,
          })),
          ...(from === 0 ? LOW_PORTS_FOR_ALL : []),
        ],
        send: some.map((_, index) => `socket ${index}`),
      });
      opened.push(...fds);
    }
    return opened;
  } catch (error) {
    for (const fd of opened) syscall("close", fd);
    throw error;
  }
}

// In a network of its own low ports mean nothing. Without a /proc they stay closed.
const LOW_PORTS_FOR_ALL: readonly Operation[] = [
  {
    call: "openat",
    args: [
      AT_FDCWD,
      "/proc/sys/net/ipv4/ip_unprivileged_port_start",
      O_WRONLY | O_CLOEXEC,
      0,
    ],
    store: "low ports",
    onError: "ignore",
  },
  { call: "write", args: [{ load32: "low ports" }, "0", 1], onError: "ignore" },
  { call: "close", args: [{ load32: "low ports" }], onError: "ignore" },
];

/** What most modes want of the inside. */
export async function openInside(inside: ProgramRunner): Promise<InsideSockets> {
  const [route, udp, tcp] = await openSockets(inside, [
    [AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE],
    [AF_INET, DATAGRAM],
    [AF_INET, STREAM],
  ]) as [number, number, number];
  return { netlink: new Netlink(route), udp, tcp };
}

/** The same for a mode that serves nothing inside. The connection is the caller's to close. */
export async function openNetlinkInside(inside: ProgramRunner): Promise<Netlink> {
  const sockets = [[AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE]] as const;
  const [route] = await openSockets(inside, sockets);
  return new Netlink(route!);
}

/** Puts a device of the sandbox up, with addresses and default routes. */
export function connectInside(netlink: Netlink, init: ConnectInsideInit): void {
  const link = linkIndex(netlink, init.link);
  setLink(netlink, link, { ipv6LinkLocal: false });
  setLink(netlink, link, { up: true });
  for (const address of init.addresses) {
    const wide = address.includes(":");
    addAddress(netlink, { link, address, noDad: wide ? true : undefined });
  }
  for (const via of init.gateways ?? []) addRoute(netlink, { to: "default", via, link });
}
