/**
 * A network of its own making, with nothing but hooks: two sandboxes, and between them a third one
 * that is their router and lets 8 mbit a second through. Needs root.
 *
 *     deno run -A examples/network_topology.ts
 *
 * @module
 */
import { defineHook, sandbox } from "../mod.ts"; // in your project: "jsr:@paddock/paddock"

const SIDES = { left: "10.1.0", right: "10.2.0" } as const;

const router = sandbox().use(defineHook({
  name: "router",
  async networkSetup({ host, inside, netns }) {
    for (const [side, net] of Object.entries(SIDES)) {
      // A cable: one end in the router, the other still on the host.
      await host.link.add({ kind: "veth", name: `to-${side}`, peer: { name: side, netns } });
      await inside.address.add({ link: side, address: `${net}.1/24` });
      await inside.link.set(side, { up: true });
    }
    await inside.qdisc.add({ link: "right", kind: "tbf", rate: "8mbit" });
    const file = await inside.syscall("openat", -100, "/proc/sys/net/ipv4/ip_forward", 1, 0);
    await inside.syscall("write", file, "1", 1);
  },
}));
const leaf = (side: keyof typeof SIDES) =>
  sandbox().hostname(side).use(defineHook({
    name: "leaf",
    async networkSetup({ host, inside, netns }) {
      await host.link.set(`to-${side}`, { netns, name: "eth0" });
      await inside.address.add({ link: "eth0", address: `${SIDES[side]}.2/24` });
      await inside.link.set("eth0", { up: true });
      await inside.route.add({ to: "default", via: `${SIDES[side]}.1` });
    },
  }));

const server = `$s = IO::Socket::INET->new(Listen => 1, LocalPort => 7000); $| = 1; print "up\n";
  $c = $s->accept; print "a client from ", $c->peerhost, "\n"; 1 while sysread $c, $b, 65536;`;
await using _ = await router.spawn(["sleep", "60"], { stdin: "null" });
await using right = await leaf("right").spawn(["perl", "-MIO::Socket::INET", "-e", server], {
  stdout: "piped",
});
const lines = right.stdout.pipeThrough(new TextDecoderStream()).getReader();
await lines.read();
const began = performance.now();
await leaf("left").output(["bash", "-c", "head -c 1000000 /dev/zero >/dev/tcp/10.2.0.2/7000"]);
await right.status;
const seconds = (performance.now() - began) / 1000;
console.log("right:", (await lines.read()).value?.trim());
console.log(`1 MB in ${seconds.toFixed(2)} s: ${(8 / seconds).toFixed(1)} mbit/s`);
