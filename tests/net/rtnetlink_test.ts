/** What the encoders make is compared with what ip(8), bridge(8) and tc(8) read of it. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { SpecError } from "../../mod.ts";
import * as net from "../../lib/net/mod.ts";
import { close } from "../../lib/sys/mod.ts";
import { installed, ROOT, testIf } from "../integration/support.ts";
import { inNetwork, inNewNetwork, ip, kernelHas, newNetwork, tool } from "./support.ts";

const READY = ROOT && installed("ip");
const WHY = "needs root and iproute2";
const KINDS = READY && kernelHas("ifb") && kernelHas("vxlan", "id", "1", "dstport", "4789");
const WHY_KINDS = `${WHY}, and a kernel with ifb and vxlan`;

/** Runs `use` in a namespace of its own with a connection. */
function alone(use: (netlink: net.Netlink) => void): void {
  inNewNetwork(() => {
    using netlink = net.Netlink.open();
    use(netlink);
  });
}

testIf(KINDS, WHY_KINDS, "link: bridge, veth, ifb, macvlan, vxlan, vlan are what ip reads", () => {
  alone((netlink) => {
    net.addLink(netlink, {
      kind: "bridge",
      name: "br0",
      stp: false,
      multicastSnooping: false,
      forwardDelay: 2,
      address: "02:00:00:00:00:aa",
      mtu: 1400,
      up: true,
      alias: "a bridge",
    });
    // With its first port it takes that one's.
    assertEquals(ip("link", "show", "dev", "br0")[0].mtu, 1400);
    net.addLink(netlink, {
      kind: "veth",
      name: "left",
      master: "br0",
      up: true,
      txQueues: 1,
      rxQueues: 1,
      peer: { name: "right", up: true, mtu: 1300, address: "02:00:00:00:00:bb" },
    });
    net.addLink(netlink, { kind: "ifb", name: "ifb7", txQueueLength: 32 });
    net.addLink(netlink, { kind: "macvlan", name: "mv", parent: "right", mode: "private" });
    net.addLink(netlink, {
      kind: "vxlan",
      name: "vx",
      id: 42,
      remote: "192.0.2.7",
      local: "192.0.2.2",
      parent: "right",
      learning: false,
      ttl: 9,
    });
    net.addLink(netlink, { kind: "vxlan", name: "vx6", id: 43, remote: "fd00::7", port: 4790 });

    const [bridge] = ip("link", "show", "dev", "br0");
    assertEquals(bridge.address, "02:00:00:00:00:aa");
    assertEquals(bridge.ifalias, "a bridge");
    assert(bridge.flags.includes("UP"));
    assertEquals(bridge.linkinfo.info_kind, "bridge");
    assertEquals(bridge.linkinfo.info_data.stp_state, 0);
    assertEquals(bridge.linkinfo.info_data.mcast_snooping, 0);
    assertEquals(bridge.linkinfo.info_data.forward_delay, 200);
    const [left] = ip("link", "show", "dev", "left");
    assertEquals([left.master, left.link, left.num_tx_queues, left.linkinfo.info_kind], [
      "br0",
      "right",
      1,
      "veth",
    ]);
    const [right] = ip("link", "show", "dev", "right");
    assertEquals([right.mtu, right.address], [1300, "02:00:00:00:00:bb"]);
    assert(right.flags.includes("UP"));
    assertEquals(ip("link", "show", "dev", "ifb7")[0].txqlen, 32);
    const [macvlan] = ip("link", "show", "dev", "mv");
    assertEquals([macvlan.link, macvlan.linkinfo.info_data.mode], ["right", "private"]);
    const [vxlan] = ip("link", "show", "dev", "vx");
    const { id, remote, local, link, port, learning, ttl } = vxlan.linkinfo.info_data;
    assertEquals({ id, remote, local, link, port, learning, ttl }, {
      id: 42,
      remote: "192.0.2.7",
      local: "192.0.2.2",
      link: "right",
      port: 4789,
      learning: false,
      ttl: 9,
    });
    const [vxlan6] = ip("link", "show", "dev", "vx6");
    assertEquals(vxlan6.linkinfo.info_data.remote6, "fd00::7");
    assertEquals(vxlan6.linkinfo.info_data.port, 4790);

    const known = net.listLinks(netlink);
    const named = ip("link", "show");
    assertEquals(known.map(({ name }) => name).sort(), named.map((it) => it.ifname).sort());
    for (const link of known) {
      const other = named.find((it) => it.ifindex === link.index);
      assertEquals(
        [link.name, link.mtu, link.kind, link.alias],
        [other.ifname, other.mtu, other.linkinfo?.info_kind, other.ifalias],
      );
    }
    assertEquals(net.listLinks(netlink, "vxlan").map(({ name }) => name).sort(), ["vx", "vx6"]);
    assertEquals(net.getLink(netlink, "left").master, net.getLink(netlink, "br0").index);
    assertEquals(net.getLink(netlink, "left").portKind, "bridge");
    assertEquals(net.findLink(netlink, "none"), undefined);
  });
});

