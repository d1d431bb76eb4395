/**
 * What every mode does in the sandbox when its device is there.
 *
 * @module
 */

import type { Operation } from "../agent/operation.ts";
import { AT_FDCWD, O_CLOEXEC, O_WRONLY } from "../sys/abi/fcntl.ts";
import { NETLINK_ROUTE } from "../sys/abi/netlink.ts";
import { AF_INET, AF_NETLINK, SOCK_CLOEXEC, SOCK_RAW } from "../sys/abi/socket.ts";
import { check, syscall } from "../sys/libc.ts";
import { addAddress } from "./address.ts";
import { linkIndex, setLink } from "./link.ts";
import { Netlink } from "./netlink.ts";
import type { NamespaceCalls } from "./network.ts";
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

/**
 * What most modes want of the inside, in one go, for each program that is sent in costs a fifth of a
 * millisecond: sockets, and ports below 1024 for everybody.
 */
export async function openInside(inside: ProgramRunner): Promise<InsideSockets> {
  const { fds } = await inside.run({
    operations: [
      {
        call: "socket",
        args: [AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE],
        store: "route",
      },
      { call: "socket", args: [AF_INET, DATAGRAM, 0], store: "udp" },
      { call: "socket", args: [AF_INET, STREAM, 0], store: "tcp" },
      // In a network of its own low ports mean nothing. Without a /proc they stay closed.
      {
        call: "openat",
        args: [AT_FDCWD, LOW_PORTS, O_WRONLY | O_CLOEXEC, 0],
        store: "low ports",
        onError: "ignore",
      },
      { call: "write", args: [{ load32: "low ports" }, "0", 1], onError: "ignore" },
      { call: "close", args: [{ load32: "low ports" }], onError: "ignore" },
    ],
    send: ["route", "udp", "tcp"],
  });
  const [route, udp, tcp] = fds as [number, number, number];
  return { netlink: new Netlink(route), udp, tcp };
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
