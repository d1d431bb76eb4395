/**
 * The network mode `bridge`: the sandbox gets an address on a bridge of the host's, NAT to the
 * outside, and, on a bridge with a name, neighbours that it reaches by their names.
 *
 * ```ts
 * import { sandbox } from "@paddock/paddock";
 *
 * // The same as .use(bridge({ bridge: "blue" })) with a net namespace of its own. Needs root.
 * const box = sandbox().hostname("web").network("bridge", { bridge: "blue" }).publish("8080:80");
 * console.log(box.spec.network?.mode); // bridge
 * ```
 *
 * @module
 */

import {
  type BridgeNetwork,
  checkKeys,
  defineHook,
  type EgressSettings,
  type Plugin,
  UnsupportedError,
} from "../mod.ts";
import {
  type AddressBytes,
  bridgeDevice,
  connectInside,
  hostNameservers,
  hostsFile,
  joinBridge,
  leaveBridge,
  namesOnBridge,
  Netlink,
  openInside,
  openNetlinkInside,
  openNetwork,
  STUB_RESOLV_CONF,
  StubResolver,
  useBridge,
  withNameFiles,
} from "../lib/net/mod.ts"; // in your project: "@paddock/paddock/net"

/** The hostname that sandboxes have who did not choose one: nobody is found by it. */
const UNNAMED = "paddock";

/** The last three are for others of `network()`, which hands all of it on. */
const KNOWN = [
  ...["bridge", "subnet", "isolated", "hostAccess", "name", "nameservers", "gated"],
  ...["mode", "publish", "bandwidth"],
];

/** What {@linkcode bridge} takes. */
export interface BridgeOptions extends Omit<BridgeNetwork, "mode" | keyof EgressSettings> {
  /**
   * The sandbox reaches the others on its bridge and nobody else, and has no resolver: for a plugin
   * that gives it another way out, as `egress` does. Default: no.
   */
  gated?: boolean;
}

/**
 * Connects a sandbox with a bridge. Without a name it is one bridge for all, in which they do not
 * reach each other.
 *
 * The bridge is made by the first sandbox, and removed half a second after the last one, or at the
 * end of the program. Addresses are from `10.213.0.0/16` and `fd70:6164:646f::/48`, unless `subnet`
 * says otherwise. The host is not reachable from inside but for answers, and `ping`.
 *
 * Errors: `UnsupportedError` for an ordinary user, and without the program `nft`; `SpecError` for
 * settings that contradict those of a bridge that is there.
 */
export function bridge(options: BridgeOptions = {}): Plugin {
  checkKeys(options, "bridge", KNOWN);
  const { nameservers, gated = false } = options;
  return defineHook({
    name: "bridge",
    configure(spec) {
      if (Deno.uid() !== 0) {
        throw new UnsupportedError(
          'network mode "bridge"',
          'needs root on the host; take network("pasta"), or run it as root',
        );
      }
      const own = spec.hostname === UNNAMED ? UNNAMED : undefined;
      const resolvConf = gated ? undefined : STUB_RESOLV_CONF;
      return withNameFiles(spec, { hosts: hostsFile(own), resolvConf });
    },
    async networkSetup({ spec, host, inside, netns, defer }) {
      const name = options.name ?? (spec.hostname === UNNAMED ? undefined : spec.hostname);
      const namespace = openNetwork(netns);
      try {
        const port = joinBridge(await host.netlink(), {
          name: options.bridge,
          subnet: options.subnet,
          isolated: options.isolated ?? options.bridge === undefined,
          hostAccess: options.hostAccess ?? false,
        }, { netns: namespace.fd, name: name?.toLowerCase(), gated });
        useBridge(port.link);
        defer(() => leaveBridge(port.link));
        if (gated) {
          using own = await openNetlinkInside(inside);
          connectInside(own, { ...port, link: "eth0" });
          return;
        }
        const sockets = await openInside(inside);
        using own = sockets.netlink;
        const resolver = StubResolver.open(sockets, {
          names: (asked) => neighbours(port.device, asked),
          nameservers: nameservers ?? hostNameservers(),
        });
        defer(() => resolver[Symbol.dispose]());
        connectInside(own, { ...port, link: "eth0" });
      } finally {
        namespace.close();
      }
    },
  });
}

/** The addresses of a name on a bridge; undefined where nobody there is called so. */
function neighbours(device: string, name: string): AddressBytes[] | undefined {
  using netlink = Netlink.open();
  const found = namesOnBridge(netlink, device, name);
  return found.length === 0 ? undefined : found;
}

/** What others on its bridge are called, as a sandbox asks that has a gate. */
export function bridgeNeighbours(bridge?: string): (name: string) => AddressBytes[] | undefined {
  return (name) => neighbours(bridgeDevice(bridge), name);
}
