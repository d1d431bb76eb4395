/**
 * Traffic control: how fast a device sends, and what becomes of what it receives. tc(8).
 *
 * @module
 */

import { SpecError } from "../errors.ts";
import { NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE } from "../sys/abi/netlink.ts";
import * as abi from "../sys/abi/rtnetlink.ts";
import { parseSize } from "../quantity.ts";
import { linkIndex } from "./link.ts";
import type { LinkRef } from "./link_types.ts";
import { Attributes, MessageBuilder, type NetlinkMessage } from "./message.ts";
import type { Netlink } from "./netlink.ts";
import { parseRate } from "./rate.ts";

/** A token bucket in front of a device: what it sends is not faster than a rate. tc-tbf(8). */
export interface TokenBucketInit {
  /** The device. */
  link: LinkRef;
  /** Says which discipline this is. */
  kind: "tbf";
  /** Bits per second: a number, or e.g. `"10mbit"`. */
  rate: string | number;
  /** Bytes that may go at once, e.g. `"64K"`. Default: what 10 ms of the rate are, 32 KiB at least. */
  burst?: string | number;
  /** Bytes that wait at most; what is more is dropped. Default: what 50 ms of the rate are. */
  limit?: string | number;
}

/** The place where what a device receives can be looked at. */
export interface IngressInit {
  /** The device. */
  link: LinkRef;
  /** Says which discipline this is. */
  kind: "ingress";
}

/** A queueing discipline. */
export type QdiscInit = TokenBucketInit | IngressInit;

/** A queueing discipline, as the kernel tells of it. */
export interface QdiscInfo {
  /** The index of the device. */
  readonly index: number;
  /** Its kind, e.g. `"tbf"`. */
  readonly kind: string;
  /** Its number, e.g. 0x80010000 for `8001:`. */
  readonly handle: number;
  /** Of a token bucket: bits per second. */
  readonly rate?: number;
}

const TCMSG_SIZE = 20;
const INGRESS_HANDLE = 0xffff0000;
const LEAST_BURST = 32 * 1024;
const LINKLAYER_ETHERNET = 1;
const ETH_P_ALL = 0x0003;
const HINTS = {
  EPERM: "it needs CAP_NET_ADMIN over that network namespace",
  EEXIST: "the device has such a discipline; replace it",
  ENOENT: "the device has no such discipline, or this kernel has none of its kind",
  EINVAL: "the device has no such discipline, or its numbers contradict each other",
};

/** `struct tcmsg`. */
function tcmsg(
  message: MessageBuilder,
  index: number,
  handle: number,
  parent: number,
  info = 0,
): void {
  message.u8(0).u8(0).u16(0).u32(index).u32(handle).u32(parent).u32(info);
}

function tokenBucket(message: MessageBuilder, init: TokenBucketInit): void {
  const rate = Math.floor(parseRate(init.rate, "qdisc.rate") / 8);
  if (rate < 1) throw new SpecError("qdisc.rate", `"${init.rate}" is less than a byte a second`);
  const burst = init.burst === undefined
    ? Math.max(LEAST_BURST, Math.ceil(rate / 100))
    : parseSize(init.burst, "qdisc.burst");
  const limit = init.limit === undefined
    ? burst + Math.ceil(rate / 20)
    : parseSize(init.limit, "qdisc.limit");
  message.nest(abi.TCA_OPTIONS, () => {
    // struct tc_tbf_qopt: two struct tc_ratespec, limit, buffer, mtu.
    const parms = new Uint8Array(36);
    const view = new DataView(parms.buffer);
    view.setUint8(1, LINKLAYER_ETHERNET);
    view.setUint32(8, Math.min(rate, 0xffff_ffff), true);
    view.setUint32(24, Math.min(limit, 0xffff_ffff), true);
    message.attribute(abi.TCA_TBF_PARMS, parms);
    // In bytes; the older field would be a time in the kernel's ticks.
    message.attribute32(abi.TCA_TBF_BURST, burst);
    if (rate > 0xffff_ffff) message.attribute64(abi.TCA_TBF_RATE64, rate);
  });
}

