import { assert, assertEquals } from "@std/assert";
import { installed, ROOT, testIf, text } from "../support.ts";
import { hostCommand, onHost } from "./host.ts";

const READY = ROOT && installed("nft") && installed("ip") && installed("unshare");
const WHY = "needs root, nft, ip and unshare";

testIf(
  READY,
  WHY,
  "bridge: two servers on one port, by address, by name, by published port",
  async () => {
    await onHost(`
    const blue = sandbox().network("bridge", { bridge: "blue" });
    await using alpha = await host.serve(blue.hostname("alpha").publish("18080:80"), "alpha", 80);
    await using beta = await host.serve(blue.hostname("beta").publish("18081:80"), "beta", 80);
    const { stdout } = await blue.output(["getent", "ahostsv4", "alpha"]);
    const address = text(stdout).split(" ")[0];
    assertEquals(await host.get(address, 80), "alpha");
    assertEquals(await host.get("127.0.0.1", 18080), "alpha");
    assertEquals(await host.get("127.0.0.1", 18081), "beta");
    const from = (box, name) => host.getFrom(box, name, 80);
    assertEquals(await from(blue.hostname("gamma"), "alpha"), "alpha");
    assertEquals(await from(blue.hostname("gamma"), "beta"), "beta");
    assertEquals(await from(blue.hostname("gamma"), "nobody"), "none");
    // A third one elsewhere: on another bridge, on the one where all are alone, with no network.
    for (const third of [["bridge", { bridge: "red" }], ["bridge"], ["none"]]) {
      const box = sandbox().hostname("third").network(...third);
      assertEquals(await from(box, address), "none", third.join());
      assertEquals(await from(box, "alpha"), "none", third.join());
    }
  `);
  },
);

testIf(
  READY,
  WHY,
  "bridge: on the one without a name all are alone, also by way of the router",
  async () => {
    await onHost(`
    const box = sandbox().network("bridge");
    await using alone = await host.serve(box.hostname("alone"), "alone", 80);
    const { stdout } = await box.hostname("other").output(["getent", "ahostsv4", "alone"]);
    const address = text(stdout).split(" ")[0];
    assertEquals(await host.get(address, 80), "alone");
    assertEquals(await host.getFrom(box.hostname("other"), address, 80), "none");
    // By the router: with a route of its own, which a hook can give it.
    const around = defineHook({
      name: "around",
      networkSetup: ({ inside }) => inside.route.list(254).then((routes) => {
        const via = routes.find(({ to, family }) => to === "default" && family === "inet").via;
        return inside.route.add({ to: address, via });
      }),
    });
    assertEquals(await host.getFrom(box.hostname("other").use(around), address, 80), "none");
  `);
  },
);

testIf(
  READY,
  WHY,
  "bridge: the host is not reached from inside, unless that is allowed",
  async () => {
    await onHost(`
    const listener = Deno.listen({ port: 7777, hostname: "0.0.0.0" });
    (async () => { for await (const it of listener) { for (let asked = ""; !asked.includes("\\n\\r\\n");) { const some = new Uint8Array(99); asked += text(some.subarray(0, await it.read(some) ?? 0)); } await it.write(new TextEncoder().encode("host\\n")); it.close(); } })();
    const router = async (box) => {
      const { stdout } = await box.output(["bash", "-c", "read -r _ _ gw _ < <(grep -P '\\\\t00000000\\\\t' /proc/net/route); printf '%d.%d.%d.%d' 0x\${gw:6:2} 0x\${gw:4:2} 0x\${gw:2:2} 0x\${gw:0:2}"]);
      return text(stdout);
    };
    const closed = sandbox().network("bridge", { bridge: "closed" });
    assertEquals(await host.getFrom(closed, await router(closed), 7777), "none");
    const open = sandbox().network("bridge", { bridge: "open", hostAccess: true });
    assertEquals(await host.getFrom(open, await router(open), 7777), "host");
    listener.close();
  `);
  },
);

