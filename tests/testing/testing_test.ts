/** The kit for plugins' tests: a rehearsal does what a launch does, a trial finds what is left. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { audit } from "../../hooks/audit.ts";
import { hosts } from "../../hooks/hosts.ts";
import { secrets } from "../../hooks/secrets.ts";
import { timing } from "../../hooks/timing.ts";
import { rehearse, trial } from "../../lib/testing/mod.ts";
import { defineHook, HookError, type Plugin, sandbox, SyscallError } from "../../mod.ts";

Deno.test("a rehearsal plays all stages in order and runs the clean-ups last", async () => {
  const seen: string[] = [];
  const plugin: Plugin = {
    name: "all",
    configure: (spec) => {
      seen.push("configure");
      return { ...spec, hostname: "heron" };
    },
    preMount: (ctx) => {
      seen.push(`preMount ${ctx.spec.hostname} ${ctx.pid > 0}`);
      ctx.addMount({ kind: "tmpfs", target: "/scratch" });
      ctx.defer(() => seen.push("first deferred"));
      ctx.defer(() => seen.push("second deferred"));
    },
    networkSetup: async (ctx) => {
      await ctx.inside.link.set("lo", { up: true });
      await ctx.inside.address.add({ link: "lo", address: "10.0.0.1/32" });
      await ctx.host.link.get("eth0");
      assertEquals(await ctx.host.link.list(), []);
      seen.push("networkSetup");
    },
    postStart: (ctx) => {
      seen.push("postStart");
      ctx.kill("SIGUSR1");
      ctx.report({ fine: true });
    },
    postStop: (ctx) => {
      seen.push(`postStop ${ctx.status.code} ${ctx.oomKilled}`);
    },
  };
  const { spec, mounts, calls, signals, report, errors } = await rehearse(plugin, {
    end: { code: 3, oomKilled: true },
  });
  assertEquals(seen, [
    "configure",
    "preMount heron true",
    "networkSetup",
    "postStart",
    "postStop 3 true",
    "second deferred",
    "first deferred",
  ]);
  assertEquals([spec.hostname, mounts], ["heron", [{ kind: "tmpfs", target: "/scratch" }]]);
  assertEquals(calls.map(({ on, name }) => `${on} ${name}`), [
    "inside link.set",
    "inside address.add",
    "host link.get",
    "host link.list",
  ]);
  assertEquals(calls[1]!.args, [{ link: "lo", address: "10.0.0.1/32" }]);
  assertEquals([signals, report, errors], [["SIGUSR1"], { fine: true }, []]);
});

Deno.test("calls inside are answered as the test says, with errors too", async () => {
  const plugin = defineHook({
    name: "caller",
    async preMount(ctx) {
      ctx.report(await ctx.inside.syscall("getpid"));
      await ctx.inside.syscall("mount", "a", "/b", "c", 0, 0);
    },
  });
  const error = await assertRejects(
    () =>
      rehearse(plugin, {
        answer: ({ name, args }) => {
          if (args[0] === "getpid") return 1;
          if (name === "syscall") throw new SyscallError({ syscall: "mount", errno: 1 });
        },
      }),
    HookError,
  );
  assert(error.cause instanceof SyscallError && error.cause.code === "EPERM");
});

Deno.test("what fails a launch fails the rehearsal, after the clean-ups; what does not is an error in it", async () => {
  let cleaned = 0;
  const failing = (stage: "networkSetup" | "postStop"): Plugin => ({
    name: "failing",
    preMount: (ctx) => ctx.defer(() => cleaned++),
    [stage]: () => {
      throw new Error("boom");
    },
  });
  await assertRejects(() => rehearse(failing("networkSetup")), HookError, "boom");
  const { errors } = await rehearse(failing("postStop"));
  assertEquals([cleaned, errors.length], [2, 1]);
  await assertRejects(
    () =>
      rehearse({ name: "slow", preMount: { timeout: 20, handler: () => new Promise(() => {}) } }),
    HookError,
    "longer than 20 ms",
  );
});

Deno.test("the shipped plugins that need no network can be rehearsed without privileges", async () => {
  const kept: unknown[] = [];
  for (
    const plugin of [
      hosts({ db: "10.0.0.2" }),
      secrets({ a: "b" }),
      timing(() => {}),
      audit((it) => kept.push(it)),
    ]
  ) {
    assertEquals((await rehearse(plugin)).errors, [], plugin.name);
  }
  assertEquals(kept.length, 2);
});

Deno.test("a trial finds nothing behind what cleans up, and names what does not", async () => {
  const clean = await trial(hosts({ db: "10.0.0.2" }), ["sh", "-c", "cat /etc/hosts; echo >&2 e"]);
  assertEquals([clean.code, clean.stderr, clean.left], [0, "e\n", []]);
  assert(clean.stdout.includes("10.0.0.2\tdb"));
  const files: Deno.FsFile[] = [];
  try {
    const { left } = await trial({
      name: "leaky",
      preMount: () => void files.push(Deno.openSync("/etc/passwd")),
    }, ["true"]);
    assertEquals(left.length, 1);
    assert(/^descriptor \d+: \/etc\/passwd$/.test(left[0]!), left[0]);
  } finally {
    for (const file of files) file.close();
  }
});

Deno.test("a misspelt option, and what is no plugin, are errors", async () => {
  await assertRejects(() => rehearse({ name: "x" }, { bxo: sandbox() } as never), Error, '"box"');
  await assertRejects(() => rehearse({ name: "x", premount() {} } as Plugin), Error, "preMount");
});
