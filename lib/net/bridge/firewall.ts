/**
 * The firewall of a bridge: NAT to the outside, and nothing else that was not asked for. One table
 * of nft(8) for a bridge, which does not change while sandboxes come and go.
 *
 * @module
 */

import { SandboxError, UnsupportedError } from "../../errors.ts";
import { formatPrefix, type Prefix } from "../ip_address.ts";

/** All devices of ours begin so. */
export const DEVICE_PREFIX = "pdk";

/** What the firewall of a bridge is made of. */
export interface FirewallInit {
  /** The bridge's device. */
  device: string;
  /** Its networks. */
  subnets: readonly Prefix[];
  /** Its sandboxes do not reach each other. */
  isolated: boolean;
  /** Sandboxes may connect to services of the host. */
  hostAccess: boolean;
  /** Devices that forward only since the bridge needs them to. */
  opened: readonly string[];
}

function table(device: string): string {
  return `inet paddock_${device.slice(DEVICE_PREFIX.length).replace(/^-/, "")}`;
}

/** The commands that make it. */
export function firewallRules(
  { device, subnets, isolated, hostAccess, opened }: FirewallInit,
): string {
  const name = table(device);
  const from = `iifname "${device}"`, to = `oifname "${device}"`;
  const established = "ct state established,related accept";
  const chain = (chain: string, hook: string, rules: readonly string[]) => [
    `add chain ${name} ${chain} { type ${hook} ; policy accept ; }`,
    ...rules.map((rule) => `add rule ${name} ${chain} ${rule}`),
  ];
  return [
    `add table ${name}`,
    ...chain("forward", "filter hook forward priority filter", [
      // By the router and back: who is kept from others on the bridge would reach them so. With
      // the sysctl bridge-nf-call-iptables what goes straight from port to port comes here, too.
      `${from} ${to} ${isolated ? "drop" : "accept"}`,
      // Link-local addresses are where clouds have their metadata.
      `${from} ip daddr 169.254.0.0/16 drop`,
      `${to} ${established}`,
      `${to} drop`,
      // What these devices did not forward before, they still do not.
      ...opened.map((up) => `iifname "${up}" oifname != "${DEVICE_PREFIX}*" drop`),
    ]),
    ...chain("input", "filter hook input priority filter", [
      `${from} ${established}`,
      `${from} icmp type echo-request accept`,
      `${from} meta l4proto ipv6-icmp accept`,
      ...(hostAccess ? [] : [`${from} drop`]),
    ]),
    ...chain(
      "nat",
      "nat hook postrouting priority srcnat",
      subnets.map((subnet) => {
        const family = subnet.address.length === 4 ? "ip" : "ip6";
        return `${family} saddr ${formatPrefix(subnet)} oifname != "${device}" masquerade`;
      }),
    ),
  ].join("\n");
}

/** The group of the ports that have a gate, and the mark of their packets: "pdk" as a number. */
export const GATED_GROUP = 0x70646b;

/**
 * The commands that keep the ports with a gate from all but the others on the bridge: the host answers
 * them nothing and routes nothing of theirs but answers to what it asked itself. The device that a
 * packet came by is what counts, so a false sender's address helps nobody; only the bridge sees that
 * device, and only the router knows of connections, so one marks and the other drops.
 */
export function gateRules(device: string): string {
  const [inet, bridge] = gateTables(device) as [string, string];
  const marked = `meta mark ${GATED_GROUP}`;
  const chain = (hook: string, rules: readonly string[]) => [
    `add chain ${inet} ${hook} { type filter hook ${hook} priority filter - 1 ; policy accept ; }`,
    `flush chain ${inet} ${hook}`,
    ...rules.map((rule) => `add rule ${inet} ${hook} ${marked} ${rule}`),
  ];
  const answers = "ct state established,related accept";
  return [
    `add table ${bridge}`,
    `add chain ${bridge} marks { type filter hook input priority filter ; policy accept ; }`,
    `flush chain ${bridge} marks`,
    `add rule ${bridge} marks meta iifgroup ${GATED_GROUP} meta mark set ${GATED_GROUP}`,
    `add table ${inet}`,
    ...chain("forward", [answers, "drop"]),
    ...chain("input", [
      answers,
      "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept",
      "drop",
    ]),
  ].join("\n");
}

function gateTables(device: string): string[] {
  const name = table(device);
  return [`${name}_gate`, name.replace("inet", "bridge")];
}

/** Sees to it that the ports of {@linkcode GATED_GROUP} on a bridge are kept in. */
export function closeForGated(device: string): void {
  nft(gateRules(device));
}

function nft(commands: string): void {
  let output: Deno.CommandOutput;
  try {
    output = new Deno.Command("nft", { args: [commands], stdin: "null" }).outputSync();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new UnsupportedError(
      'network mode "bridge"',
      "the program nft is not here; install the package nftables",
    );
  }
  if (output.success) return;
  const text = new TextDecoder().decode(output.stderr).trim().split("\n")[0];
  throw new SandboxError(`nft refused the firewall of a bridge: ${text}`);
}

/** Makes the firewall of a bridge, in the place of one that was left behind. */
export function addFirewall(init: FirewallInit): void {
  const name = table(init.device);
  nft(`add table ${name}\ndelete table ${name}\n${firewallRules(init)}`);
}

/** Removes the firewall of a bridge; that it is not there is no error. */
export function deleteFirewall(device: string): void {
  const all = [table(device), ...gateTables(device)];
  nft(all.map((name) => `add table ${name}\ndelete table ${name}`).join("\n"));
}