testIf(
  READY,
  WHY,
  "bridge: NAT to the outside, forwarding put back, nothing else forwarded",
  async () => {
    await onHost(`
    const run = async (...words) => {
      const { code, stdout, stderr } = await new Deno.Command(words[0], { args: words.slice(1) }).output();
      assertEquals([code, text(stderr)], [0, ""], words.join(" "));
      return text(stdout);
    };
    // The world: a sandbox at the other end of a cable, with a route back to nobody but the host.
    const world = sandbox().use(defineHook({
      name: "world",
      async networkSetup({ host, inside, netns }) {
        await host.link.add({ kind: "veth", name: "up0", peer: { name: "eth0", netns } });
        await host.address.add({ link: "up0", address: "192.0.2.2/24" });
        await host.address.add({ link: "up0", address: "2001:db8::2/64", noDad: true });
        await host.link.set("up0", { up: true });
        await inside.link.set("eth0", { up: true });
        await inside.address.add({ link: "eth0", address: "192.0.2.1/24" });
        await inside.address.add({ link: "eth0", address: "2001:db8::1/64", noDad: true });
        await inside.address.add({ link: "lo", address: "198.51.100.7/32" });
        await inside.address.add({ link: "lo", address: "169.254.169.254/32" });
        await inside.route.add({ to: "10.213.0.0/16", via: "192.0.2.2" });
        await inside.route.add({ to: "203.0.113.0/24", via: "192.0.2.2" });
        await host.route.add({ to: "default", via: "192.0.2.1" });
        await host.route.add({ to: "default", via: "2001:db8::1" });
        await host.route.add({ to: "169.254.0.0/16", via: "192.0.2.1" });
      },
    }));
    const forwarding = () => Deno.readTextFileSync("/proc/sys/net/ipv4/conf/up0/forwarding").trim();
    await using server = await host.serve(world, "world", 8000);
    assertEquals(forwarding(), "0");
    const box = sandbox().hostname("inner").network("bridge", { bridge: "blue" });
    assertEquals(await host.getFrom(box, "198.51.100.7", 8000), "world");
    assertEquals(forwarding(), "1");
    // Metadata services are not reached.
    assertEquals(await host.get("169.254.169.254", 8000), "world");
    assertEquals(await host.getFrom(box, "169.254.169.254", 8000), "none");
    // Whoever is outside cannot use this host as a router to elsewhere, though up0 forwards now.
    const receiver = 'use IO::Socket::INET; $|=1; $s=IO::Socket::INET->new(Proto=>"udp",LocalPort=>9); print "up\\n"; $s->recv($b,99); print "got $b\\n"';
    await using elsewhere = await sandbox().use(defineHook({
      name: "elsewhere",
      async networkSetup({ host, inside, netns }) {
        await host.link.add({ kind: "veth", name: "up1", peer: { name: "eth0", netns } });
        await host.address.add({ link: "up1", address: "203.0.113.1/24" });
        await host.link.set("up1", { up: true });
        await inside.address.add({ link: "eth0", address: "203.0.113.2/24" });
        await inside.link.set("eth0", { up: true });
        await inside.route.add({ to: "default", via: "203.0.113.1" });
        const kept = await inside.syscall("openat", -100, "/proc/sys/net/ipv4/ip_unprivileged_port_start", 1, 0);
        await inside.syscall("write", kept, "0", 1);
      },
    })).spawn(["perl", "-e", receiver], { stdin: "null", stdout: "piped" });
    const heard = elsewhere.stdout.pipeThrough(new TextDecoderStream()).getReader();
    await heard.read();
    let word = "";
    heard.read().then(({ value }) => word = value ?? "", () => {});
    const send = (from) => run("nsenter", "-t", from, "-n", "perl", "-MIO::Socket::INET", "-e", '$s=IO::Socket::INET->new(Proto=>"udp",PeerAddr=>"203.0.113.2",PeerPort=>9) or die; $s->send("hello") or die');
    await send(String(server.pid));
    await new Promise((go) => setTimeout(go, 300));
    assertEquals(word, "");
    await send(String(Deno.pid));
    for (let tries = 0; tries < 100 && word === ""; tries++) await new Promise((go) => setTimeout(go, 10));
    assertEquals(word.trim(), "got hello");
    // From the outside in, only answers come.
    await using inner = await host.serve(box, "inner", 8000);
    const { stdout } = await box.hostname("x").output(["getent", "ahostsv4", "inner"]);
    const address = text(stdout).split(" ")[0];
    assertEquals(await host.get(address, 8000), "inner");
    const pid = String(server.pid);
    const out = await new Deno.Command("nsenter", { args: ["-t", pid, "-n", "bash", "-c", host.GET + " get " + address + " 8000"] }).output();
    assertEquals(text(out.stdout).trim(), "none");
    await inner[Symbol.asyncDispose]();
    for (let tries = 0; tries < 100 && forwarding() === "1"; tries++) await new Promise((go) => setTimeout(go, 50));
    assertEquals(forwarding(), "0");
    assertEquals(await run("nft", "list", "tables"), "");
  `);
  },
);

