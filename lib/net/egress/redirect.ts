/**
 * Makes every address reachable inside, as far as a socket of ours: a route that says that all of
 * them are this machine's, and rules that hand their TCP connections over. Nothing is sent anywhere
 * by that; the namespace still has no device but its loopback.
 *
 * @module
 */

import { NetlinkError, UnsupportedError } from "../../errors.ts";
import {
  NF_ACCEPT,
  NF_INET_PRE_ROUTING,
  NFPROTO_IPV4,
  NFPROTO_IPV6,
  NFT_META_IIF,
  NFT_META_L4PROTO,
  NFT_META_NFPROTO,
} from "../../sys/abi/nf_tables.ts";
import { IPPROTO_TCP } from "../../sys/abi/inet.ts";
import { NLM_F_CREATE, NLM_F_EXCL } from "../../sys/abi/netlink.ts";
import {
  IFA_ADDRESS,
  IFA_LOCAL,
  RT_SCOPE_HOST,
  RT_TABLE_MAIN,
  RTA_OIF,
  RTM_NEWADDR,
  RTM_NEWROUTE,
  RTN_LOCAL,
  RTPROT_BOOT,
} from "../../sys/abi/rtnetlink.ts";
import { AF_INET, AF_INET6 } from "../../sys/abi/socket.ts";
import { MessageBuilder } from "../message.ts";
import { Netlink } from "../netlink.ts";
import {
  commitBatch,
  compare,
  type Expression,
  meta,
  networkHeader,
  newBaseChain,
  newRule,
  newTable,
  tproxy,
  verdict,
} from "../nf_tables.ts";
import { parseAddress } from "./address.ts";
import { REDIRECT_PORT } from "./inside_sockets.ts";
import { OWN_ADDRESS } from "./stand_in_addresses.ts";

/** The loopback device is the first one in every namespace. */
const LOOPBACK = 1;
/** Before anything else looks at the packets: the priority that nft(8) calls `mangle`. */
const PRIORITY = -150;
const TABLE = "paddock", CHAIN = "egress";

const HINTS = {
  EAFNOSUPPORT: "this kernel has no IPv6",
  EOPNOTSUPP: "this kernel cannot do it",
};

/** All addresses are local. In the main table: those of real devices, if there are any, go first. */
function route(netlink: Netlink, family: number): void {
  const message = new MessageBuilder(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL)
    // struct rtmsg: family, lengths of destination and source, tos, table, protocol, scope, type
    .u8(family).u8(0).u8(0).u8(0).u8(RT_TABLE_MAIN).u8(RTPROT_BOOT).u8(RT_SCOPE_HOST)
    .u8(RTN_LOCAL).u32(0).attribute32(RTA_OIF, LOOPBACK);
  netlink.request(message, {
    request: "RTM_NEWROUTE",
    subject: "local default dev lo",
    hints: HINTS,
  });
}

/**
 * An address beside 127.0.0.1. Programs that ask for addresses "as they are configured here"
 * (AI_ADDRCONFIG of getaddrinfo(3)) get none where there is only 127.0.0.1.
 */
function ownAddress(netlink: Netlink): void {
  const { bytes } = parseAddress(OWN_ADDRESS)!;
  const message = new MessageBuilder(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL)
    // struct ifaddrmsg: family, prefix length, flags, scope, index
    .u8(AF_INET).u8(32).u8(0).u8(RT_SCOPE_HOST).u32(LOOPBACK)
    .attribute(IFA_LOCAL, bytes).attribute(IFA_ADDRESS, bytes);
  netlink.request(message, { request: "RTM_NEWADDR", subject: `${OWN_ADDRESS} dev lo` });
}

/** 32 bits in the machine's order. */
const word = (number: number) => Uint8Array.of(number, 0, 0, 0);

/** TCP that goes over the loopback device to another address than its own. */
function rule(family: number, isOther: Expression[], address: string): Expression[] {
  return [
    meta(NFT_META_NFPROTO),
    compare("equal", Uint8Array.of(family)),
    meta(NFT_META_IIF),
    compare("equal", word(LOOPBACK)),
    meta(NFT_META_L4PROTO),
    compare("equal", Uint8Array.of(IPPROTO_TCP)),
    ...isOther,
    ...tproxy(family, parseAddress(address)!.bytes, REDIRECT_PORT),
    verdict(NF_ACCEPT),
  ];
}

// The destination: 127.0.0.0/8 by its first byte, ::1 by all of it.
const IPV4_OTHER = [networkHeader(16, 1), compare("different", Uint8Array.of(127))];
const IPV6_OTHER = [networkHeader(24, 16), compare("different", parseAddress("::1")!.bytes)];

/** Configures the namespace that the two sockets were made in, and closes them. */
export function redirectAll(sockets: { route: number; netfilter: number; ipv6: boolean }): void {
  using routes = new Netlink(sockets.route);
  using netfilter = new Netlink(sockets.netfilter);
  ownAddress(routes);
  route(routes, AF_INET);
  const rules = [rule(NFPROTO_IPV4, IPV4_OTHER, "127.0.0.1")];
  if (sockets.ipv6) {
    route(routes, AF_INET6);
    rules.push(rule(NFPROTO_IPV6, IPV6_OTHER, "::1"));
  }
  try {
    commitBatch(netfilter, [
      newTable(TABLE),
      newBaseChain(TABLE, CHAIN, { type: "filter", hook: NF_INET_PRE_ROUTING, priority: PRIORITY }),
      ...rules.map((expressions) => newRule(TABLE, CHAIN, expressions)),
    ], { request: "nf_tables", subject: "the redirection of TCP inside" });
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
    throw new UnsupportedError(
      "redirecting TCP inside of the sandbox (nf_tables with tproxy)",
      "load the kernel's modules nf_tables and nft_tproxy, or set transparent to false: programs " +
        `then have to use the proxy (${error.message})`,
      { cause: error },
    );
  }
}
