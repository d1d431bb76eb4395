/**
 * Bridges without sandboxes, and firewalls without bridges; root's only.
 *
 * @module
 */

import { managed, portsOf } from "../net/bridge/bridge_state.ts";
import { DEVICE_PREFIX } from "../net/bridge/firewall.ts";
import { underLock } from "../net/bridge/lock.ts";
import { sweepBridges } from "../net/bridge/sweep_bridges.ts";
import { listLinks } from "../net/link.ts";
import { Netlink } from "../net/netlink.ts";
import type { Leftover } from "./leftover.ts";

/** The tables of nft(8) that are named as ours are; none where the program is missing. */
function tables(): string[] {
  let output: Deno.CommandOutput;
  try {
    output = new Deno.Command("nft", {
      args: ["list", "tables", "inet"],
      stdin: "null",
      stderr: "null",
    }).outputSync();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
  const text = new TextDecoder().decode(output.stdout);
  return [...text.matchAll(/^table inet (paddock_\S+)$/gm)].map(([_, name]) => name!);
}

/** The bridge of a table. */
function deviceOf(table: string): string {
  const name = table.slice("paddock_".length);
  return name === "0" ? `${DEVICE_PREFIX}0` : `${DEVICE_PREFIX}-${name}`;
}

function deleteTable(table: string): void {
  const { success, stderr } = new Deno.Command("nft", {
    args: [`delete table inet ${table}`],
    stdin: "null",
  }).outputSync();
  if (!success) throw new Error(new TextDecoder().decode(stderr).split("\n")[0]);
}

/** Finds them. */
export function leftoverBridges(): Leftover[] {
  if (Deno.uid() !== 0) return [];
  using netlink = Netlink.open();
  const links = listLinks(netlink);
  const bridges = managed(netlink);
  const idle = bridges.filter((bridge) => portsOf(links, bridge).length === 0);
  const names = links.map(({ name }) => name);
  const found: Leftover[] = idle.map(({ name }) => ({
    kind: "bridge",
    name,
    why: "no sandbox is on it; its firewall and what it changed of other devices go with it",
    remove() {
      using netlink = Netlink.open();
      sweepBridges(netlink);
    },
  }));
  for (const table of tables()) {
    if (names.includes(deviceOf(table))) continue;
    found.push({
      kind: "firewall",
      name: `inet ${table}`,
      why: `the bridge "${deviceOf(table)}" is gone`,
      // Somebody may be making that bridge anew.
      remove: () =>
        underLock("alone", ({ remove }) => {
          using netlink = Netlink.open();
          if (listLinks(netlink).every(({ name }) => name !== deviceOf(table))) deleteTable(table);
          if (managed(netlink).length === 0) remove();
        }),
    });
  }
  return found;
}
