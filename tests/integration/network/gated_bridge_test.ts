import { assert } from "@std/assert";
import { sandbox, SpecError } from "../../../mod.ts";
import { assertThrows } from "@std/assert";
import { installed, ROOT, testIf } from "../support.ts";
import { onHost } from "./host.ts";

const READY = ROOT && installed("nft") && installed("ip") && installed("unshare");
/** What a sandbox gets, as a browser asks for it: a gate wants to know for whom it is. */
const FROM = `const from = async (box, name, port) => {
  const ask = "exec 3<>/dev/tcp/$0/$1 && printf 'GET / HTTP/1.0\\\\r\\\\nHost: %s\\\\r\\\\n\\\\r\\\\n' $0:$1 >&3 && tail -n1 <&3";
  const { stdout } = await box.output(["timeout", "2", "bash", "-c", ask, name, String(port)]);
  return text(stdout).trim() || "none";
};`;
const WHY = "needs root, nft, ip and unshare";

testIf(
  READY,
  WHY,
  "bridge with a gate: what is listed, the neighbours, published ports, and nothing else",
  async () => {
    await onHost(`${FROM}
    // The world: two addresses behind a cable, which a sandbox with NAT would reach.
    const world = sandbox().use(defineHook({
      name: "world",
      async networkSetup({ host, inside, netns }) {
        await host.link.add({ kind: "veth", name: "up0", peer: { name: "eth0", netns } });
        await host.address.add({ link: "up0", address: "203.0.113.1/24" });
        await host.link.set("up0", { up: true });
        await inside.link.set("eth0", { up: true });
        for (const end of [2, 3]) await inside.address.add({ link: "eth0", address: "203.0.113." + end + "/24" });
        await inside.route.add({ to: "default", via: "203.0.113.1" });
        await host.route.add({ to: "default", via: "203.0.113.2" });
      },
    }));
    await using server = await host.serve(world, "world", 8000);
    const listener = Deno.listen({ port: 7777, hostname: "0.0.0.0" });
    const gate = { bridge: "blue", allowAddresses: ["203.0.113.2/32"] };
    const gated = sandbox().network("bridge", gate);
    await using alpha = await host.serve(gated.hostname("alpha").publish("18080:80"), "alpha", 80);
    assertEquals(await host.get("127.0.0.1", 18080), "alpha");
    const beta = gated.hostname("beta");
    // Through the gate, and only through it.
    assertEquals(await from(beta, "203.0.113.2", 8000), "world");
    const refusal = "paddock: the address 203.0.113.3 is not in the list";
    assertEquals(await from(beta, "203.0.113.3", 8000), refusal);
    assertEquals(await from(sandbox().hostname("free").network("bridge", { bridge: "blue" }), "203.0.113.3", 8000), "world");
    // Neighbours, by their names, also those without a gate; who has none reaches those that have.
    assertEquals(await from(beta, "alpha", 80), "alpha");
    assertEquals(await from(sandbox().network("bridge", { bridge: "blue" }), "alpha", 80), "alpha");
    const { stdout } = await beta.output(["getent", "ahostsv4", "alpha"]);
    const address = text(stdout).split(" ")[0];
    assertEquals(await host.get(address, 80), "alpha");
    // Nobody else has a name.
    assertEquals((await beta.output(["getent", "hosts", "nobody"])).code, 2);
    // With a route of its own, and with capabilities to make packets, it gets nowhere either.
    const free = sandbox().hostname("free").network("bridge", { bridge: "blue" });
    let router;
    await free.use(defineHook({
      name: "look",
      async networkSetup({ inside }) {
        const routes = await inside.route.list(254);
        router = routes.find(({ to, family }) => to === "default" && family === "inet").via;
      },
    })).output(["true"]);
    assertEquals(await from(beta, router, 7777), "none");
    const around = defineHook({
      name: "around",
      networkSetup: ({ inside }) => inside.route.add({ to: "203.0.113.3/32", via: router }),
    });
    assertEquals(await from(beta.use(around), "203.0.113.3", 8000), "none");
    assertEquals(await from(free.use(around), "203.0.113.3", 8000), "world");
    assertEquals(await from(beta.use(around), router, 7777), "none");
    // Decisions are told.
    const result = await beta.output(["bash", "-c", "echo > /dev/tcp/203.0.113.3/8000"]);
    assertEquals(result.reports.egress.denied, 1);
    listener.close();
  `);
  },
);

testIf(
  READY,
  WHY,
  "bridge with a gate: on the one without a name there are no neighbours; nothing is left",
  async () => {
    const left = await onHost(`${FROM}
    const gated = sandbox().network("bridge", { allowDomains: [] });
    await using alone = await host.serve(gated.hostname("alone"), "alone", 80);
    const { stdout } = await sandbox().network("bridge").hostname("x").output(["getent", "ahostsv4", "alone"]);
    const address = text(stdout).split(" ")[0];
    assertEquals(await host.get(address, 80), "alone");
    assertEquals(await from(gated.hostname("other"), address, 80), "none");
    assertEquals(await from(gated.hostname("other"), "alone", 80), "none");
    await alone[Symbol.asyncDispose]();
    for (let tries = 0; tries < 50; tries++) {
      const { stdout } = await new Deno.Command("nft", { args: ["list", "tables"] }).output();
      if (text(stdout) === "") break;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    console.log(text((await new Deno.Command("nft", { args: ["list", "tables"] }).output()).stdout).trim());
  `);
    assert(left.trim() === "", left);
  },
);

Deno.test("bridge with a gate: what leads past the gate contradicts it", () => {
  assertThrows(
    () => sandbox().network("bridge", { allowDomains: ["a.example"], hostAccess: true }),
    SpecError,
    "leads past the gate",
  );
});
