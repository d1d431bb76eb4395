import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { watch } from "../../hooks/watch.ts";
import { rehearse } from "../../lib/testing/mod.ts";
import {
  HookError,
  type PressureAverages,
  sandbox,
  SpecError,
  UnsupportedError,
} from "../../mod.ts";
import { CAN_LIMIT, WHY_NOT } from "../cgroup/support.ts";
import { testIf } from "../integration/support.ts";

const averages = (avg10: number): PressureAverages => ({ avg10, avg60: 0, avg300: 0, total: 0 });
const limited = sandbox().limits({ pids: 64 });

testIf(
  CAN_LIMIT,
  WHY_NOT,
  "watch: too much processors' time ends the sandbox, and the result says why",
  async () => {
    const box = limited.timeout("60s").use(watch({ cpuTime: "300ms", every: 20 }));
    const { signal, timedOut, reports } = await box.output(["sh", "-c", "while :; do :; done"]);
    assertEquals([signal, timedOut], ["SIGKILL", false]);
    const { killed } = reports.watch as { killed: string };
    assert(/^it has used \d+ ms of processors' time$/.test(killed), killed);
  },
);

testIf(CAN_LIMIT, WHY_NOT, "watch: what stays below is left alone", async () => {
  const box = limited.use(watch({ cpuTime: "60s", memory: "1G", every: 10 }));
  const { code, reports } = await box.output(["sleep", "0.1"]);
  assertEquals([code, reports.watch], [0, undefined]);
});

Deno.test("watch: each kind of excess is seen", async () => {
  const statistics = {
    cpu: { total: 500, user: 400, system: 100 },
    memory: { current: 2 ** 20, oomKills: 0 },
  };
  const pressure = (resource: string) => ({ some: averages(resource === "io" ? 60 : 10) });
  for (
    const [options, reason] of [
      [{ memory: "512K" }, /1048576 bytes of memory/],
      [{ cpuTime: 400 }, /500 ms/],
      [{ ioPressure: 50 }, /waits for io in 60%/],
      [{ memoryPressure: 50, cpuPressure: 50 }, undefined],
    ] as const
  ) {
    const { report, calls } = await rehearse(watch(options), {
      box: limited,
      cgroup: { statistics, pressure },
    });
    const killed = calls.some(({ on, name }) => on === "cgroup" && name === "kill");
    assertEquals(killed, reason !== undefined);
    if (reason) assert(reason.test((report as { killed: string }).killed), JSON.stringify(report));
  }
});

Deno.test("watch: it looks again and again, and the callback takes the place of the kill", async () => {
  const reasons: string[] = [];
  let share = 0;
  const plugin = watch({
    memoryPressure: 30,
    every: 5,
    onExcess: (reason) => reasons.push(reason),
  });
  const { calls } = await rehearse(plugin, {
    box: limited,
    runs: 200,
    cgroup: { pressure: () => ({ some: averages(share += 10) }) },
  });
  assertEquals([reasons, calls], [["it waits for memory in 40% of the time"], []]);
});

Deno.test("watch: what cannot be watched fails the launch", async () => {
  const without = await assertRejects(() => rehearse(watch({ cpuTime: 1 })), HookError);
  assert(without.cause instanceof SpecError && without.message.includes("limits()"));
  const old = await assertRejects(
    () => rehearse(watch({ ioPressure: 10 }), { box: limited }),
    HookError,
  );
  assert(old.cause instanceof UnsupportedError);
  assertThrows(() => watch({ memory: "much" }), SpecError);
});
