/**
 * Network devices: made, changed, listed and removed. ip-link(8), rtnetlink(7).
 *
 * @module
 */

import { SpecError } from "../errors.ts";
import { NLM_F_CREATE, NLM_F_EXCL } from "../sys/abi/netlink.ts";
import {
  IFLA_EXT_MASK,
  IFLA_IFNAME,
  IFLA_INFO_KIND,
  IFLA_LINKINFO,
  RTEXT_FILTER_SKIP_STATS,
  RTM_DELLINK,
  RTM_GETLINK,
  RTM_NEWLINK,
  RTM_SETLINK,
} from "../sys/abi/rtnetlink.ts";
import {
  bridgePortAttributes,
  checkLinkName,
  commonAttributes,
  decodeLink,
  ifinfomsg,
  linkLocalAttribute,
  newLink,
  type Resolved,
} from "./link_message.ts";
import type {
  BridgePortSettings,
  LinkInfo,
  LinkInit,
  LinkRef,
  LinkSettings,
  NetworkNamespace,
} from "./link_types.ts";
import { MessageBuilder } from "./message.ts";
import { openNetwork } from "./namespace_file.ts";
import type { Netlink, RequestAbout } from "./netlink.ts";

const HINTS: Readonly<Record<string, string>> = {
  EPERM: "it needs CAP_NET_ADMIN over that network namespace",
  EEXIST: "there is a device of that name; take another name",
  EOPNOTSUPP: "this kernel has no such kind of device",
  ENODEV: "there is no such device",
};

function about(request: string, link: LinkRef | undefined): RequestAbout {
  return { request, subject: link === undefined ? undefined : String(link), hints: HINTS };
}

/** Descriptors of namespaces for one message, and what closes those that were opened for it. */
class Namespaces implements Disposable {
  readonly #opened: { close(): void }[] = [];

  fd(target: NetworkNamespace | undefined): number | undefined {
    if (target === undefined) return undefined;
    const opened = openNetwork(target);
    this.#opened.push(opened);
    return opened.fd;
  }

  [Symbol.dispose](): void {
    for (const opened of this.#opened) opened.close();
  }
}

/** The index of a device. Errors: `NetlinkError` ENODEV. */
export function linkIndex(netlink: Netlink, link: LinkRef): number {
  return typeof link === "number" ? link : getLink(netlink, link).index;
}

/** Makes a device. */
export function addLink(netlink: Netlink, init: LinkInit): void {
  using namespaces = new Namespaces();
  const parent = "parent" in init && init.parent !== undefined ? init.parent : undefined;
  const resolved: Resolved = {
    parent: parent === undefined ? undefined : linkIndex(netlink, parent),
    // In another namespace it would be that namespace's device of the same index.
    master: init.master == null ? undefined : linkIndex(netlink, init.master),
    netns: namespaces.fd(init.netns),
    peerNetns: init.kind === "veth" ? namespaces.fd(init.peer?.netns) : undefined,
  };
  const peer = init.kind === "veth" && init.peer?.up ? init.peer : undefined;
  if (peer !== undefined && (peer.netns !== undefined || peer.name === undefined)) {
    throw new SpecError(
      "link.peer.up",
      "the other end needs a name, and to be in this namespace; put it up from its own",
    );
  }
  const message = new MessageBuilder(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  // The kernel takes these only of a device that exists, and the first must come before "up".
  const { ipv6LinkLocal, alias, name, up } = init;
  const later = ipv6LinkLocal !== undefined || alias !== undefined;
  if (later && (name === undefined || init.netns !== undefined)) {
    throw new SpecError(
      alias === undefined ? "link.ipv6LinkLocal" : "link.alias",
      "needs a name, and the namespace of this connection; set it from the device's own",
    );
  }
  newLink(message, later ? { ...init, up: undefined, alias: undefined } : init, resolved);
  netlink.request(message, about("RTM_NEWLINK", init.name));
  if (later) {
    setLink(netlink, name!, { ipv6LinkLocal, alias });
    // Not in the same message, of which the kernel does this part first.
    if (up !== undefined) setLink(netlink, name!, { up });
  }
  if (peer !== undefined) setLink(netlink, peer.name!, { up: true });
}

/** Changes a device; what is not given stays as it is. */
export function setLink(
  netlink: Netlink,
  link: LinkRef,
  settings: LinkSettings,
  port?: BridgePortSettings,
): void {
  using namespaces = new Namespaces();
  const { master, ipv6LinkLocal } = settings;
  const message = new MessageBuilder(port === undefined ? RTM_SETLINK : RTM_NEWLINK);
  ifinfomsg(message, { index: linkIndex(netlink, link), up: settings.up });
  commonAttributes(message, settings, {
    master: master === null ? 0 : master === undefined ? undefined : linkIndex(netlink, master),
    netns: namespaces.fd(settings.netns),
  });
  if (ipv6LinkLocal !== undefined) linkLocalAttribute(message, ipv6LinkLocal);
  if (port !== undefined) bridgePortAttributes(message, port);
  netlink.request(message, about("RTM_SETLINK", link));
}

/** What the kernel tells of a device. Errors: `NetlinkError` ENODEV. */
export function getLink(netlink: Netlink, link: LinkRef): LinkInfo {
  const message = new MessageBuilder(RTM_GETLINK);
  ifinfomsg(message, { index: typeof link === "number" ? link : 0 });
  if (typeof link === "string") {
    checkLinkName(link, "link");
    message.text(IFLA_IFNAME, link);
  }
  message.attribute32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  return decodeLink(netlink.request(message, about("RTM_GETLINK", link))[0]!);
}

/** What the kernel tells of a device, or `undefined` where there is none. */
export function findLink(netlink: Netlink, link: LinkRef): LinkInfo | undefined {
  try {
    return getLink(netlink, link);
  } catch (error) {
    if ((error as { code?: string }).code === "ENODEV") return undefined;
    throw error;
  }
}

/** All devices of the namespace, or those of a kind. */
export function listLinks(netlink: Netlink, kind?: string): LinkInfo[] {
  const message = new MessageBuilder(RTM_GETLINK);
  ifinfomsg(message, {});
  message.attribute32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  if (kind !== undefined) {
    message.nest(IFLA_LINKINFO, () => message.text(IFLA_INFO_KIND, kind));
  }
  const links = netlink.dump(message, about("RTM_GETLINK", undefined)).map(decodeLink);
  // The kernel may not know the filter, and then sends all.
  return kind === undefined ? links : links.filter((link) => link.kind === kind);
}

/** Removes a device; the other end of a veth goes with it. */
export function deleteLink(netlink: Netlink, link: LinkRef): void {
  const message = new MessageBuilder(RTM_DELLINK);
  ifinfomsg(message, { index: linkIndex(netlink, link) });
  netlink.request(message, about("RTM_DELLINK", link));
}
