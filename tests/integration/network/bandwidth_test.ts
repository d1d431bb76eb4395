import { assert, assertEquals, assertRejects } from "@std/assert";
import { HookError, sandbox } from "../../../mod.ts";
import { bandwidth } from "../../../hooks/bandwidth.ts";
import { installed, ROOT, testIf, text } from "../support.ts";
import { kernelHas } from "../../net/support.ts";
import { hostCommand } from "./host.ts";

testIf(
  ROOT && installed("nft") && kernelHas("ifb"),
  "needs root, nft and a kernel with ifb",
  "bandwidth: both directions are as fast as was said, not faster",
  async () => {
    // 16 mbit are 2 MB a second; the bucket's first 32 KiB are free.
    const { code, stdout, stderr } = await hostCommand(`
    const box = (limits) => sandbox().network("bridge", { bridge: "slow", subnet: "10.7.0.0/24", hostAccess: true, bandwidth: limits });
    const SIZE = 2_000_000;
    const measure = async (limits, send) => {
      const listener = Deno.listen({ hostname: "0.0.0.0", port: 7000 });
      const served = (async () => {
        const connection = await listener.accept();
        const began = performance.now();
        if (send) {
          const bytes = new Uint8Array(SIZE);
          for (let at = 0; at < SIZE;) at += await connection.write(bytes.subarray(at));
          await connection.closeWrite();
          await connection.read(new Uint8Array(9));
        } else await new Response(connection.readable).bytes();
        listener.close();
        return performance.now() - began;
      })();
      const script = "exec 3<>/dev/tcp/10.7.0.1/7000; " +
        (send ? "head -c " + SIZE + " <&3 >/dev/null; echo done >&3" : "head -c " + SIZE + " /dev/zero >&3");
      const { code, stderr } = await box(limits).output(["bash", "-c", script]);
      assertEquals([code, text(stderr)], [0, ""]);
      return await served;
    };
    console.log(JSON.stringify({
      up: await measure({ up: "16mbit" }, false),
      down: await measure({ down: "16mbit" }, true),
      free: await measure({ up: "10gbit", down: "10gbit" }, true),
    }));
  `).output();
    assertEquals({ code, stderr: text(stderr) }, { code: 0, stderr: "" });
    const { up, down, free } = JSON.parse(text(stdout));
    console.log(
      `2 MB at 16 mbit: up ${up | 0} ms, down ${down | 0} ms, without limit ${free | 0} ms`,
    );
    for (const time of [up, down]) assert(time > 800 && time < 2500, `${time} ms`);
    assert(free < 500, `${free} ms`);
  },
);

Deno.test("bandwidth: without a device it is an error, not a limit of nothing", async () => {
  const error = await assertRejects(
    () => sandbox().use(bandwidth({ up: "1mbit" })).output(["true"]),
    HookError,
  );
  assert(String(error).includes("no device to limit"), String(error));
});

testIf(
  kernelHas("ifb"),
  "needs ip and a kernel with ifb",
  "bandwidth: a bridge of the sandbox's own, limited for whoever asks",
  async () => {
    const { defineHook } = await import("../../../mod.ts");
    let rates: (number | undefined)[] = [];
    const box = sandbox().use(defineHook({
      name: "device",
      networkSetup: ({ inside }) => inside.link.add({ kind: "bridge", name: "br0", up: true }),
    })).use(bandwidth({ up: "1mbit", down: "2mbit" })).use(defineHook({
      name: "look",
      async networkSetup({ inside }) {
        rates = (await inside.qdisc.list()).filter(({ kind }) => kind === "tbf").map(({ rate }) =>
          rate
        );
      },
    }));
    assertEquals((await box.output(["true"])).code, 0);
    assertEquals(rates.sort(), [1_000_000, 2_000_000]);
  },
);