testIf(
  READY,
  WHY,
  "bridge: a description that contradicts one that is there, and what is not ours",
  async () => {
    await onHost(`
    const blue = (more) => sandbox().network("bridge", { bridge: "blue", ...more });
    await using first = await host.serve(blue({ subnet: "10.7.0.0/24" }), "x", 80);
    await assertRejects(() => blue({ isolated: true }).output(["true"]), Error, "network.bridge");
    await assertRejects(() => blue({ subnet: "10.8.0.0/24" }).output(["true"]), Error, "10.7.0.0/24");
    assertEquals((await blue({ subnet: "10.7.0.0/24" }).output(["true"])).code, 0);
    assertEquals((await blue({}).output(["true"])).code, 0);
    const clash = sandbox().network("bridge", { bridge: "red", subnet: "10.7.0.128/25" });
    await assertRejects(() => clash.output(["true"]), Error, "in use on this host");
    await new Deno.Command("sh", { args: ["-c", "ip link add pdk-mine type bridge; true"] }).output();
    await assertRejects(() => sandbox().network("bridge", { bridge: "mine" }).output(["true"]), Error, "not Paddock's");
  `);
  },
);

testIf(
  READY,
  WHY,
  "bridge: nothing is left at the program's end, nor by the next one after a kill",
  async () => {
    const check = `
    const { stdout } = await new Deno.Command("sh", { args: ["-c", "ip -o link; nft list tables; ls /run/paddock-network-$(readlink /proc/self/ns/net | tr -dc 0-9).lock 2>/dev/null"] }).output();
    console.log(text(stdout).split("\\n").filter((line) => /pd|paddock/.test(line)).join("\\n"));
  `;
    const config = `--config=${new URL("../../../deno.json", import.meta.url).pathname}`;
    const mod = JSON.stringify(new URL("../../../mod.ts", import.meta.url).href);
    const source = `
    const program = (code) => new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "${config}", "data:application/typescript," + encodeURIComponent('import { sandbox } from ' + ${
      JSON.stringify(mod)
    } + ';' + code)],
      stdin: "null", stdout: "piped", stderr: "inherit",
    });
    const look = async () => { let log = ""; const print = console.log; console.log = (it) => log += it; ${check} console.log = print; return log; };
    await program('await sandbox().network("bridge", { bridge: "blue" }).output(["true"]);').output();
    assertEquals(await look(), "");
    await program('await sandbox().network("bridge", { bridge: "blue" }).spawn(["sleep", "60"], { stdout: "null" }); Deno.exit(0)').output();
    assertEquals(await look(), "");
    const killed = program('await sandbox().network("bridge", { bridge: "blue" }).spawn(["sleep", "60"], { stdout: "null" }); console.log("up");').spawn();
    const reader = killed.stdout.getReader();
    await reader.read();
    killed.kill("SIGKILL");
    await killed.status;
    await reader.cancel();
    // The kernel removes the sandbox's own; the bridge stays until somebody comes.
    for (let tries = 0; tries < 100 && (await look()).includes("pd2-"); tries++) await new Promise((go) => setTimeout(go, 50));
    const left = await look();
    assert(left.includes("pdk-blue") && left.includes("paddock_blue"), left);
    await program('await sandbox().network("bridge", { bridge: "red" }).output(["true"]);').output();
    assertEquals(await look(), "");
  `;
    await onHost(source);
  },
);

