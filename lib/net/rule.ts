/**
 * Rules: which routing table a packet is looked up in. ip-rule(8), rtnetlink(7).
 *
 * @module
 */

import { SpecError } from "../errors.ts";
import { NLM_F_CREATE, NLM_F_EXCL } from "../sys/abi/netlink.ts";
import * as abi from "../sys/abi/rtnetlink.ts";
import { AF_INET, AF_INET6 } from "../sys/abi/socket.ts";
import { familyOf, formatPrefix, parsePrefix } from "./ip_address.ts";
import { Attributes, MessageBuilder, type NetlinkMessage } from "./message.ts";
import type { Netlink } from "./netlink.ts";

const ACTIONS = {
  lookup: abi.FR_ACT_TO_TBL,
  blackhole: abi.FR_ACT_BLACKHOLE,
  unreachable: abi.FR_ACT_UNREACHABLE,
  prohibit: abi.FR_ACT_PROHIBIT,
} as const;

/** A rule. */
export interface RuleInit {
  /** Packets from this prefix. */
  from?: string;
  /** Packets to this prefix. */
  to?: string;
  /** Packets that came in by this device. */
  input?: string;
  /** Packets of sockets that are bound to this device. */
  output?: string;
  /** Packets with this mark. */
  mark?: number;
  /** The bits of the mark that count. Default: all. */
  mask?: number;
  /** Packets for which all of the above is not so. */
  not?: boolean;
  /** Rules are tried from the lowest to the highest. */
  priority?: number;
  /** The table. */
  table?: number;
  /** Default: `lookup` in `table`. */
  action?: "lookup" | "blackhole" | "unreachable" | "prohibit";
  /** Where no prefix tells. Default: `inet`. */
  family?: "inet" | "inet6";
}

/** A rule, as the kernel tells of it. */
export interface RuleInfo {
  /** Its place among the rules; 0 is the first. */
  readonly priority: number;
  /** Packets from this prefix. */
  readonly from?: string;
  /** Packets to this prefix. */
  readonly to?: string;
  /** Packets with this mark. */
  readonly mark?: number;
  /** The table. */
  readonly table: number;
  /** `inet` or `inet6`. */
  readonly family: "inet" | "inet6";
}

const HEADER = 12;
const HINTS = {
  EPERM: "it needs CAP_NET_ADMIN over that network namespace",
  EEXIST: "there is such a rule",
  ENOENT: "there is no such rule",
};

function message(init: RuleInit, type: number, flags: number): MessageBuilder {
  const from = init.from === undefined ? undefined : parsePrefix(init.from, "rule.from");
  const to = init.to === undefined ? undefined : parsePrefix(init.to, "rule.to");
  const either = from ?? to;
  const family = either !== undefined
    ? familyOf(either.address)
    : init.family === "inet6"
    ? AF_INET6
    : AF_INET;
  const action = ACTIONS[init.action ?? "lookup"];
  if (action === undefined) throw new SpecError("rule.action", `"${init.action}" is not known`);
  const table = init.table ?? (action === abi.FR_ACT_TO_TBL ? abi.RT_TABLE_MAIN : 0);
  const built = new MessageBuilder(type, flags);
  built.u8(family).u8(to?.length ?? 0).u8(from?.length ?? 0).u8(0)
    .u8(table < 256 ? table : abi.RT_TABLE_UNSPEC).u8(0).u8(0).u8(action)
    .u32(init.not ? abi.FIB_RULE_INVERT : 0);
  if (to !== undefined) built.attribute(abi.FRA_DST, to.address);
  if (from !== undefined) built.attribute(abi.FRA_SRC, from.address);
  if (init.input !== undefined) built.text(abi.FRA_IIFNAME, init.input);
  if (init.output !== undefined) built.text(abi.FRA_OIFNAME, init.output);
  if (init.mark !== undefined) {
    built.attribute32(abi.FRA_FWMARK, init.mark)
      .attribute32(abi.FRA_FWMASK, init.mask ?? 0xffff_ffff);
  }
  if (init.priority !== undefined) built.attribute32(abi.FRA_PRIORITY, init.priority);
  return built.attribute32(abi.FRA_TABLE, table);
}

/** Adds a rule. */
export function addRule(netlink: Netlink, init: RuleInit): void {
  netlink.request(message(init, abi.RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL), {
    request: "RTM_NEWRULE",
    subject: init.priority === undefined ? undefined : String(init.priority),
    hints: HINTS,
  });
}

/** Removes a rule. */
export function deleteRule(netlink: Netlink, init: RuleInit): void {
  netlink.request(message(init, abi.RTM_DELRULE, 0), {
    request: "RTM_DELRULE",
    subject: init.priority === undefined ? undefined : String(init.priority),
    hints: HINTS,
  });
}

/** A rule from the kernel's message about it. */
export function decodeRule({ payload }: NetlinkMessage): RuleInfo {
  const found = new Attributes(payload, HEADER);
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const prefix = (type: number, length: number) => {
    const address = found.bytes(type);
    return address?.length === 4 || address?.length === 16
      ? formatPrefix({ address, length })
      : undefined;
  };
  return {
    priority: found.u32(abi.FRA_PRIORITY) ?? 0,
    from: prefix(abi.FRA_SRC, view.getUint8(2)),
    to: prefix(abi.FRA_DST, view.getUint8(1)),
    mark: found.u32(abi.FRA_FWMARK),
    table: found.u32(abi.FRA_TABLE) ?? view.getUint8(4),
    family: view.getUint8(0) === AF_INET ? "inet" : "inet6",
  };
}

/** All rules of a family. */
export function listRules(netlink: Netlink, family: "inet" | "inet6" = "inet"): RuleInfo[] {
  const built = new MessageBuilder(abi.RTM_GETRULE).u8(family === "inet" ? AF_INET : AF_INET6)
    .pad(HEADER - 1);
  return netlink.dump(built, { request: "RTM_GETRULE" }).map(decodeRule);
}
