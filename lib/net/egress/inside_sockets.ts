/**
 * The sockets that serve a sandbox: made in its own network namespace, where they are all that can
 * be reached, and handed out to this program.
 *
 * @module
 */

import type { Operation } from "../../agent/operation.ts";
import { IP_TRANSPARENT, IPPROTO_IP, IPPROTO_IPV6, IPV6_TRANSPARENT } from "../../sys/abi/inet.ts";
import { NETLINK_NETFILTER, NETLINK_ROUTE } from "../../sys/abi/netlink.ts";
import {
  AF_INET,
  AF_INET6,
  AF_NETLINK,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOCK_STREAM,
} from "../../sys/abi/socket.ts";
import { SyscallError } from "../../errors.ts";
import { parseAddress } from "./address.ts";
import { encodeSocketAddress } from "./socket_address.ts";

/** Where the proxy listens inside. */
export const PROXY = { address: "127.0.0.1", port: 3128 } as const;
/** Where the kernel hands redirected connections over. */
export const REDIRECT_PORT = 3129;
/** Where the resolver is, as systemd's is elsewhere: 127.0.0.1 stays free for the sandbox. */
export const NAME_SERVER = "127.0.0.53";
const DNS_PORT = 53;
/** The kernel cuts it to its own limit. */
const BACKLOG = 4096;

/** Listening sockets, and the one for datagrams. */
export interface InsideSockets {
  readonly proxy: number;
  readonly names: number;
  readonly datagrams: number;
  readonly redirect4?: number;
  readonly redirect6?: number;
}

/** What runs programs in the sandbox: `ctx.inside`. */
export interface ProgramRunner {
  /** Runs it; resolves to the descriptors that it sent. */
  run(program: { operations: readonly Operation[]; send?: readonly string[] }): Promise<
    { fds: number[] }
  >;
}

const ON = Uint8Array.of(1, 0, 0, 0);

function socketAt(cell: string, type: number, address: string, port: number): Operation[] {
  const at = parseAddress(address)!;
  const name = encodeSocketAddress(at, port);
  const family = at.family === 4 ? AF_INET : AF_INET6;
  const socket = { load32: cell };
  const transparent: Operation[] = port !== REDIRECT_PORT ? [] : [{
    call: "setsockopt",
    args: at.family === 4
      ? [socket, IPPROTO_IP, IP_TRANSPARENT, ON, 4]
      : [socket, IPPROTO_IPV6, IPV6_TRANSPARENT, ON, 4],
  }];
  return [
    { call: "socket", args: [family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0], store: cell },
    ...transparent,
    { call: "bind", args: [socket, name, name.length] },
    ...(type === SOCK_STREAM ? [{ call: "listen", args: [socket, BACKLOG] } as Operation] : []),
  ];
}

/**
 * Makes them. With `redirect`, there are two connections with the kernel as well, for the routes and
 * the rules. The caller closes all of them.
 */
export async function openInsideSockets(
  inside: ProgramRunner,
  redirect: boolean,
): Promise<{ sockets: InsideSockets; route?: number; netfilter?: number }> {
  const netlink = (cell: string, protocol: number): Operation => ({
    call: "socket",
    args: [AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol],
    store: cell,
  });
  const { fds: [proxy, names, datagrams, redirect4, route, netfilter] } = await inside.run({
    operations: [
      ...socketAt("proxy", SOCK_STREAM, PROXY.address, PROXY.port),
      ...socketAt("names", SOCK_STREAM, NAME_SERVER, DNS_PORT),
      ...socketAt("datagrams", SOCK_DGRAM, NAME_SERVER, DNS_PORT),
      ...(redirect
        ? [
          ...socketAt("redirect4", SOCK_STREAM, PROXY.address, REDIRECT_PORT),
          netlink("route", NETLINK_ROUTE),
          netlink("netfilter", NETLINK_NETFILTER),
        ]
        : []),
    ],
    send: [
      "proxy",
      "names",
      "datagrams",
      ...(redirect ? ["redirect4", "route", "netfilter"] : []),
    ],
  });
  const sockets = { proxy: proxy!, names: names!, datagrams: datagrams!, redirect4 };
  if (!redirect) return { sockets };
  return { sockets: { ...sockets, redirect6: await openRedirect6(inside) }, route, netfilter };
}

/** Where there is no IPv6, nothing has to be redirected. */
async function openRedirect6(inside: ProgramRunner): Promise<number | undefined> {
  try {
    const { fds } = await inside.run({
      operations: socketAt("redirect6", SOCK_STREAM, "::1", REDIRECT_PORT),
      send: ["redirect6"],
    });
    return fds[0];
  } catch (error) {
    const none = error instanceof SyscallError &&
      ["EAFNOSUPPORT", "EADDRNOTAVAIL"].includes(error.code);
    if (none) return undefined;
    throw error;
  }
}
