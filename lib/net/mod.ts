/**
 * The network of a namespace, configured without the `ip` program: rtnetlink in TypeScript.
 *
 * ```ts
 * import { Attributes, IFLA_IFNAME, MessageBuilder, Netlink, RTM_GETLINK } from "@paddock/paddock/net";
 *
 * using netlink = Netlink.open(); // in this program's namespace; openIn(ctx.inside) in a sandbox's
 * const answers = netlink.dump(new MessageBuilder(RTM_GETLINK).pad(16), { request: "RTM_GETLINK" });
 * console.log(answers.map(({ payload }) => new Attributes(payload, 16).text(IFLA_IFNAME))); // lo, ...
 * ```
 *
 * @module
 */

export { NetlinkError, type NetlinkErrorInit, SandboxError } from "../errors.ts";
export * from "../sys/abi/netlink.ts";
export * from "../sys/abi/rtnetlink.ts";
export type { BridgePort, ManagedBridgeInit } from "./bridge/bridge_state.ts";
export { namesOnBridge } from "./bridge/bridge_names.ts";
export { bridgeDevice } from "./bridge/bridge_state.ts";
export { type BridgeBox, joinBridge } from "./bridge/join_bridge.ts";
export { sweepBridges } from "./bridge/sweep_bridges.ts";
export { leaveBridge, useBridge } from "./bridge/sweeper.ts";
export type { Operation } from "../agent/operation.ts";
export type { ConnectInsideInit, InsideSockets, ProgramRunner } from "./connect_inside.ts";
export { connectInside, openInside, openNetlinkInside, openSockets } from "./connect_inside.ts";
export { TcpForwarder, UdpForwarder } from "./port_forwarder.ts";
export { hostsFile, STUB_RESOLV_CONF, withNameFiles } from "./resolver/name_files.ts";
export {
  hostNameservers,
  parseNameservers,
  STUB_ADDRESS,
  StubResolver,
  type StubResolverInit,
} from "./resolver/stub_resolver.ts";
export { bindUdp, DATAGRAM, listenTcp, STREAM } from "./socket.ts";
export { SocketSupply } from "./socket_supply.ts";
export { SplicePump } from "./splice_pump.ts";
export type { AddressInfo, AddressInit } from "./address.ts";
export { addAddress, deleteAddress, listAddresses } from "./address.ts";
export { hostNetwork } from "./host_network.ts";
export * from "./ip_address.ts";
export { addLink, deleteLink, findLink, getLink, linkIndex, listLinks, setLink } from "./link.ts";
export type * from "./link_types.ts";
export {
  Attributes,
  decodeMessages,
  eachAttribute,
  MalformedMessageError,
  MessageBuilder,
  type NetlinkMessage,
} from "./message.ts";
export { decodeError, Netlink, type RequestAbout, type SocketMaker } from "./netlink.ts";
export { openNetwork } from "./namespace_file.ts";
export type { NeighbourInfo, NeighbourInit } from "./neighbour.ts";
export { addNeighbour, deleteNeighbour, listNeighbours } from "./neighbour.ts";
export {
  Addresses,
  type CallArgument,
  Links,
  type NamespaceCalls,
  Neighbours,
  Network,
  Qdiscs,
  Routes,
  Rules,
} from "./network.ts";
export type { IngressInit, QdiscInfo, QdiscInit, TokenBucketInit } from "./qdisc.ts";
export { addQdisc, deleteQdisc, listQdiscs, redirectIngress, replaceQdisc } from "./qdisc.ts";
export { parseRate } from "./rate.ts";
export type { SyscallName } from "../sys/syscall_numbers.ts";
export type { SYSCALLS_AARCH64 } from "../sys/abi/syscalls_aarch64.ts";
export type { SYSCALLS_X86_64 } from "../sys/abi/syscalls_x86_64.ts";
export type { RouteInfo, RouteInit } from "./route.ts";
export { addRoute, deleteRoute, listRoutes, replaceRoute } from "./route.ts";
export type { RuleInfo, RuleInit } from "./rule.ts";
export { addRule, deleteRule, listRules } from "./rule.ts";
