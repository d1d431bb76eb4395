import { assert, assertEquals, assertRejects } from "@std/assert";
import { sandbox, UnsupportedError } from "../../../mod.ts";
import { inFolder, installed, ROOT, testIf } from "../support.ts";
import { kernelHas } from "../../net/support.ts";
import { onHost } from "./host.ts";

const READY = ROOT && installed("ip") && installed("unshare");
const WHY = "needs root, ip, unshare and a kernel with the device";

testIf(
  READY && kernelHas("vxlan", "id", "1", "dstport", "4789"),
  WHY,
  "macvlan: an address on the host's network; ipvlan where the kernel has it",
  async () => {
    await onHost(`
    await new Deno.Command("sh", { args: ["-c", "ip link add name cable type veth peer name far; ip link set cable up; ip link set far up; ip addr add 192.0.2.1/24 dev far"] }).output();
    const box = (n) => sandbox().network("macvlan", { parent: "cable", addresses: ["192.0.2." + n + "/24"], gateways: ["192.0.2.1"] });
    await using first = await host.serve(box(7), "first", 80);
    assertEquals(await host.get("192.0.2.7", 80), "first");
    assertEquals(await host.getFrom(box(8), "192.0.2.7", 80), "first");
    const { stdout } = await box(9).output(["sh", "-c", "cat /proc/net/route /etc/resolv.conf /etc/hosts"]);
    assert(/eth0\\s+00000000\\s+010200C0/.test(text(stdout)), text(stdout));
    assert(text(stdout).includes("nameserver 127.0.0.53"));
    await assertRejects(() => sandbox().network("macvlan", { parent: "none", addresses: ["192.0.2.7/24"] }).output(["true"]), Error, '"none": ENODEV');
    await sandbox().network("ipvlan", { parent: "cable", addresses: ["192.0.2.7/24"] }).output(["true"])
      .catch((error) => assert(error.message.includes("EOPNOTSUPP"), error.message));
  `);
  },
);

testIf(
  READY && installed("nft") && kernelHas("vxlan", "id", "1", "dstport", "4789"),
  WHY,
  "vxlan: sandboxes on two hosts are on one network",
  async () => {
    await onHost(`
    // Two hosts: this namespace, and one of a child program's own, with a cable between.
    const cable = new Deno.Command("sh", { args: ["-c", "ip link add name cable type veth peer name far; ip addr add 192.0.2.1/24 dev cable; ip link set cable up"] });
    await cable.output();
    const mesh = (here, there, pool) => 'sandbox().network("vxlan", { bridge: "mesh", id: 42, local: "192.0.2.' + here + '", remote: "192.0.2.' + there + '", subnet: "10.7.0.0/24", pool: "' + pool + '" })';
    const code = host.program('const box = ' + mesh(2, 1, "10.7.0.128/25") + '; Deno.stdin.readable.getReader().read().then(async () => { await using child = await host.serve(box.hostname("far"), "far", 80); const { stdout } = await box.output(["getent", "ahostsv4", "far"]); console.log(text(stdout).split(" ")[0]); await new Promise((go) => setTimeout(go, 60000)); });');
    const other = new Deno.Command("unshare", { args: ["-n", "sh", "-c", 'ip link set lo up; exec "$@"', "sh", Deno.execPath(), ...code], stdin: "piped", stdout: "piped", stderr: "inherit" }).spawn();
    try {
      while ((await Deno.readLink("/proc/" + other.pid + "/ns/net")) === (await Deno.readLink("/proc/self/ns/net"))) await new Promise((go) => setTimeout(go, 5));
      const moved = await new Deno.Command("sh", { args: ["-c", "ip link set far netns " + other.pid + " && nsenter -t " + other.pid + " -n sh -c 'ip addr add 192.0.2.2/24 dev far; ip link set far up'"] }).output();
      assertEquals(text(moved.stderr), "");
      await other.stdin.getWriter().write(new TextEncoder().encode("go"));
      const line = await other.stdout.getReader().read();
      const address = text(line.value).trim();
      assert(/^10\\.7\\.0\\.(1[3-9]\\d|2\\d\\d|12[89])$/.test(address), address);
      const here = sandbox().network("vxlan", { bridge: "mesh", id: 42, local: "192.0.2.1", remote: "192.0.2.2", subnet: "10.7.0.0/24", pool: "10.7.0.0/25" });
      assertEquals(await host.getFrom(here, address, 80), "far");
    } finally {
      other.kill("SIGKILL");
      await other.status;
    }
  `);
  },
);

