/**
 * Checks how a sandbox is to be connected, as far as can be told without asking the machine.
 *
 * @module
 */

import { SpecError } from "../errors.ts";
import { compileLists } from "../net/egress/lists.ts";
import { checkShape } from "../schema/check.ts";
import { quote } from "../schema/describe.ts";
import { NETWORK } from "../schema/network.ts";
import type { NamespaceChoice, NetworkSpec } from "../spec.ts";
import { hasGate } from "../spec/network.ts";

/** A published port. */
export interface PublishedPort {
  /** The host's address that it is open on. */
  readonly address: string;
  /** The host's port. */
  readonly port: number;
  /** The sandbox's port. */
  readonly target: number;
  /** What is forwarded. */
  readonly protocol: "tcp" | "udp";
}

/** Takes `[IP:]HOST:BOX[/udp]` apart. IPv6 addresses are in brackets. */
export function parsePublish(text: string, field: string): PublishedPort {
  const match = /^(?:(\[[0-9a-fA-F:.]+\]|[0-9.]+):)?(\d{1,5}):(\d{1,5})(?:\/(tcp|udp))?$/
    .exec(String(text));
  const port = Number(match?.[2]), target = Number(match?.[3]);
  if (match === null || !(port > 0 && port < 65536 && target > 0 && target < 65536)) {
    throw new SpecError(
      field,
      `${
        quote(text)
      } should be [IP:]HOST:BOX[/udp], e.g. 8080:80 or 127.0.0.1:5353:53/udp; IPv6 in brackets`,
    );
  }
  return {
    address: match[1]?.replace(/^\[|\]$/g, "") ?? "127.0.0.1",
    port,
    target,
    protocol: match[4] === "udp" ? "udp" : "tcp",
  };
}

/** What becomes of the namespace in this mode. */
export function networkNamespace(network: NetworkSpec): NamespaceChoice {
  if (network.mode === "host") return "shared";
  if (network.mode !== "join") return "new";
  const { target } = network;
  const named = typeof target === "string" && !target.includes("/");
  return { join: named ? `/run/netns/${target}` : target };
}

/** Throws a `SpecError` for a mode or a setting that is not known, or of the wrong type. */
export function checkNetwork(network: NetworkSpec): void {
  checkShape(NETWORK, network, "network");
  if (network.mode === "none" || network.mode === "bridge") compileLists(network, "network.");
  if (network.mode === "bridge" && network.hostAccess && hasGate(network)) {
    throw new SpecError(
      "network.hostAccess",
      "leads past the gate; list the host's address in allowAddresses instead",
    );
  }
  if ("publish" in network) {
    network.publish?.forEach((text, index) => parsePublish(text, `network.publish[${index}]`));
  }
  if (!("bandwidth" in network) || network.bandwidth === undefined) return;
  if (network.mode === "none" && !hasGate(network)) {
    throw new SpecError("network.bandwidth", "there is no way out that it could limit");
  }
  if (network.bandwidth.up === undefined && network.bandwidth.down === undefined) {
    throw new SpecError("network.bandwidth", "is { up, down }, one of them at least");
  }
}
