/**
 * The network modes `macvlan` and `ipvlan`: the sandbox has an address of its own on a network of
 * the host, as if it were plugged in beside it.
 *
 * ```ts
 * import { sandbox } from "@paddock/paddock";
 *
 * // The same as .use(macvlan({ .. })) with a net namespace of its own. Needs root.
 * const box = sandbox().network("macvlan", {
 *   parent: "eth0",
 *   addresses: ["192.0.2.7/24"],
 *   gateways: ["192.0.2.1"],
 * });
 * console.log(box.spec.network?.mode); // macvlan
 * ```
 *
 * @module
 */

import {
  checkKeys,
  defineHook,
  type MacvlanNetwork,
  type Plugin,
  UnsupportedError,
} from "../mod.ts";
import {
  connectInside,
  hostNameservers,
  hostsFile,
  openInside,
  STUB_RESOLV_CONF,
  StubResolver,
  withNameFiles,
} from "../lib/net/mod.ts"; // in your project: "@paddock/paddock/net"

/** The last three are for others of `network()`, which hands all of it on. */
const KNOWN = ["parent", "addresses", "gateways", "nameservers", "mode", "publish", "bandwidth"];

/**
 * Gives a sandbox a `macvlan` (default) or `ipvlan` device on `parent`, with these addresses. The
 * host itself is not reachable by it, which is how the kernel makes these devices.
 *
 * Errors: `UnsupportedError` for an ordinary user; `NetlinkError` EOPNOTSUPP where the kernel has
 * no such devices, ENODEV where there is no `parent`.
 */
export function macvlan(options: Omit<MacvlanNetwork, "mode"> & { mode?: string }): Plugin {
  checkKeys(options, "macvlan", KNOWN);
  const kind = options.mode === "ipvlan" ? "ipvlan" : "macvlan";
  const { parent, addresses, gateways, nameservers } = options;
  return defineHook({
    name: kind,
    configure(spec) {
      if (Deno.uid() !== 0) {
        throw new UnsupportedError(
          `network mode "${kind}"`,
          'needs root on the host; take network("pasta"), or run it as root',
        );
      }
      return withNameFiles(spec, {
        hosts: hostsFile(spec.hostname),
        resolvConf: STUB_RESOLV_CONF,
      });
    },
    async networkSetup({ host, inside, netns, defer }) {
      await host.link.add({ kind, name: "eth0", parent, netns });
      const sockets = await openInside(inside);
      using own = sockets.netlink;
      const resolver = StubResolver.open(sockets, {
        names: () => undefined,
        nameservers: nameservers ?? hostNameservers(),
      });
      defer(() => resolver[Symbol.dispose]());
      connectInside(own, { link: "eth0", addresses, gateways });
    },
  });
}
