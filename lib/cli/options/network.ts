/**
 * The options of `paddock run` about the network.
 *
 * @module
 */

import { SpecError } from "../../errors.ts";
import { nearest } from "../../nearest.ts";
import { EGRESS_KEYS, hasGate } from "../../spec/network.ts";
import { NETWORK as SCHEMA } from "../../schema/network.ts";
import type { NetworkMode, NetworkSpec } from "../../spec.ts";
import type { Option } from "../options.ts";
import type { RunRequest } from "../run_request.ts";
import { pair } from "../values.ts";

const NETWORK = "Network";

/** What a word without `=` means in each mode. */
const MAIN: Readonly<Record<string, string>> = {
  bridge: "bridge",
  vxlan: "bridge",
  macvlan: "parent",
  ipvlan: "parent",
  join: "target",
};
const LISTS: Readonly<Record<string, string>> = {
  address: "addresses",
  gateway: "gateways",
  nameserver: "nameservers",
};
const NUMBERS = ["id", "port"];
const FLAGS = ["isolated", "hostAccess"];

/** Throws for a key that is none of the mode's, in the words of the option. */
function checkKey(mode: string, key: string): void {
  // A mode that is not known is told of where the whole is checked, and what has no keys too.
  const settings = Object.hasOwn(SCHEMA.kinds, mode)
    ? Object.keys(SCHEMA.kinds[mode as NetworkMode].keys)
    : [];
  if (settings.length === 0) return;
  const words = Object.entries(LISTS);
  const known = settings.filter((name) =>
    name !== "publish" && !EGRESS_KEYS.includes(name as never)
  )
    .flatMap((name) =>
      name === "bandwidth" ? ["up", "down"] : words.find(([, list]) => list === name)?.[0] ?? name
    );
  if (known.includes(key)) return;
  const near = nearest(key, known);
  throw new SpecError(
    "value",
    `"${mode}" has no "${key}"; ${
      near === undefined ? `known: ${known.join(", ")}` : `did you mean "${near}"?`
    }`,
  );
}

/** `MODE[:NAME][,key=value..]`, e.g. `bridge:blue,isolated=true`. */
export function networkValue(value: string): NetworkSpec {
  const at = value.indexOf(":");
  const mode = at < 0 ? value : value.slice(0, at);
  const words = at < 0 ? [] : value.slice(at + 1).split(",");
  const network: Record<string, unknown> = { mode };
  const bandwidth: Record<string, string> = {};
  for (const word of words) {
    const main = MAIN[mode];
    if (!word.includes("=") && main !== undefined && network[main] === undefined) {
      network[main] = /^pid:\d+$/.test(word) ? { pid: Number(word.slice(4)) } : word;
      continue;
    }
    const [key, text] = pair(word, "=", "MODE[:NAME][,key=value..]");
    checkKey(mode, key);
    const list = LISTS[key];
    if (list !== undefined) network[list] = [...network[list] as string[] ?? [], text];
    else if (key === "up" || key === "down") bandwidth[key] = text;
    else if (NUMBERS.includes(key)) network[key] = Number(text);
    else if (FLAGS.includes(key)) {
      if (text !== "true" && text !== "false") {
        throw new SpecError("value", `"${key}=${text}" is neither true nor false`);
      }
      network[key] = text === "true";
    } else network[key] = text;
  }
  if (Object.keys(bandwidth).length > 0) network.bandwidth = bandwidth;
  return network as unknown as NetworkSpec;
}

type ListName = "allowDomains" | "denyDomains" | "allowAddresses" | "denyAddresses";

/** Adds to a list of the gate. In a mode that has none, that is an error of the builder's. */
function addTo(name: ListName): (run: RunRequest, value: string) => void {
  return (run, value) => {
    const before: NetworkSpec = run.box.spec.network ?? { mode: "none" };
    const list = before.mode === "none" || before.mode === "bridge" ? before[name] ?? [] : [];
    run.box = run.box.network({ ...before, [name]: [...list, value] } as NetworkSpec);
  };
}

/** A mode takes the place of another; a gate is kept, and not left without effect. */
function setNetwork(run: RunRequest, value: string): void {
  const { network: before } = run.box.spec;
  const network = networkValue(value);
  if (before === undefined || !hasGate(before)) {
    run.box = run.box.network(network);
    return;
  }
  if (network.mode !== "none" && network.mode !== "bridge") {
    throw new SpecError("value", `"${network.mode}" leads past --allow-domain and its like`);
  }
  const gate = EGRESS_KEYS.map((key) => [key, before[key]]).filter(([, list]) =>
    list !== undefined
  );
  run.box = run.box.network({ ...Object.fromEntries(gate), ...network });
}

/** The options. */
export const NETWORK_OPTIONS: readonly Option<RunRequest>[] = [
  {
    name: "network",
    value: "MODE[:NAME][,key=..]",
    choices: ["none", "host", "bridge", "pasta", "macvlan:", "ipvlan:", "join:", "vxlan"],
    group: NETWORK,
    help:
      "none (default), host, bridge[:NAME], pasta, macvlan:DEVICE,address=.., ipvlan, join:NAME, vxlan; up=10mbit and down= limit it",
    apply: setNetwork,
  },
  {
    name: "publish",
    short: "p",
    value: "[IP:]HOST:BOX[/udp]",
    group: NETWORK,
    help: "open a port of the host, on its loopback if no IP is given, that leads into the sandbox",
    apply: (run, value) => run.box = run.box.publish(value),
  },
  {
    name: "allow-domain",
    value: "NAME[:PORT]",
    group: NETWORK,
    help: "let it reach a name by TCP, *.NAME for all names below; nothing else can be reached",
    apply: addTo("allowDomains"),
  },
  {
    name: "deny-domain",
    value: "NAME[:PORT]",
    group: NETWORK,
    help: "but not this one",
    apply: addTo("denyDomains"),
  },
  {
    name: "allow-address",
    value: "CIDR",
    group: NETWORK,
    help: "let it reach addresses, e.g. 10.0.0.0/8; loopback, private ones and their like only so",
    apply: addTo("allowAddresses"),
  },
  {
    name: "deny-address",
    value: "CIDR",
    group: NETWORK,
    help: "but not these",
    apply: addTo("denyAddresses"),
  },
];
