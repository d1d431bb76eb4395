/**
 * The network mode `vxlan`: a bridge that is one with another host's bridge, by a tunnel over UDP.
 * Sandboxes on both hosts reach each other as if on one.
 *
 * ```ts
 * import { sandbox } from "@paddock/paddock";
 *
 * // The same as .use(vxlan({ .. })) with a net namespace of its own. Needs root.
 * const box = sandbox().network("vxlan", {
 *   bridge: "mesh",
 *   id: 42,
 *   remote: "192.0.2.8", // the other host, which says this one's address here
 *   subnet: "10.7.0.0/24",
 *   pool: "10.7.0.0/25", // the other host has 10.7.0.128/25
 * });
 * console.log(box.spec.network?.mode); // vxlan
 * ```
 *
 * What goes through the tunnel is not encrypted, and whoever can send packets to the host's port
 * 4789 can put some in: use it on a network that you trust.
 *
 * @module
 */

import { checkKeys, defineHook, type Plugin, UnsupportedError, type VxlanNetwork } from "../mod.ts";
import {
  connectInside,
  hostNameservers,
  hostsFile,
  joinBridge,
  leaveBridge,
  namesOnBridge,
  Netlink,
  openInside,
  openNetwork,
  STUB_RESOLV_CONF,
  StubResolver,
  useBridge,
  withNameFiles,
} from "../lib/net/mod.ts"; // in your project: "@paddock/paddock/net"

/** The last three are for others of `network()`, which hands all of it on. */
const KNOWN = [
  ...["id", "remote", "local", "port", "bridge", "subnet", "pool", "name", "nameservers"],
  ...["mode", "publish", "bandwidth"],
];

/**
 * Connects a sandbox with such a bridge. Each host gives out addresses of its own `pool`, and is
 * the router of its own sandboxes. Names are known on their own host.
 *
 * Errors: as for the mode `bridge`.
 */
export function vxlan(options: Omit<VxlanNetwork, "mode">): Plugin {
  checkKeys(options, "vxlan", KNOWN);
  const { id, remote, local, port, bridge, subnet, pool } = options;
  return defineHook({
    name: "vxlan",
    configure(spec) {
      if (Deno.uid() !== 0) {
        throw new UnsupportedError('network mode "vxlan"', "needs root on the host");
      }
      return withNameFiles(spec, { hosts: hostsFile(), resolvConf: STUB_RESOLV_CONF });
    },
    async networkSetup({ spec, host, inside, netns, defer }) {
      const namespace = openNetwork(netns);
      try {
        const joined = joinBridge(await host.netlink(), {
          name: bridge,
          subnet,
          pool,
          isolated: false,
          hostAccess: false,
          tunnel: { id, remote, local, port },
        }, { netns: namespace.fd, name: (options.name ?? spec.hostname)?.toLowerCase() });
        useBridge(joined.link);
        defer(() => leaveBridge(joined.link));
        const sockets = await openInside(inside);
        using own = sockets.netlink;
        const resolver = StubResolver.open(sockets, {
          names: (asked) => {
            using netlink = Netlink.open();
            const found = namesOnBridge(netlink, joined.device, asked);
            return found.length === 0 ? undefined : found;
          },
          nameservers: options.nameservers ?? hostNameservers(),
        });
        defer(() => resolver[Symbol.dispose]());
        connectInside(own, { ...joined, link: "eth0" });
      } finally {
        namespace.close();
      }
    },
  });
}
