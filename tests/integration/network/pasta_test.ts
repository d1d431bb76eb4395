import { assert, assertEquals, assertRejects } from "@std/assert";
import { sandbox, UnsupportedError } from "../../../mod.ts";
import { installed, processesWith, ROOT, testIf, text, until } from "../support.ts";
import { get, onHost, serve } from "./host.ts";

const HAS = installed("pasta") && mayOpenTun();
const WHY = "needs pasta (package passt) and the right to open /dev/net/tun";

function mayOpenTun(): boolean {
  try {
    Deno.openSync("/dev/net/tun", { read: true, write: true }).close();
    return true;
  } catch {
    return false;
  }
}

testIf(
  !mayOpenTun() && installed("pasta"),
  "needs a /dev/net/tun that is closed",
  "pasta: who may not open a tunnel is told how",
  async () => {
    const error = await assertRejects(() => sandbox().network("pasta").output(["true"]));
    assert((error as Error).cause instanceof UnsupportedError, String(error));
    assert(String(error).includes("/dev/net/tun"), String(error));
  },
);
/** A host with a way out, which is a sandbox at the end of a cable. */
const WORLD = `
  const world = sandbox().use(defineHook({
    name: "world",
    async networkSetup({ host, inside, netns }) {
      await host.link.add({ kind: "veth", name: "up0", peer: { name: "eth0", netns } });
      await host.address.add({ link: "up0", address: "192.0.2.2/24" });
      await host.link.set("up0", { up: true });
      await inside.link.set("eth0", { up: true });
      await inside.address.add({ link: "eth0", address: "192.0.2.1/24" });
      await inside.address.add({ link: "lo", address: "198.51.100.7/32" });
      await host.route.add({ to: "default", via: "192.0.2.1" });
    },
  }));
  await using server = await host.serve(world, "world", 8000);
`;

/** Whether this host has a way out that pasta can copy. */
function hasRoute(): boolean {
  return /^\w+\t00000000\t/m.test(Deno.readTextFileSync("/proc/net/route"));
}

testIf(
  HAS && ROOT,
  `${WHY}, and root`,
  "pasta: what the host reaches is reached, and its loopback is not",
  async () => {
    await onHost(`${WORLD}
    const box = sandbox().network("pasta");
    assertEquals(await host.getFrom(box, "198.51.100.7", 8000), "world");
    // A service on the host's loopback, by the address of the gateway: --no-map-gw.
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 7777 });
    (async () => { for await (const it of listener) { await it.read(new Uint8Array(99)); await it.write(new TextEncoder().encode("loopback\\n")); it.close(); } })();
    assertEquals(await host.get("127.0.0.1", 7777), "loopback");
    assertEquals(await host.getFrom(box, "192.0.2.1", 7777), "none");
    assertEquals(await host.getFrom(box, "127.0.0.1", 7777), "none");
    listener.close();
    const { stdout } = await box.output(["cat", "/etc/resolv.conf", "/etc/hosts"]);
    assert(text(stdout).includes("nameserver 127.0.0.53"), text(stdout));
  `);
  },
);

testIf(
  HAS && hasRoute(),
  `${WHY}, and a default route`,
  "pasta: a device, ports, and no process left, for whoever asks",
  async () => {
    using probe = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = probe.addr;
    probe.close();
    {
      await using child = await serve(
        sandbox().network("pasta").publish(`${port}:80`),
        "inner",
        80,
      );
      assertEquals(await get("127.0.0.1", port), "inner");
      assert(processesWith("--no-map-gw").length > 0);
      assert(child.pid > 0);
    }
    assertEquals(processesWith("--no-map-gw"), []);
    const { stdout } = await sandbox().network("pasta").output(["cat", "/proc/net/route"]);
    assert(/^eth0\t00000000\t/m.test(text(stdout)), text(stdout));
  },
);

testIf(
  HAS && hasRoute(),
  `${WHY}, and a default route`,
  "pasta: it ends with the program that started it, also by SIGKILL",
  async () => {
    const { program } = await import("../support.ts");
    const child = program(`
    await sandbox().network("pasta").spawn(["sleep", "1000"], { stdin: "null", stdout: "null" });
    console.log("up");
  `).spawn();
    const reader = child.stdout.getReader();
    await reader.read();
    assert(processesWith("--no-map-gw").length > 0);
    child.kill("SIGKILL");
    await child.status;
    await reader.cancel();
    await child.stderr.cancel();
    assert(await until(() => processesWith("--no-map-gw").length === 0));
  },
);