testIf(READY, WHY, "link: changed, isolated, moved, removed", () => {
  const other = newNetwork();
  try {
    alone((netlink) => {
      net.addLink(netlink, { kind: "bridge", name: "br0", up: true });
      net.addLink(netlink, {
        kind: "veth",
        name: "a",
        ipv6LinkLocal: false,
        up: true,
        peer: { name: "eth0", netns: { fd: other } },
      });
      assertEquals(ip("link", "show", "dev", "a")[0].inet6_addr_gen_mode, "none");
      net.setLink(netlink, "a", { master: "br0" });
      net.setLink(netlink, "a", { up: true }, { isolated: true, hairpin: true, learning: false });
      const [port] = JSON.parse(tool("bridge", "-d", "-j", "link", "show", "dev", "a"));
      assertEquals([port.isolated, port.hairpin, port.learning], [true, true, false]);
      assertEquals(net.getLink(netlink, "a").isolated, true);
      net.setLink(netlink, "a", { up: false });
      net.setLink(netlink, "a", { master: null, name: "b", mtu: 1234, alias: "box" });
      const [b] = ip("link", "show", "dev", "b");
      assertEquals([b.master, b.mtu, b.ifalias], [undefined, 1234, "box"]);
      assert(!b.flags.includes("UP"));
      const inside = inNetwork(other, () => ip("link", "show"));
      assertEquals(inside.map((it) => it.ifname).sort(), ["eth0", "lo"]);
      net.setLink(netlink, "b", { netns: { fd: other } });
      assertEquals(net.findLink(netlink, "b"), undefined);
      net.deleteLink(netlink, "br0");
      assertEquals(net.listLinks(netlink).map(({ name }) => name), ["lo"]);
      const left = inNetwork(other, () => ip("link", "show"));
      assertEquals(left.map((it) => it.ifname).sort(), ["b", "eth0", "lo"]);
      for (const name of ["", "a/b", "a b", "x".repeat(16), ".."]) {
        assertThrows(() => net.addLink(netlink, { kind: "bridge", name }), SpecError);
      }
    });
  } finally {
    close(other);
  }
});

testIf(READY, WHY, "address: both families are what ip reads", () => {
  alone((netlink) => {
    net.setLink(netlink, "lo", { up: true });
    net.addLink(netlink, { kind: "veth", name: "a", up: true, peer: { name: "b", up: true } });
    net.addAddress(netlink, { link: "a", address: "10.0.0.2/24", broadcast: "10.0.0.255" });
    net.addAddress(netlink, { link: "a", address: "10.1.0.2", peer: "10.1.0.3" });
    net.addAddress(netlink, { link: "a", address: "fd00::2/64", noDad: true });
    const found = ip("address", "show", "dev", "a")[0].addr_info;
    const of = (local: string) => found.find((it: { local: string }) => it.local === local);
    assertEquals([of("10.0.0.2").prefixlen, of("10.0.0.2").broadcast], [24, "10.0.0.255"]);
    assertEquals(of("10.1.0.2").address, "10.1.0.3");
    assertEquals([of("fd00::2").prefixlen, of("fd00::2").nodad], [64, true]);
    const known = net.listAddresses(netlink, "a");
    assertEquals(
      known.map(({ address }) => address).filter((it) => !it.startsWith("fe80")).sort(),
      [
        "10.0.0.2/24",
        "10.1.0.2/32",
        "fd00::2/64",
      ],
    );
    assertEquals(known.find(({ peer }) => peer !== undefined)?.peer, "10.1.0.3/32");
    assertThrows(
      () => net.addAddress(netlink, { link: "a", address: "10.0.0.2/24" }),
      net.NetlinkError,
      "EEXIST",
    );
    net.deleteAddress(netlink, { link: "a", address: "10.0.0.2/24" });
    assertEquals(net.listAddresses(netlink, "a").some((it) => it.address === "10.0.0.2/24"), false);
  });
});

