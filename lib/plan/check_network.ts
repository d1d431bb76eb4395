/**
 * Checks how a sandbox is to be connected, as far as can be told without asking the machine.
 *
 * @module
 */

import { SpecError } from "../errors.ts";
import { checkKeys } from "../known_keys.ts";
import { nearest } from "../nearest.ts";
import { compileLists } from "../net/egress/lists.ts";
import type { NamespaceChoice, NetworkMode, NetworkSpec, NoneNetwork } from "../spec.ts";
import { hasGate } from "../spec/network.ts";
import { NETWORK_SETTINGS as MODES } from "../spec/network_settings.ts";
import { isRecord, noneOf, show } from "./check_values.ts";

/** The names of all modes. */
export const NETWORK_MODES: readonly NetworkMode[] = Object.keys(MODES) as NetworkMode[];

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
        show(text)
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

function checkGate(network: NoneNetwork): void {
  compileLists(network, "network.");
  const { transparent, bandwidth } = network;
  if (transparent !== undefined && typeof transparent !== "boolean") {
    throw new SpecError("network.transparent", `${show(transparent)} is neither true nor false`);
  }
  if (bandwidth !== undefined && !hasGate(network)) {
    throw new SpecError("network.bandwidth", "there is no way out that it could limit");
  }
}

function checkTexts(value: unknown, field: string): void {
  if (!Array.isArray(value) || value.some((entry) => typeof entry !== "string")) {
    throw new SpecError(field, `${show(value)} is not a list of texts`);
  }
}

/** Throws a `SpecError` for a mode or a setting that is not known, or of the wrong type. */
export function checkNetwork(network: NetworkSpec): void {
  if (!isRecord(network) || !Object.hasOwn(MODES, network.mode)) {
    const mode = isRecord(network) ? network.mode : network;
    throw new SpecError("network.mode", noneOf(mode, NETWORK_MODES));
  }
  const { known, needed = [] } = MODES[network.mode];
  for (const key of Object.keys(network)) {
    if (key === "mode" || known.includes(key)) continue;
    const near = nearest(key, known);
    throw new SpecError(
      `network.${key}`,
      near !== undefined
        ? `there is no such field, did you mean "${near}"? known: ${known.join(", ")}`
        : `is not for "${network.mode}"${
          known.length > 0 ? `, which has ${known.join(", ")}` : ""
        }`,
    );
  }
  if (network.mode === "none") checkGate(network);
  const settings = network as unknown as Record<string, unknown>;
  for (const key of needed) {
    if (settings[key] === undefined) throw new SpecError(`network.${key}`, "is missing");
  }
  for (const key of ["publish", "nameservers", "addresses", "gateways"]) {
    if (settings[key] !== undefined) checkTexts(settings[key], `network.${key}`);
  }
  for (const key of ["bridge", "name", "subnet", "pool", "parent", "remote", "local"]) {
    if (settings[key] === undefined || typeof settings[key] === "string") continue;
    throw new SpecError(`network.${key}`, `${show(settings[key])} is not a text`);
  }
  for (const key of ["isolated", "hostAccess"]) {
    if (settings[key] === undefined || typeof settings[key] === "boolean") continue;
    throw new SpecError(`network.${key}`, `${show(settings[key])} is neither true nor false`);
  }
  const { bridge, bandwidth, publish, target } = settings;
  if (isRecord(target)) checkKeys(target, "network.target", ["pid", "fd"]);
  if (bridge !== undefined && !/^[a-z0-9]{1,11}$/.test(bridge as string)) {
    throw new SpecError("network.bridge", `${show(bridge)} is not 1 to 11 of a-z and 0-9`);
  }
  (publish as string[] | undefined)?.forEach((text, index) =>
    parsePublish(text, `network.publish[${index}]`)
  );
  if (bandwidth !== undefined) {
    if (isRecord(bandwidth)) checkKeys(bandwidth, "network.bandwidth", ["up", "down"]);
    if (!isRecord(bandwidth) || (bandwidth.up === undefined && bandwidth.down === undefined)) {
      throw new SpecError("network.bandwidth", "is { up, down }, one of them at least");
    }
  }
}
