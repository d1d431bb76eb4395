/**
 * What the plugins of a network mode will do, in the plan's words.
 *
 * @module
 */

import type { NetworkSpec } from "../spec.ts";
import { hasGate } from "../spec/network.ts";
import { parsePublish } from "./check_network.ts";

function mode(network: NetworkSpec): string | undefined {
  switch (network.mode) {
    case "bridge":
      return `make it a port of the bridge ${
        network.bridge === undefined ? "in which all are alone" : `"${network.bridge}"`
      }, with ${hasGate(network) ? "a gate" : "NAT"} and a resolver`;
    case "vxlan":
      return `make it a port of the bridge "${network.bridge}", which a tunnel to ${network.remote} extends, with NAT and a resolver`;
    case "pasta":
      return "start pasta, which reaches for it what this user reaches, and a resolver";
    case "macvlan":
    case "ipvlan":
      return `make a ${network.mode} device on "${network.parent}" with ${
        network.addresses.join(", ")
      }, and a resolver`;
    default:
      return undefined;
  }
}

/** A sentence for each thing that is done when everything is mounted. */
export function describeNetwork(network: NetworkSpec | undefined): string[] {
  if (network === undefined || network.mode === "host") return [];
  const sentences = [mode(network)];
  if ("bandwidth" in network && network.bandwidth !== undefined) {
    const { up, down } = network.bandwidth;
    if (up !== undefined) sentences.push(`limit what it sends to ${up}`);
    if (down !== undefined) sentences.push(`limit what it receives to ${down}`);
  }
  for (const text of network.publish ?? []) {
    const { address, port, target, protocol } = parsePublish(text, "network.publish");
    sentences.push(
      `open ${protocol} port ${port} of ${address} on the host for its port ${target}`,
    );
  }
  return sentences.filter((sentence) => sentence !== undefined);
}
