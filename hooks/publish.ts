/**
 * Published ports: what connects to a port of the host is connected with a port of the sandbox,
 * whatever its network is, also without one, and for an ordinary user.
 *
 * ```ts
 * import { sandbox } from "@paddock/paddock";
 *
 * const box = sandbox().publish("127.0.0.1:8080:80", "5353:53/udp"); // the same as .use(publish(..))
 * console.log(box.spec.network);
 * ```
 *
 * @module
 */

import { defineHook, parsePublish, type Plugin, type PublishedPort, SpecError } from "../mod.ts";
import {
  bindUdp,
  DATAGRAM,
  listenTcp,
  openSockets,
  parseAddress,
  SocketSupply,
  STREAM,
  TcpForwarder,
  UdpForwarder,
} from "../lib/net/mod.ts"; // in your project: "@paddock/paddock/net"
import { AF_INET, close } from "../lib/sys/mod.ts"; // "@paddock/paddock/sys"

/** UDP clients at the same time; the one that was silent longest makes room. */
const UDP_CLIENTS = 64;

/**
 * Opens ports of the host: `[IP:]HOST:BOX[/udp]`. Without an address they are open on the host's
 * loopback only. The sandbox sees the connections as coming from its own loopback device, so a
 * server that listens there alone is reached too.
 *
 * Bytes of TCP do not pass through this program's memory: the kernel moves them by splice(2).
 *
 * Errors: `SpecError` for what is no port; `SyscallError` EADDRINUSE for one that is taken, which
 * fails the launch.
 */
export function publish(...ports: string[]): Plugin {
  const published = ports.map((text, index) => parsePublish(text, `publish[${index}]`));
  return defineHook({
    name: "publish",
    async networkSetup({ inside, defer }) {
      const datagrams = published.filter(({ protocol }) => protocol === "udp");
      const sockets = await openSockets(inside, [
        [AF_INET, STREAM],
        [AF_INET, STREAM],
        ...datagrams.flatMap(() => new Array(UDP_CLIENTS).fill([AF_INET, DATAGRAM])),
      ]);
      const open = new AsyncDisposableStack();
      // Those that have no owner yet.
      open.defer(() => sockets.forEach(close));
      defer(() => open.disposeAsync());
      const [listener, connector] = sockets.splice(0, 2);
      const supply = open.use(new SocketSupply(listener!, connector!));
      for (const port of published) {
        if (port.protocol === "tcp") {
          const outside = listenTcp(addressOf(port), port.port, hint(port));
          open.use(new TcpForwarder(outside, supply, port.target));
          continue;
        }
        const outside = bindUdp(addressOf(port), port.port, hint(port));
        open.use(new UdpForwarder(outside, sockets.splice(0, UDP_CLIENTS), port.target));
      }
    },
  });
}

function addressOf({ address }: PublishedPort) {
  const bytes = parseAddress(address);
  if (bytes === undefined) throw new SpecError("publish", `"${address}" is not an IP address`);
  return bytes;
}

function hint({ port, protocol }: PublishedPort): string {
  return `it was to be published; another program may have ${protocol} port ${port}, or it is below 1024 and you are not root`;
}
