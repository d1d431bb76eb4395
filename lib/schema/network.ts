/**
 * The schema of the network.
 *
 * @module
 */

import { either, flag, list, number, record, text } from "./node.ts";

/** Which existing namespace is meant. */
export const JOIN_TARGET = either("Which one.", [
  text("A path, such as `/run/netns/blue`.", { empty: false }),
  record("A process's.", { pid: number("Its id.", 0) }, ["pid"]),
  record("An open descriptor of one.", { fd: number("Its number.", 0) }, ["fd"]),
], { example: "/run/netns/blue" });

const rate = (
  about: string,
) => ({ is: "bitrate", about, default: "no limit", example: "10mbit" } as const);

const COMMON = {
  publish: list(
    "Ports of the host that lead into the sandbox.",
    text("`[IP:]HOST:BOX[/udp]`; without an address, on the host's loopback only.", {
      example: '"8080:80"',
    }),
    { merge: "append", example: '["8080:80"]' },
  ),
  bandwidth: record("Limits.", { up: rate("What it sends."), down: rate("What it receives.") }),
} as const;

const servers = list("Name servers to ask.", text("An address."), {
  merge: "append",
  default: "the host's",
});
const name = text("What others on the bridge call it.", { default: "its hostname" });
const BRIDGE_NAME = { pattern: "^[a-z0-9]{1,11}$", called: "1 to 11 of a-z and 0-9" } as const;

const rules = (about: string) =>
  list(
    about,
    either("A name, or a name with what may be done.", [
      text("`example.com`, `*.example.com`, `example.com:443`."),
      record("A name with what may be done.", {
        name: text("`example.com` alone, `*.example.com` for all below it, `*` for every name."),
        ports: list("Only these ports.", number("A port.", 1, 65535), { default: "all" }),
        methods: list(
          "Only these HTTP methods, and nothing but plain HTTP.",
          text("A method.", {
            pattern: "^[A-Z][A-Z-]*$",
            called: "an HTTP method, e.g. GET",
          }),
          { default: "all" },
        ),
      }, ["name"]),
    ]),
    { merge: "append", example: "[deno.land]" },
  );
const ranges = (about: string) =>
  list(about, text("A range, e.g. `10.0.0.0/8`."), { merge: "append", example: "[10.0.0.0/8]" });

/** What opens a gate. */
const GATE = {
  allowDomains: rules("Names that may be reached by TCP, through a gate."),
  denyDomains: rules("Names that may not, whatever else says so."),
  allowAddresses: ranges("Ranges of addresses that may be reached without a name."),
  denyAddresses: ranges("Ranges that may not be reached, whatever name leads there."),
  transparent: flag("Hand all TCP connections to the gate.", "true"),
} as const;

const own = (about: string) =>
  record(about, {
    ...COMMON,
    parent: text("The host's device.", { example: "eth0" }),
    addresses: list("Addresses with their networks.", text("E.g. `192.0.2.7/24`.")),
    gateways: list("The routers, one for each family at most.", text("An address.")),
    nameservers: servers,
  }, ["parent", "addresses"]);

/** How the sandbox is connected. */
export const NETWORK = {
  is: "kinds",
  by: "mode",
  about: "How the sandbox is connected.",
  default: "`none`",
  example: "{ mode: none }",
  kinds: {
    none: record("Only its own loopback, and a gate to what is listed.", {
      ...COMMON,
      ...GATE,
    }),
    host: record("The host's network itself.", {}),
    bridge: record("A port of a bridge, with NAT to the outside, or a gate. Root only.", {
      ...COMMON,
      ...GATE,
      bridge: text("The bridge's name.", { ...BRIDGE_NAME, default: "one in which all are alone" }),
      subnet: text("The bridge's network, if it is not there yet.", { default: "a free one" }),
      isolated: flag("Keep the sandbox from the others.", "only on the unnamed bridge"),
      hostAccess: flag("Let the sandbox connect to services of the host."),
      name,
      nameservers: servers,
    }),
    pasta: record("The host's network as an ordinary user has it.", {
      ...COMMON,
      nameservers: servers,
    }),
    macvlan: own("A device with an own hardware address on a network of the host. Root only."),
    ipvlan: own("A device with the host's hardware address. Root only."),
    join: record("The network of somebody else.", {
      publish: COMMON.publish,
      target: either("Whose: a name of ip-netns(8), a path, a process, a descriptor.", [
        text("A name or a path.", { empty: false }),
        ...JOIN_TARGET.of.slice(1) as [typeof JOIN_TARGET.of[1], typeof JOIN_TARGET.of[2]],
      ], { example: "blue" }),
    }, ["target"]),
    vxlan: record("A bridge that is one with another host's bridge. Root only.", {
      ...COMMON,
      bridge: text("The bridge's name.", BRIDGE_NAME),
      id: number("The tunnel's number, the same on both hosts.", 0),
      remote: text("The other host's address."),
      local: text("This host's address.", { default: "the one that leads to the other" }),
      port: number("The tunnel's UDP port.", 1, 65535, { default: "4789" }),
      subnet: text("The network of both bridges, e.g. `10.7.0.0/24`."),
      pool: text("This host's part of it."),
      name,
      nameservers: servers,
    }, ["bridge", "id", "remote", "subnet", "pool"]),
  },
} as const;