testIf(READY, WHY, "route: both families are what ip reads", () => {
  alone((netlink) => {
    net.addLink(netlink, { kind: "veth", name: "a", up: true, peer: { name: "b", up: true } });
    net.addAddress(netlink, { link: "a", address: "10.0.0.2/24" });
    net.addAddress(netlink, { link: "a", address: "fd00::2/64", noDad: true });
    net.addRoute(netlink, { to: "default", via: "10.0.0.1" });
    net.addRoute(netlink, { to: "default", via: "fd00::1", metric: 7 });
    net.addRoute(netlink, { to: "192.0.2.0/24", via: "10.0.0.1", source: "10.0.0.2", mtu: 1280 });
    net.addRoute(netlink, { to: "198.51.100.0/24", link: "a", table: 1000 });
    net.addRoute(netlink, { to: "203.0.113.0/24", type: "unreachable" });
    net.addRoute(netlink, { to: "10.9.9.9", via: "10.77.0.1", link: "a", onLink: true });
    net.addRoute(netlink, { to: "198.18.0.0/15", via: "fd00::1", link: "a" });
    net.addRoute(netlink, { to: "0.0.0.0/0", type: "local", link: "lo", table: 100 });
    const v4 = ip("route", "show", "table", "all");
    const of = (dst: string) => v4.find((it) => it.dst === dst && it.table !== "100");
    assertEquals([of("default").gateway, of("default").dev], ["10.0.0.1", "a"]);
    assertEquals(of("192.0.2.0/24").prefsrc, "10.0.0.2");
    assertEquals(of("192.0.2.0/24").metrics[0].mtu, 1280);
    assertEquals([of("198.51.100.0/24").table, of("198.51.100.0/24").scope], ["1000", "link"]);
    assertEquals(of("203.0.113.0/24").type, "unreachable");
    assert(of("10.9.9.9").flags.includes("onlink"));
    assertEquals(of("198.18.0.0/15").via.host, "fd00::1");
    const local = v4.find((it) => it.table === "100");
    assertEquals([local.type, local.dst, local.dev], ["local", "default", "lo"]);
    const [v6] = ip("-6", "route", "show", "default");
    assertEquals([v6.gateway, v6.metric], ["fd00::1", 7]);

    const main = net.listRoutes(netlink, 254);
    assertEquals(main.find((it) => it.to === "default" && it.family === "inet")?.via, "10.0.0.1");
    assertEquals(main.find((it) => it.to === "198.18.0.0/15")?.via, "fd00::1");
    assertEquals(main.find((it) => it.to === "203.0.113.0/24")?.type, "unreachable");
    net.replaceRoute(netlink, { to: "default", via: "10.0.0.9" });
    assertEquals(ip("route", "show", "default")[0].gateway, "10.0.0.9");
    net.deleteRoute(netlink, { to: "default" });
    assertEquals(ip("route", "show", "default"), []);
    const error = assertThrows(
      () => net.addRoute(netlink, { to: "default", via: "172.16.0.1" }),
      net.NetlinkError,
    ) as net.NetlinkError;
    assertEquals([error.code, error.detail], ["ENETUNREACH", "Nexthop has invalid gateway"]);
  });
});

