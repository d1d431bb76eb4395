/**
 * Rules of nf_tables, sent to the kernel without the `nft` program. nft(8).
 *
 * @module
 */

import * as abi from "../sys/abi/nf_tables.ts";
import { NLM_F_ACK, NLM_F_APPEND, NLM_F_CREATE, NLMSG_ERROR } from "../sys/abi/netlink.ts";
import { MessageBuilder } from "./message.ts";
import { decodeError, type Netlink, type RequestAbout } from "./netlink.ts";

/** One expression of a rule: adds itself to a message. */
export type Expression = (rule: MessageBuilder) => void;

/** `struct nfgenmsg`: family, version, resource (in network order). */
function header(message: MessageBuilder, family: number, resource = 0): MessageBuilder {
  return message.u8(family).u8(abi.NFNETLINK_V0).u8(resource >> 8).u8(resource & 255);
}

function request(type: number, flags = 0): MessageBuilder {
  return header(
    new MessageBuilder((abi.NFNL_SUBSYS_NFTABLES << 8) | type, flags | NLM_F_ACK),
    abi.NFPROTO_INET,
  );
}

/** A table of the `inet` family, which is for IPv4 and IPv6. */
export function newTable(table: string): MessageBuilder {
  return request(abi.NFT_MSG_NEWTABLE, NLM_F_CREATE).text(abi.NFTA_TABLE_NAME, table);
}

/** A chain that sees packets at a hook, e.g. `NF_INET_PRE_ROUTING`. */
export function newBaseChain(
  table: string,
  chain: string,
  { type, hook, priority }: { type: string; hook: number; priority: number },
): MessageBuilder {
  return request(abi.NFT_MSG_NEWCHAIN, NLM_F_CREATE)
    .text(abi.NFTA_CHAIN_TABLE, table)
    .text(abi.NFTA_CHAIN_NAME, chain)
    .text(abi.NFTA_CHAIN_TYPE, type)
    .nest(abi.NFTA_CHAIN_HOOK, (nest) => {
      nest.attributeBe32(abi.NFTA_HOOK_HOOKNUM, hook)
        .attributeBe32(abi.NFTA_HOOK_PRIORITY, priority);
    });
}

/** A rule at the end of a chain. */
export function newRule(
  table: string,
  chain: string,
  expressions: readonly Expression[],
): MessageBuilder {
  return request(abi.NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND)
    .text(abi.NFTA_RULE_TABLE, table)
    .text(abi.NFTA_RULE_CHAIN, chain)
    .nest(abi.NFTA_RULE_EXPRESSIONS, (list) => {
      for (const add of expressions) add(list);
    });
}

function expression(name: string, data: (message: MessageBuilder) => void): Expression {
  return (list) => {
    list.nest(abi.NFTA_LIST_ELEM, (element) => {
      element.text(abi.NFTA_EXPR_NAME, name).nest(abi.NFTA_EXPR_DATA, data);
    });
  };
}

/** Loads something about a packet (`NFT_META_*`) into the first register. */
export function meta(key: number): Expression {
  return expression("meta", (data) => {
    data.attributeBe32(abi.NFTA_META_DREG, abi.NFT_REG_1).attributeBe32(abi.NFTA_META_KEY, key);
  });
}

/** Loads bytes of the network header into the first register. */
export function networkHeader(offset: number, length: number): Expression {
  return expression("payload", (data) => {
    data.attributeBe32(abi.NFTA_PAYLOAD_DREG, abi.NFT_REG_1)
      .attributeBe32(abi.NFTA_PAYLOAD_BASE, abi.NFT_PAYLOAD_NETWORK_HEADER)
      .attributeBe32(abi.NFTA_PAYLOAD_OFFSET, offset)
      .attributeBe32(abi.NFTA_PAYLOAD_LEN, length);
  });
}

/** Goes on with the rule if the first register is, or is not, these bytes. */
export function compare(how: "equal" | "different", bytes: Uint8Array): Expression {
  return expression("cmp", (data) => {
    data.attributeBe32(abi.NFTA_CMP_SREG, abi.NFT_REG_1)
      .attributeBe32(abi.NFTA_CMP_OP, how === "equal" ? abi.NFT_CMP_EQ : abi.NFT_CMP_NEQ)
      .nest(abi.NFTA_CMP_DATA, (nest) => void nest.attribute(abi.NFTA_DATA_VALUE, bytes));
  });
}

function immediate(register: number, bytes: Uint8Array): Expression {
  return expression("immediate", (data) => {
    data.attributeBe32(abi.NFTA_IMMEDIATE_DREG, register)
      .nest(abi.NFTA_IMMEDIATE_DATA, (nest) => void nest.attribute(abi.NFTA_DATA_VALUE, bytes));
  });
}

/** Hands the packet to a transparent socket of this machine, whatever address it is for. */
export function tproxy(family: number, address: Uint8Array, port: number): Expression[] {
  return [
    immediate(abi.NFT_REG_1, address),
    immediate(abi.NFT_REG_2, Uint8Array.of(port >> 8, port & 255)),
    expression("tproxy", (data) => {
      data.attributeBe32(abi.NFTA_TPROXY_FAMILY, family)
        .attributeBe32(abi.NFTA_TPROXY_REG_ADDR, abi.NFT_REG_1)
        .attributeBe32(abi.NFTA_TPROXY_REG_PORT, abi.NFT_REG_2);
    }),
  ];
}

/** Ends a rule with a verdict: `NF_ACCEPT`, `NF_DROP`. */
export function verdict(code: number): Expression {
  return expression("immediate", (data) => {
    data.attributeBe32(abi.NFTA_IMMEDIATE_DREG, abi.NFT_REG_VERDICT)
      .nest(abi.NFTA_IMMEDIATE_DATA, (nest) => {
        nest.nest(abi.NFTA_DATA_VERDICT, (inner) => {
          inner.attributeBe32(abi.NFTA_VERDICT_CODE, code);
        });
      });
  });
}

let sequence = 0;

/**
 * Sends requests as one batch: all of them take effect, or none. Errors: `NetlinkError` for the
 * first that the kernel refuses.
 */
export function commitBatch(
  netlink: Netlink,
  requests: readonly MessageBuilder[],
  about: RequestAbout,
): void {
  const mark = (type: number) => header(new MessageBuilder(type), 0, abi.NFNL_SUBSYS_NFTABLES);
  const messages = [
    mark(abi.NFNL_MSG_BATCH_BEGIN),
    ...requests,
    mark(abi.NFNL_MSG_BATCH_END),
  ];
  const first = sequence + 1;
  const parts = messages.map((message) => message.finish(++sequence >>> 0));
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  netlink.send(bytes);
  for (let missing = requests.length; missing > 0;) {
    for (const answer of netlink.receive()) {
      if (answer.sequence < first || answer.type !== NLMSG_ERROR) continue;
      const error = decodeError(answer, about);
      if (error !== undefined) throw error;
      missing--;
    }
  }
}