testIf(
  READY,
  WHY,
  "join: a named namespace, another sandbox, with the names that are known there",
  async () => {
    await onHost(`
    const sh = async (script) => text((await new Deno.Command("sh", { args: ["-c", script] }).output()).stdout);
    await using first = await host.serve(sandbox().hostname("first").use(defineHook({ name: "it", configure: (spec) => ({ ...spec, mounts: [...spec.mounts, { kind: "file", target: "/etc/hosts", contents: "127.0.0.1 localhost first.test\\n" }] }) })), "first", 8000);
    const beside = sandbox().network("join", { target: { pid: first.pid } });
    assertEquals(await host.getFrom(beside, "127.0.0.1", 8000), "first");
    assertEquals(await host.getFrom(beside, "first.test", 8000), "first");
    const { stdout } = await beside.output(["readlink", "/proc/self/ns/net"]);
    assertEquals(text(stdout).trim(), await Deno.readLink("/proc/" + first.pid + "/ns/net"));
    const name = "pdt" + Deno.pid;
    await sh("ip netns add " + name + "; ip -n " + name + " link set lo up; ip -n " + name + " link add br7 type bridge; mkdir -p /etc/netns/" + name + "; echo nameserver 192.0.2.53 >/etc/netns/" + name + "/resolv.conf");
    try {
      const { stdout } = await sandbox().network("join", { target: name }).output(["sh", "-c", "cat /proc/net/dev /etc/resolv.conf"]);
      assert(text(stdout).includes("br7:") && text(stdout).includes("nameserver 192.0.2.53"), text(stdout));
    } finally {
      await sh("ip netns delete " + name + "; rm -r /etc/netns/" + name);
    }
    await assertRejects(() => sandbox().network("join", { target: "no-such" }).output(["true"]), Error, "/run/netns/no-such");
  `);
  },
);

testIf(
  !ROOT,
  "needs an ordinary user",
  "bridge, macvlan, vxlan: an ordinary user is told what to take",
  async () => {
    for (
      const box of [
        sandbox().network("bridge"),
        sandbox().network("macvlan", { parent: "eth0", addresses: ["192.0.2.7/24"] }),
      ]
    ) {
      const error = await assertRejects(() => box.output(["true"]));
      assert((error as Error).cause instanceof UnsupportedError, String(error));
      assert(String(error).includes('network("pasta")'), String(error));
    }
  },
);

Deno.test("join: what the joined sandbox calls its files does not lead out of it", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/secret`, "nameserver 192.0.2.66\n");
    const first = sandbox().symlink(`${folder}/secret`, "/etc/resolv.conf");
    await using child = await first.spawn(["sleep", "100"], { stdin: "null" });
    const { joinNetwork } = await import("../../../hooks/join_network.ts");
    const configure = joinNetwork({ target: { pid: child.pid } }).configure as (
      spec: unknown,
    ) => { mounts: { target: string; contents?: string }[] };
    const { mounts } = configure(sandbox().spec);
    const names = mounts.filter(({ target }) => target === "/etc/resolv.conf");
    assert(!names.some(({ contents }) => contents?.includes("192.0.2.66")), JSON.stringify(names));
  });
});

Deno.test("modes: what is not for a mode is refused at once, and says what there is", async () => {
  const { assertThrows } = await import("@std/assert");
  const bad = (mode: string, settings: object, field: string) =>
    assertThrows(() => sandbox().network(mode as "bridge", settings), Error, field);
  bad("brigde", {}, "network.mode");
  bad("bridge", { brigde: "x" }, "network.brigde");
  bad("bridge", { bridge: "x/y" }, "network.bridge");
  bad("bridge", { isolated: "yes" }, "network.isolated");
  bad("none", { bandwidth: { up: "1mbit" } }, "network.bandwidth");
  bad("pasta", { bandwidth: {} }, "network.bandwidth");
  bad("pasta", { bandwidth: { upp: "1mbit" } }, "network.bandwidth");
  bad("macvlan", { parent: "x" }, "network.addresses");
  bad("vxlan", { bridge: "x" }, "network.id");
  bad("join", {}, "network.target");
  assertEquals(sandbox().network("host").spec.namespaces.net, "shared");
  assertEquals(sandbox().network("join", { target: "blue" }).spec.namespaces.net, {
    join: "/run/netns/blue",
  });
  // What was published before a mode was chosen stays so.
  const both = sandbox().publish("8080:80").network("pasta").spec.network;
  assertEquals(both, { mode: "pasta", publish: ["8080:80"] });
});