function request(netlink: Netlink, init: QdiscInit, flags: number): void {
  const message = new MessageBuilder(abi.RTM_NEWQDISC, NLM_F_CREATE | flags);
  const index = linkIndex(netlink, init.link);
  if (init.kind === "ingress") tcmsg(message, index, INGRESS_HANDLE, abi.TC_H_INGRESS);
  else tcmsg(message, index, 0, abi.TC_H_ROOT);
  message.text(abi.TCA_KIND, init.kind);
  if (init.kind === "tbf") tokenBucket(message, init);
  netlink.request(message, {
    request: "RTM_NEWQDISC",
    subject: `${init.kind} of ${init.link}`,
    hints: HINTS,
  });
}

/** Puts a discipline in front of a device, which must have none yet. */
export function addQdisc(netlink: Netlink, init: QdiscInit): void {
  request(netlink, init, NLM_F_EXCL);
}

/** Puts a discipline in front of a device, in the place of what was there. */
export function replaceQdisc(netlink: Netlink, init: QdiscInit): void {
  request(netlink, init, NLM_F_REPLACE);
}

/** Removes the discipline in front of a device, or the one behind it. */
export function deleteQdisc(
  netlink: Netlink,
  link: LinkRef,
  place: "root" | "ingress" = "root",
): void {
  const message = new MessageBuilder(abi.RTM_DELQDISC);
  const index = linkIndex(netlink, link);
  if (place === "ingress") tcmsg(message, index, INGRESS_HANDLE, abi.TC_H_INGRESS);
  else tcmsg(message, index, 0, abi.TC_H_ROOT);
  netlink.request(message, { request: "RTM_DELQDISC", subject: String(link), hints: HINTS });
}

/**
 * Sends all that a device receives out by another one first: an `ifb`, which can have a token
 * bucket. The device must have the `ingress` discipline. tc-mirred(8).
 */
export function redirectIngress(netlink: Netlink, link: LinkRef, to: LinkRef): void {
  const message = new MessageBuilder(abi.RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL);
  const protocol = (ETH_P_ALL & 255) << 8 | ETH_P_ALL >> 8;
  tcmsg(message, linkIndex(netlink, link), 0, INGRESS_HANDLE, 1 << 16 | protocol);
  message.text(abi.TCA_KIND, "u32");
  const target = linkIndex(netlink, to);
  message.nest(abi.TCA_OPTIONS, () => {
    // struct tc_u32_sel with one key, whose mask is 0: it takes everything.
    const selector = new Uint8Array(16 + 16);
    selector[0] = abi.TC_U32_TERMINAL;
    selector[2] = 1;
    message.attribute(abi.TCA_U32_SEL, selector);
    message.nest(abi.TCA_U32_ACT, () =>
      message.nest(1, () => {
        message.text(abi.TCA_ACT_KIND, "mirred");
        message.nest(abi.TCA_ACT_OPTIONS, () => {
          const parms = new Uint8Array(28);
          const view = new DataView(parms.buffer);
          view.setInt32(8, abi.TC_ACT_STOLEN, true);
          view.setInt32(20, abi.TCA_EGRESS_REDIR, true);
          view.setUint32(24, target, true);
          message.attribute(abi.TCA_MIRRED_PARMS, parms);
        });
      }));
  });
  netlink.request(message, {
    request: "RTM_NEWTFILTER",
    subject: `${link} to ${to}`,
    hints: HINTS,
  });
}

/** A discipline from the kernel's message about it. */
export function decodeQdisc({ payload }: NetlinkMessage): QdiscInfo {
  const found = new Attributes(payload, TCMSG_SIZE);
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const kind = found.text(abi.TCA_KIND) ?? "";
  let rate: number | undefined;
  if (kind === "tbf") {
    const options = found.nested(abi.TCA_OPTIONS);
    const parms = options.bytes(abi.TCA_TBF_PARMS);
    const large = options.u64(abi.TCA_TBF_RATE64);
    if (large !== undefined) rate = Number(large) * 8;
    else if (parms !== undefined && parms.length >= 12) {
      rate = new DataView(parms.buffer, parms.byteOffset).getUint32(8, true) * 8;
    }
  }
  return { index: view.getInt32(4, true), kind, handle: view.getUint32(8, true), rate };
}

/** All disciplines of the namespace, or those of a device. */
export function listQdiscs(netlink: Netlink, link?: LinkRef): QdiscInfo[] {
  const index = link === undefined ? 0 : linkIndex(netlink, link);
  const message = new MessageBuilder(abi.RTM_GETQDISC);
  tcmsg(message, index, 0, 0);
  return netlink.dump(message, { request: "RTM_GETQDISC" }).map(decodeQdisc)
    .filter((found) => index === 0 || found.index === index);
}
