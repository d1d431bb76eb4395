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
export {
  Attributes,
  decodeMessages,
  eachAttribute,
  MalformedMessageError,
  MessageBuilder,
  type NetlinkMessage,
} from "./message.ts";
export { decodeError, Netlink, type RequestAbout, type SocketMaker } from "./netlink.ts";
