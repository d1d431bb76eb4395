import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import {
  defineHook,
  HookError,
  NetlinkError,
  type NetworkSetupContext,
  sandbox,
} from "../../mod.ts";
import { openDescriptors, ROOT, run, sh, testIf, until } from "./support.ts";

const box = sandbox();

function withSetup(networkSetup: (ctx: NetworkSetupContext) => unknown) {
  return box.use(defineHook({ name: "net", networkSetup }));
}

Deno.test("inside: devices, addresses and routes, for whoever asks", async () => {
  await run(box, ["true"]);
  const before = openDescriptors();
  const setup = withSetup(async ({ inside }) => {
    await inside.link.add({ kind: "bridge", name: "br0", up: true, ipv6LinkLocal: false });
    await inside.address.add({ link: "br0", address: "10.9.0.1/24" });
    await inside.address.add({ link: "br0", address: "fd09::1/64", noDad: true });
    await inside.route.add({ to: "198.51.100.0/24", via: "10.9.0.7" });
    assertEquals((await inside.link.list()).map(({ name }) => name).sort(), ["br0", "lo"]);
    assertEquals((await inside.link.get("br0"))?.kind, "bridge");
    assertEquals((await inside.address.list("br0")).length, 2);
  });
  const seen = await sh(
    setup,
    "ls /sys/class/net 2>/dev/null; cat /proc/net/route /proc/net/if_inet6",
  );
  assert(/br0\s+006433C6\s+0700090A/.test(seen), seen);
  assert(seen.includes("fd090000000000000000000000000001"), seen);
  assert(openDescriptors() <= before, `${before} then ${openDescriptors()}`);
});

Deno.test("inside: a refusal names the message, and fails the launch", async () => {
  const setup = withSetup(({ inside }) => inside.link.set("none", { up: true }));
  const error = await assertRejects(() => setup.output(["true"]), HookError);
  assertInstanceOf(error.cause, NetlinkError);
  assert(error.message.includes('RTM_GETLINK "none": ENODEV'), error.message);
});

Deno.test("inside: after its stage a hook is told so, and the sandbox goes on", async () => {
  let late: NetworkSetupContext | undefined;
  const child = await withSetup((ctx) => void (late = ctx))
    .spawn(["sh", "-c", "read line; exit 7"], { stdin: "piped", stdout: "null" });
  await assertRejects(() => late!.inside.link.list(), Error, "gone on");
  await child.stdin.close();
  assertEquals((await child.status).code, 7);
});

testIf(
  ROOT,
  "needs root",
  "host and inside are two of one class, and make a cable between them",
  async () => {
    const name = `pdt${Deno.pid}`;
    const setup = withSetup(async ({ host, inside, netns, defer }) => {
      assertEquals(host.constructor, Object.getPrototypeOf(inside.constructor));
      await host.link.add({ kind: "veth", name, peer: { name: "eth0", netns } });
      defer(() => host.link.get(name).then((link) => link && host.link.delete(name)));
      await inside.address.add({ link: "eth0", address: "10.99.98.2/24" });
      await inside.link.set("eth0", { up: true });
      await host.link.set(name, { up: true });
      // The kernel tells of the other end in its own time.
      assert(await until(async () => (await inside.link.get("eth0"))?.running === true));
    });
    assertEquals(await run(setup, ["grep", "-c", "eth0", "/proc/net/dev"]), "1\n");
  },
);