testIf(
  READY,
  WHY,
  "bridge: 200 sandboxes, 8 at a time, each its own address, all reachable, all gone",
  async () => {
    const { code, stdout, stderr } = await hostCommand(`
    const box = sandbox().network("bridge", { bridge: "many" });
    const running = [], times = [];
    let next = 0;
    await box.output(["true"]);
    await Promise.all(Array.from({ length: 8 }, async () => {
      while (next < 200) {
        const name = "box" + next++;
        const began = performance.now();
        const child = await host.serve(box.hostname(name), name, 80);
        times.push(performance.now() - began);
        running.push([name, child]);
      }
    }));
    const list = text((await new Deno.Command("ip", { args: ["-o", "link", "show", "type", "veth"] }).output()).stdout);
    assertEquals(list.trim().split("\\n").length, 200);
    const names = running.map(([name]) => name);
    const { stdout } = await box.output(["bash", "-c", 'for n in ' + names.join(" ") + '; do getent ahostsv4 $n | head -1; done']);
    const addresses = text(stdout).trim().split("\\n").map((line) => line.split(" ")[0]);
    assertEquals(new Set(addresses).size, 200);
    const answers = await Promise.all(addresses.map((address) => host.get(address, 80)));
    assertEquals(answers, names);
    const median = (some) => some.toSorted((a, b) => a - b)[some.length >> 1];
    console.log(JSON.stringify({ first: median(times.slice(0, 40)), last: median(times.slice(-40)) }));
    await Promise.all(running.map(([, child]) => child[Symbol.asyncDispose]()));
    for (let tries = 0; tries < 200; tries++) {
      const { stdout } = await new Deno.Command("ip", { args: ["-o", "link"] }).output();
      if (text(stdout).trim().split("\\n").length === 1) Deno.exit(0);
      await new Promise((go) => setTimeout(go, 50));
    }
    throw new Error("devices are left");
  `).output();
    assertEquals({ code, stderr: text(stderr) }, { code: 0, stderr: "" });
    const { first, last } = JSON.parse(text(stdout));
    console.log(`a launch takes ${first.toFixed(1)} ms at first, ${last.toFixed(1)} ms with 200`);
    assert(last < first * 1.5, `${first} ms, ${last} ms`);
  },
);

testIf(
  READY,
  WHY,
  "bridge: what fails half-way leaves nothing, and says what is missing",
  async () => {
    await onHost(`
    const path = Deno.env.get("PATH");
    Deno.env.set("PATH", "/nowhere");
    await assertRejects(() => sandbox().network("bridge").output(["/bin/true"]), Error, "install the package nftables");
    Deno.env.set("PATH", path);
    const links = await new Deno.Command("ip", { args: ["-o", "link"] }).output();
    assertEquals(text(links.stdout).trim().split("\\n").length, 1);
    const lock = "/run/paddock-network-" + (await Deno.readLink("/proc/self/ns/net")).replace(/\\D/g, "") + ".lock";
    await assertRejects(() => Deno.stat(lock), Deno.errors.NotFound);
    assertEquals((await sandbox().network("bridge").output(["true"])).code, 0);
  `);
  },
);