testIf(KINDS, WHY_KINDS, "neighbour and rule are what ip reads", () => {
  alone((netlink) => {
    net.addLink(netlink, { kind: "veth", name: "a", up: true, peer: { name: "b", up: true } });
    net.addLink(netlink, { kind: "vxlan", name: "vx", id: 1, up: true });
    const mac = "02:00:00:00:00:07";
    net.addNeighbour(netlink, { link: "a", address: "10.0.0.7", hardwareAddress: mac });
    net.addNeighbour(netlink, { link: "a", address: "fd00::7", hardwareAddress: mac });
    const found = ip("neighbour", "show", "dev", "a");
    for (const dst of ["10.0.0.7", "fd00::7"]) {
      const entry = found.find((it) => it.dst === dst);
      assertEquals([entry.lladdr, entry.state], [mac, ["PERMANENT"]]);
    }
    assertEquals(
      net.listNeighbours(netlink, "a").filter((it) => it.hardwareAddress === mac).map((it) =>
        it.address
      ).sort(),
      ["10.0.0.7", "fd00::7"],
    );
    const all = { hardwareAddress: "00:00:00:00:00:00", forwarding: true, append: true };
    net.addNeighbour(netlink, { link: "vx", address: "192.0.2.7", ...all });
    net.addNeighbour(netlink, { link: "vx", address: "192.0.2.8", ...all });
    const fdb = JSON.parse(tool("bridge", "-j", "fdb", "show", "dev", "vx"));
    assertEquals(fdb.map((it: { dst: string }) => it.dst).sort(), ["192.0.2.7", "192.0.2.8"]);
    net.deleteNeighbour(netlink, { link: "a", address: "10.0.0.7", hardwareAddress: mac });
    assertEquals(ip("neighbour", "show", "10.0.0.7", "dev", "a"), []);

    net.addRule(netlink, { mark: 1, mask: 0xff, table: 100, priority: 10 });
    net.addRule(netlink, { from: "10.0.0.0/8", to: "192.0.2.0/24", table: 1000, priority: 11 });
    net.addRule(netlink, { to: "fd00::/8", action: "prohibit", priority: 12 });
    net.addRule(netlink, { input: "a", not: true, action: "blackhole", priority: 13 });
    const rules = ip("rule", "show");
    const at = (priority: number) => rules.find((it) => it.priority === priority);
    assertEquals([at(10).fwmark, at(10).fwmask, at(10).table], ["0x1", "0xff", "100"]);
    assertEquals([at(11).src, at(11).srclen, at(11).dst, at(11).table], [
      "10.0.0.0",
      8,
      "192.0.2.0",
      "1000",
    ]);
    assertEquals([at(13).iif, at(13).action], ["a", "blackhole"]);
    assert("not" in at(13));
    assertEquals(ip("-6", "rule", "show").find((it) => it.priority === 12).action, "prohibit");
    assertEquals(net.listRules(netlink).find((it) => it.priority === 10)?.mark, 1);
    assertEquals(net.listRules(netlink, "inet6").find((it) => it.priority === 12)?.to, "fd00::/8");
    net.deleteRule(netlink, { mark: 1, mask: 0xff, table: 100, priority: 10 });
    assertEquals(ip("rule", "show").find((it) => it.priority === 10), undefined);
  });
});

testIf(KINDS, WHY_KINDS, "qdisc: token buckets and ingress are what tc reads", () => {
  alone((netlink) => {
    net.addLink(netlink, { kind: "veth", name: "a", up: true, peer: { name: "b", up: true } });
    net.addLink(netlink, { kind: "ifb", name: "i", up: true });
    net.addQdisc(netlink, { link: "a", kind: "tbf", rate: "10mbit", burst: "64K", limit: "128K" });
    net.addQdisc(netlink, { link: "i", kind: "tbf", rate: "50gbit" });
    net.addQdisc(netlink, { link: "a", kind: "ingress" });
    net.redirectIngress(netlink, "a", "i");
    const read = (...words: string[]) => JSON.parse(tool("tc", "-j", ...words));
    const root = read("qdisc", "show", "dev", "a").find((it: { root?: true }) => it.root);
    // tc makes a latency of the limit: what is not in the bucket, at the rate, in microseconds.
    const latency = (128 - 64) * 1024 / 1.25;
    assertEquals([root.kind, root.options.rate], ["tbf", 1250000]);
    assert(Math.abs(root.options.lat - latency) < 100, JSON.stringify(root.options));
    assertEquals(root.options.burst, 65535); // by the kernel's own rounding, as of tc's 64k
    assertEquals(read("qdisc", "show", "dev", "i")[0].options.rate, 6_250_000_000);
    // Debian's tc writes two lists.
    const filters = tool("tc", "filter", "show", "dev", "a", "ingress");
    assert(/mirred \(Egress Redirect to device i\)/.test(filters), filters);
    assertEquals(net.listQdiscs(netlink, "a").find(({ kind }) => kind === "tbf")?.rate, 10_000_000);
    assertEquals(net.listQdiscs(netlink, "i")[0]?.rate, 50_000_000_000);
    net.replaceQdisc(netlink, { link: "a", kind: "tbf", rate: "5mbit" });
    assertEquals(net.listQdiscs(netlink, "a").find(({ kind }) => kind === "tbf")?.rate, 5_000_000);
    net.deleteQdisc(netlink, "a");
    net.deleteQdisc(netlink, "a", "ingress");
    assertEquals(net.listQdiscs(netlink, "a").some(({ kind }) => kind === "tbf"), false);
    assertThrows(() => net.deleteQdisc(netlink, "a", "ingress"), net.NetlinkError);
  });
});
