/**
 * Which plugins connect a sandbox. The modes are written against the same API as a user's plugins;
 * this is the one place that knows them by name, and it loads them when they are first wanted.
 *
 * @module
 */

import { HookError, SpecError } from "../errors.ts";
import type { Plugin } from "../hook.ts";
import { hasGate } from "../spec/network.ts";
import type { BridgeNetwork, NetworkSpec, SandboxSpec } from "../spec.ts";

/** Loads the plugins of a mode. */
async function modePlugins(network: NetworkSpec): Promise<Plugin[]> {
  switch (network.mode) {
    case "none":
      return hasGate(network) ? [(await import("../../hooks/egress.ts")).egress(network)] : [];
    case "bridge":
      return await bridgePlugins(network);
    case "pasta":
      return [(await import("../../hooks/pasta.ts")).pasta(network)];
    case "macvlan":
    case "ipvlan":
      return [(await import("../../hooks/macvlan.ts")).macvlan(network)];
    case "join":
      return [(await import("../../hooks/join_network.ts")).joinNetwork(network)];
    case "vxlan":
      return [(await import("../../hooks/vxlan.ts")).vxlan(network)];
    default:
      return [];
  }
}

/** A bridge with NAT; or one that leads to its neighbours only, and a gate to what is listed. */
async function bridgePlugins(network: BridgeNetwork): Promise<Plugin[]> {
  const { bridge, bridgeNeighbours } = await import("../../hooks/bridge.ts");
  if (!hasGate(network)) return [bridge(network)];
  const { allowDomains, denyDomains, allowAddresses, denyAddresses, ...rest } = network;
  const { transparent, bandwidth, ...settings } = rest;
  const lists = { allowDomains, denyDomains, allowAddresses, denyAddresses };
  const { egress } = await import("../../hooks/egress.ts");
  return [
    bridge({ ...settings, gated: true }),
    egress({ ...lists, transparent, bandwidth, neighbours: bridgeNeighbours(network.bridge) }),
  ];
}

/** What connects a sandbox: its description with what the plugins add, and the plugins. */
export interface ConnectedSpec {
  readonly spec: SandboxSpec;
  readonly plugins: readonly Plugin[];
}

const kept = new WeakMap<SandboxSpec, ConnectedSpec>();

/**
 * The plugins that connect a sandbox, in their order, before all of the user's. What they configure
 * is done once for a description, so that its programs are compiled once.
 */
export async function connected(source: SandboxSpec): Promise<ConnectedSpec> {
  const found = kept.get(source);
  if (found !== undefined) return found;
  const network = source.network!;
  const plugins = await modePlugins(network);
  // A gate alone has no device; it counts bytes itself.
  const hasDevice = network.mode !== "none";
  if ("bandwidth" in network && network.bandwidth !== undefined && hasDevice) {
    plugins.push((await import("../../hooks/bandwidth.ts")).bandwidth(network.bandwidth));
  }
  if ("publish" in network && network.publish !== undefined && network.publish.length > 0) {
    plugins.push((await import("../../hooks/publish.ts")).publish(...network.publish));
  }
  let spec = source;
  for (const { name, configure } of plugins) {
    if (configure === undefined) continue;
    if (typeof configure !== "function") throw new SpecError(name, "its configure has no options");
    try {
      spec = await configure(spec) ?? spec;
    } catch (cause) {
      throw new HookError(name, "configure", cause);
    }
  }
  const result = { spec, plugins };
  // Whose network it is may look otherwise the next time.
  if (network.mode !== "join") kept.set(source, result);
  return result;
}
