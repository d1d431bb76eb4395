import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { type CapabilityName, Sandbox, sandbox, SpecError, StepError } from "../../mod.ts";
import { CAPABILITIES } from "../../lib/sys/abi/capability.ts";
import { capabilityMask, knownCapabilities } from "../../lib/sys/mod.ts";
import { attempt, installed, lines, ROOT, sh, testIf } from "./support.ts";

/** The five sets as hexadecimal numbers without leading zeros. */
async function sets(box: Sandbox): Promise<Record<string, string>> {
  const text = await sh(box, "grep ^Cap /proc/self/status");
  return Object.fromEntries(
    lines(text).map((line) => {
      const [name, mask] = line.split(":");
      return [name!.slice(3), BigInt(`0x${mask!.trim()}`).toString(16)];
    }),
  );
}

const hex = (...names: CapabilityName[]) => capabilityMask(names).toString(16);
const none = { Inh: "0", Prm: "0", Eff: "0", Bnd: "0", Amb: "0" };
const root = sandbox().user(0);

Deno.test("by default there is no capability in any of the five sets", async () => {
  for (const uid of [0, 1000]) assertEquals(await sets(sandbox().user(uid)), none);
});

Deno.test("user 0 keeps what it is given, in three sets, and nothing is inheritable", async () => {
  const kept = hex("CAP_NET_RAW", "CAP_CHOWN", "CAP_CHECKPOINT_RESTORE");
  const box = root.capabilities(["CAP_NET_RAW", "CAP_CHOWN", "CAP_CHECKPOINT_RESTORE"]);
  assertEquals(await sets(box), { ...none, Prm: kept, Eff: kept, Bnd: kept });
});

Deno.test("another user keeps them at execve by the ambient set", async () => {
  const kept = hex("CAP_NET_BIND_SERVICE");
  const box = sandbox().user(1000).capabilities(["CAP_NET_BIND_SERVICE"]);
  assertEquals(await sets(box), { Inh: kept, Prm: kept, Eff: kept, Bnd: kept, Amb: kept });
  assertEquals(
    await sets(sandbox().user(1000).capabilities(["CAP_NET_BIND_SERVICE"], { ambient: false })),
    { ...none, Bnd: kept },
  );
  assertEquals(
    await sets(root.capabilities(["CAP_NET_BIND_SERVICE"], { ambient: true })),
    { Inh: kept, Prm: kept, Eff: kept, Bnd: kept, Amb: kept },
  );
});

Deno.test("all means all that have a name", async () => {
  const all = hex(...Object.keys(CAPABILITIES) as CapabilityName[]);
  const { Bnd, Eff } = await sets(root.capabilities("all"));
  // Those that the kernel has and Paddock has no name for go.
  assertEquals([Bnd, Eff], [all, all]);
  assertEquals(
    knownCapabilities() & capabilityMask(Object.keys(CAPABILITIES) as []),
    BigInt(`0x${all}`),
  );
  assertEquals(await sets(root.capabilities("all").capabilities([])), none);
});

Deno.test("what is kept can be used, what is not cannot", async () => {
  const script = "chown 0:0 /tmp && echo chown; ip link set lo mtu 1400 2>&1 && echo mtu";
  const without = await attempt(root, script);
  assertEquals([without.stdout.includes("mtu"), without.stdout.includes("Operation not")], [
    false,
    true,
  ]);
  const { stdout } = await attempt(root.capabilities(["CAP_NET_ADMIN"]), script);
  assertEquals(stdout, "chown\nmtu\n");
});

testIf(
  ROOT && installed("setcap"),
  "needs root and setcap",
  "a file's capabilities give nothing that was not kept",
  async () => {
    const folder = await Deno.makeTempDir({ prefix: "paddock-test-" });
    try {
      await Deno.chmod(folder, 0o755);
      await Deno.copyFile("/usr/bin/grep", `${folder}/grep`);
      await Deno.chmod(`${folder}/grep`, 0o755);
      await new Deno.Command("setcap", {
        args: ["cap_net_raw,cap_chown=p", `${folder}/grep`],
      }).output();
      // Without a user namespace and without nosuid in the way, so that the file's would count.
      const box = Sandbox.empty().user(1000).env("PATH", "/usr/bin");
      const { stdout } = await attempt(
        box.capabilities(["CAP_CHOWN"], { ambient: false }),
        `${folder}/grep -E 'Cap(Prm|Eff)' /proc/self/status`,
      );
      assertEquals(lines(stdout).map((line) => Number(`0x${line.split(":")[1]!.trim()}`)), [0, 0]);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);

testIf(
  ROOT,
  "an ordinary user has none to keep",
  "without a user namespace of its own, root's capabilities are kept over the host",
  async () => {
    const kept = hex("CAP_NET_RAW");
    const box = Sandbox.empty().env("PATH", "/usr/bin:/bin").capabilities(["CAP_NET_RAW"]);
    assertEquals(await sets(box), { ...none, Prm: kept, Eff: kept, Bnd: kept });
    assertEquals((await sets(box.user(1000))).Amb, kept);
  },
);

testIf(
  ROOT && (knownCapabilities() & ~BigInt(`0x${capabilityBounding()}`)) !== 0n,
  "this program has every capability",
  "what the caller lacks cannot be kept, and the error says so",
  async () => {
    const missing = (Object.keys(CAPABILITIES) as CapabilityName[]).find((name) =>
      (BigInt(`0x${capabilityBounding()}`) & capabilityMask([name])) === 0n
    )!;
    const box = Sandbox.empty().env("PATH", "/usr/bin:/bin").capabilities([missing]);
    const error = await assertRejects(() => box.output(["true"]), StepError);
    assertEquals(error.step, "identity");
    assertEquals(error.message.endsWith("lacks a capability that is to be kept"), true);
  },
);

function capabilityBounding(): string {
  return /^CapPrm:\s*(\w+)$/m.exec(Deno.readTextFileSync("/proc/self/status"))![1]!;
}

testIf(
  !ROOT,
  "root has some",
  "an ordinary user without a user namespace has none to keep",
  () => {
    assertThrows(
      () => Sandbox.empty().capabilities(["CAP_CHOWN"]).plan(["true"]),
      SpecError,
      "unshare",
    );
  },
);

Deno.test("a name that is none is refused", () => {
  assertThrows(
    () => sandbox().capabilities(["CAP_FLY" as CapabilityName]),
    SpecError,
    'capabilities.keep[0]: there is no "CAP_FLY"',
  );
  assertThrows(
    () => Sandbox.from({ capabilities: { keep: ["net_raw"] } as never }),
    SpecError,
    "capabilities.keep[0]",
  );
  for (
    const [capabilities, field] of [
      [{ keep: [], ambient: 1 }, "capabilities.ambient"],
      [{ keep: [], add: [] }, "capabilities.add"],
      ["all", "capabilities"],
    ] as const
  ) {
    const error = assertThrows(
      () => Sandbox.from({ capabilities: capabilities as never }),
      SpecError,
    );
    assertEquals(error.field, field);
  }
});
